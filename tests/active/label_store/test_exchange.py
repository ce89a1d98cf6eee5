"""Out to CSV and JSONL, and back exactly."""

import csv
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
from baal.active.label_store.exchange import _json_of_cell, _text_cell, export_labels, read_labels
from baal.active.label_store.store import LabelStore
from baal.exceptions import InvalidArgumentError

VALUES = [
    "cat", "7", 7, 7.5, "", "a,b", 'say "hi"', "line\r\nbreak", "null", "NaN", " padded ", (1, "x"),
    np.array([[1.5, 2.0]]), b"raw", True, "true", {"boxes": np.arange(3)}, "猫", float("nan"), [],
    "\ud800", "[1", "\ufeffx",
]  # fmt: skip
IDS = ["a.png", 1, "1", "x,y", "null", 'q"', " ", *(f"{i}.png" for i in range(len(VALUES) - 7))]


class Items(list):
    def __init__(self):
        super().__init__(range(len(VALUES)))
        self.values = {}

    def label(self, index, value):
        self.values[index] = value


@pytest.fixture
def store(tmp_path):
    with LabelStore(tmp_path / "labels.db", source="ada") as store:
        yield store


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "CSV"])
def test_out_and_back(tmp_path, store, suffix):
    dataset = ActiveLearningDataset(Items(), item_ids=IDS, store=store)
    dataset.propose(3, 0.1)
    dataset.label_items(IDS, VALUES)
    path = tmp_path / f"labels.{suffix}"
    assert export_labels(store, path) == len(VALUES)
    with LabelStore(tmp_path / "twin.db") as other:
        twin = ActiveLearningDataset(Items(), item_ids=IDS[::-1], store=other)
        assert twin.import_labels(path) == len(VALUES)
        for index, value in enumerate(VALUES):
            got = twin._dataset.values[len(VALUES) - 1 - index]
            assert type(got) is type(value)
            assert repr(got) == repr(value)
        assert {row[-2] for row in other.select("labels")[1]} == {"ada"}


def test_csv_is_for_people(tmp_path, store):
    dataset = ActiveLearningDataset(Items(), item_ids=IDS, store=store)
    dataset.label_items(["a.png", "1", "x,y"], ["cat", "7", 7])
    export_labels(store, tmp_path / "labels.csv")
    with (tmp_path / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["dataset_index"], row["item_id"], row["value"]) for row in rows] == [
        ("0", "a.png", "cat"), ("2", '"1"', '"7"'), ("3", "x,y", "7")
    ]  # fmt: skip
    assert list(rows[0]) == [
        "dataset_index", "item_id", "value", "blob", "step", "time", "source", "score"
    ]  # fmt: skip


def test_everything_that_happened(tmp_path, store):
    dataset = ActiveLearningDataset(Items(), store=store)
    dataset.label([0, 1], ["cat", np.arange(2)])
    dataset.unlabel_dataset_indices(0)
    assert export_labels(store, tmp_path / "all.jsonl", "events") == 3
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert [row["kind"] for row in rows] == ["label", "label", "unlabel"]
    assert (rows[0]["value"], rows[2]["value"]) == ("cat", None)
    assert rows[1]["blob"].startswith("UEs")  # a zip file


@given(st.text(st.characters(codec="utf-8")))
def test_text_in_a_cell(text):
    assert json.loads(_json_of_cell(_text_cell(text))) == text


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.csv", "item_id\nb.png\n", "a.csv:2"),
        ("a.csv", "value\ncat\n", "a.csv:2"),
        ("a.csv", 'item_id,value\n"b,c\n', "unexpected end"),
        ("a.csv", "item_id,value\na,b,c\n", "a.csv:2 .* double quotes"),
        ("a.csv", "item_id,value\na,\tb ,\nc\nd, \n,,\n", None),
        ("a.csv", 'item_id,value\na,{"$what": 1}\n', "a.csv:2"),
        ("a.jsonl", '{"item_id": 1, "value": 2}\ncat\n', "a.jsonl:2"),
        ("a.jsonl", "[1]\n", "a.jsonl:1"),
        ("a.jsonl", '{"value": 2}\n', "a.jsonl:1"),
        ("a.jsonl", '{"item_id": 1, "value": NaN}\n', "a.jsonl:1"),
        ("a.txt", "", "end in '.csv' or '.jsonl'"),
    ],
)
def test_files_that_are_something_else(tmp_path, name, content, match):
    (tmp_path / name).write_text(content)
    if match is None:
        assert [one.value for one in read_labels(tmp_path / name)] == ["b"]
        return
    with pytest.raises(InvalidArgumentError, match=match):
        read_labels(tmp_path / name)


def test_blanks_are_a_part_of_text_that_was_exported(tmp_path, store):
    store.source = " ada "
    dataset = ActiveLearningDataset(Items(), item_ids=[*IDS[:-1], " z "], store=store)
    dataset.label_items([" z ", "a.png"], [" ", "cat "])
    export_labels(store, tmp_path / "a.csv")
    answers = [(one.item_id, one.value, one.source) for one in read_labels(tmp_path / "a.csv")]
    assert sorted(answers) == [(" z ", " ", " ada "), ("a.png", "cat ", " ada ")]


def test_not_in_utf_8(tmp_path):
    (tmp_path / "a.csv").write_bytes("item_id,value\na,é\n".encode("latin-1"))
    with pytest.raises(InvalidArgumentError, match="UTF-8"):
        read_labels(tmp_path / "a.csv")


def test_an_old_file_is_replaced_whole(tmp_path, store):
    path = tmp_path / "labels.csv"
    path.write_text("old")
    with pytest.raises(InvalidArgumentError, match="'nonsense'"):
        export_labels(store, path, "nonsense")
    assert path.read_text() == "old"
    assert export_labels(store, path) == 0
    assert path.read_text() == "dataset_index,item_id,value,blob,step,time,source,score\n"
