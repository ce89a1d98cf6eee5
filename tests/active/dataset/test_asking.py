"""Proposals, answers by index, id and file, and items that cannot be labelled."""

import json

import numpy as np
import pytest

from baal.active.dataset.numpy import ActiveNumpyArray
from baal.active.label_store import LabelStore, export_labels
from baal.exceptions import InvalidArgumentError, InvalidIndexError, InvalidTypeError, StateError

IDS = ["a.png", "b.png", "c.png", "d.png", "e.png"]


@pytest.fixture(params=[False, True], ids=["in memory", "with a store"])
def store(request, tmp_path):
    if not request.param:
        yield None
        return
    with LabelStore(tmp_path / "labels.db", source="ada") as store:
        yield store


def make(store, ids=IDS):
    return ActiveNumpyArray((np.arange(5), np.zeros(5, int)), item_ids=ids, store=store)


def test_proposed_answered_withdrawn(store):
    dataset = make(store)
    dataset.propose([3, 1, 4], [0.5, 0.25, 1.0])
    assert dataset.pending_indices.tolist() == [1, 3, 4]
    assert dataset.pending_scores.tolist() == [0.25, 0.5, 1.0]
    assert dataset.askable.tolist() == [0, 2]
    assert (dataset.n_askable, dataset.n_unlabelled, len(dataset.pool[0])) == (2, 5, 5)
    dataset.label_items("d.png", 7)
    assert dataset.pending_indices.tolist() == [1, 4]
    assert dataset.askable.tolist() == [0, 2]
    dataset.cannot_label([4, 0])
    dataset.cannot_label([4])
    assert dataset.pending_indices.tolist() == [1]
    assert dataset.impossible_indices.tolist() == [0, 4]
    dataset.withdraw([1, 4])
    assert dataset.askable.tolist() == [1, 2, 3]  # items 1, 2, 4
    dataset.label_dataset_indices(0, 3)  # an answer after all
    assert (len(dataset.impossible_indices), dataset.n_askable) == (0, 3)
    dataset.unlabel_dataset_indices(3)
    assert dataset.askable.tolist() == [0, 1, 2, 3]
    if store is not None:
        found = list(store.select("events")[1])
        kinds = [row[3] for row in found]
        assert kinds == ["propose"] * 3 + ["label"] + ["cannot_label"] * 2 + ["withdraw"] * 2 + [
            "label", "unlabel",
        ]  # fmt: skip
        # The answer keeps what it was chosen for, and who gave it.
        assert (found[3][5], found[3][-1], found[3][-2]) == ("d.png", 0.5, "ada")


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda d: d.propose([2, 0]), InvalidIndexError, "labelled already"),
        (lambda d: d.propose([2, 1]), InvalidIndexError, "pending already"),
        (lambda d: d.propose([2, 4]), InvalidIndexError, "cannot be labelled"),
        (lambda d: d.propose([2, 2]), InvalidIndexError, "more than once"),
        (lambda d: d.propose([2, 5]), InvalidIndexError, "between 0 and 4"),
        (lambda d: d.propose([2, 3], [1.0]), InvalidArgumentError, "one for each of the 2"),
        (lambda d: d.propose("a"), InvalidTypeError, "integers"),
        (lambda d: d.withdraw([1, 2]), InvalidIndexError, "neither"),
        (lambda d: d.withdraw(0), InvalidIndexError, "labelled already"),
        (lambda d: d.cannot_label([2, 0]), InvalidIndexError, "labelled already"),
        (lambda d: d.answer([2, 2], [1, 2]), InvalidArgumentError, "one value for each item"),
        (lambda d: d.answer([2, 0], [1, 2]), InvalidArgumentError, "other ones for 1 items"),
        (lambda d: d.answer([2, -1], [1, 2]), InvalidIndexError, "between 0 and 4"),
        (lambda d: d.answer([2, 3], [1]), InvalidArgumentError, "one value for each of the 2"),
    ],
)
def test_refused_as_a_whole(store, call, error, match):
    dataset = make(store)
    dataset.label(0, 9)
    dataset.propose(1)
    dataset.cannot_label(4)
    with pytest.raises(error, match=match):
        call(dataset)
    assert dataset.pending_indices.tolist() == [1]
    assert dataset.impossible_indices.tolist() == [4]
    assert dataset.labelled_map.tolist() == [1, 0, 0, 0, 0]
    assert store is None or store.last() == 3


def test_answers_by_dataset_index(store):
    dataset = make(store)
    dataset.answer([3, 1, 3], [7, 8, 7])
    dataset.answer([1, 0], [8, 9])
    assert dataset.labelled_map.tolist() == [2, 1, 0, 1, 0]
    dataset.answer([1, 2], [5, 6], relabel=True)
    assert dataset.dataset[1].tolist() == [9, 5, 6, 7]
    assert [event.kind for event in dataset.history] == ["label", "label", "label", "relabel"]


def test_answers_that_cannot_be_compared():
    dataset = make(None, ids=None)
    dataset.answer(1, 5)
    with pytest.raises(InvalidArgumentError, match=r"other ones for 1 items: \[1\]"):
        dataset.answer(1, 5)
    dataset.answer(1, 5, relabel=True)


def test_reset_forgets_what_waits(store):
    dataset = make(store)
    dataset.propose(1)
    dataset.cannot_label(2)
    dataset.reset_labelled()
    assert dataset.n_askable == 5


def test_a_file_that_people_fill_in(tmp_path, store):
    dataset = make(store)
    dataset.propose([1, 3], [0.5, 0.25])
    path = tmp_path / "ask.csv"
    if store is None:
        path.write_text("item_id,value\nb.png,\nd.png,\n")
    else:
        assert export_labels(store, path, "waiting") == 2
    lines = path.read_text().splitlines()
    path.write_text("\ufeff" + "\n".join([lines[0], lines[1] + "4", lines[2]]) + "\n", "utf-8")
    assert dataset.import_labels(path) == 1
    assert dataset.import_labels(path) == 1  # again
    assert dataset.dataset[1].tolist() == [4]
    assert dataset.pending_indices.tolist() == [3]
    if store is not None:
        assert next(store.select("labels")[1])[-2:] == ("ada", 0.5)


def test_import_is_all_or_nothing(tmp_path, store):
    dataset = make(store)
    dataset.label_items("a.png", 1)
    path = tmp_path / "answers.jsonl"
    answers = [
        {"item_id": "b.png", "value": 2, "source": "bob"},
        {"dataset_index": 2, "value": 3},
        {"item_id": "a.png", "value": 5, "source": "eve"},
    ]
    path.write_text("\n".join(map(json.dumps, answers)) + "\n\n")
    with pytest.raises(InvalidArgumentError, match="other ones"):
        dataset.import_labels(path)
    assert dataset.labelled_map.tolist() == [1, 0, 0, 0, 0]
    assert store is None or store.last() == 1
    assert dataset.import_labels(path, relabel=True) == 3
    assert dataset.dataset[1].tolist() == [5, 2, 3]
    if store is not None:
        found = {row[0]: row[-2] for row in store.select("labels")[1]}
        assert found == {0: "eve", 1: "bob", 2: "ada"}
        assert store.source == "ada"


def test_an_id_where_items_have_none(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("item_id,value\nb.png,3\n")
    with pytest.raises(StateError, match=r"the id 'b\.png'"):
        make(None, ids=None).import_labels(path)
    with pytest.raises(StateError, match="item_ids"):
        make(None, ids=None).label_items("b.png", 3)
    path.write_text("item_id,dataset_index,value\nb.png,1,3\n")
    dataset = make(None, ids=None)
    dataset.import_labels(path)
    assert dataset.labelled_map.tolist() == [0, 1, 0, 0, 0]
