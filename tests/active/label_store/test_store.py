"""The rows, as somebody sees them who opens the file by hand."""

import re
import sqlite3

import pytest

from baal.active.dataset.numpy import ActiveNumpyArray
from baal.active.label_store.events import Entry
from baal.active.label_store.store import LabelStore
from baal.exceptions import InvalidArgumentError, InvalidTypeError

IDS = ["a.png", "b.png", 7, "7"]


@pytest.fixture
def store(tmp_path):
    with LabelStore(tmp_path / "labels.db", source="ada") as store:
        yield store


def make(store):
    return ActiveNumpyArray((range(4), [0] * 4), item_ids=IDS, store=store)


def by_hand(store, query):
    database = sqlite3.connect(store.path)
    found = database.execute(query).fetchall()
    database.close()
    return found


def test_who_gave_which_label_when(store):
    dataset = make(store)
    dataset.label([1, 2], [5, 6])
    with store.given_by("bob"):
        dataset.relabel_dataset_indices(2, 7)
    store.source = None
    dataset.unlabel_dataset_indices(1)
    columns = (
        "call, kind, dataset_index, item_id, typeof(item_id), value, step, labelled_at, source"
    )
    assert by_hand(store, f"SELECT {columns} FROM events") == [
        (1, "label", 1, "b.png", "text", "5", 1, None, "ada"),
        (1, "label", 2, 7, "integer", "6", 1, None, "ada"),
        (2, "relabel", 2, 7, "integer", "7", 1, 1, "bob"),
        (3, "unlabel", 1, "b.png", "text", None, 1, 1, None),
    ]
    (times,) = zip(*by_hand(store, "SELECT time FROM events"), strict=True)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time) for time in times)
    assert by_hand(store, "SELECT dataset_index, value, step, source FROM labels") == [
        (2, "7", 1, "bob")
    ]
    assert by_hand(store, "SELECT abs(julianday('now') - julianday(time)) < 1 FROM labels") == [
        (1,)
    ]


def test_the_views(store):
    dataset = make(store)
    dataset.propose([0, 1, 2], [0.5, 0.25, 0.75])
    dataset.label_dataset_indices(0, 3)
    dataset.cannot_label(1)
    assert by_hand(store, "SELECT dataset_index, state, score FROM waiting") == [
        (1, "cannot be labelled", None),
        (2, "pending", 0.75),
    ]
    assert by_hand(store, "SELECT dataset_index, score FROM labels") == [(0, 0.5)]
    dataset.reset_labelled()
    assert by_hand(store, "SELECT count(*) FROM labels") == [(0,)]
    assert by_hand(store, "SELECT count(*) FROM waiting") == [(0,)]
    assert by_hand(store, "SELECT count(*) FROM events") == [(6,)]


def test_what_the_labels_are_of(store):
    make(store)
    facts = store.facts()
    assert (facts.n_items, facts.validation_split, len(facts.item_ids)) == (4, 0.0, 64)
    assert by_hand(store, "SELECT n_items, created LIKE '20%Z' FROM dataset") == [(4, 1)]


def test_rows_are_read_in_pieces(store, monkeypatch):
    monkeypatch.setattr("baal.active.label_store.store._CHUNK", 3)
    with store.writing():
        for step in range(1, 9):
            store.add([Entry("label", [step], step, values=[(str(step), None)])])
    events = store.read(after=1)
    assert events.indices.tolist() == events.steps.tolist() == list(range(2, 9))
    assert (events.last, len(events), events.values[-1]) == (8, 7, ("8", None))
    with store.writing():
        assert store.reset() == 9
        store.add([Entry("label", [3], 1)])
    assert store.read().indices.tolist() == [-1, 3]


def test_values_of_some(store):
    dataset = make(store)
    dataset.label([0, 1, 2], [5, 6, 7])
    assert store.values([0, 2, 3]) == {0: 5, 2: 7}


@pytest.mark.parametrize("source", [7, b"ada"])
def test_a_source_is_text(tmp_path, store, source):
    with pytest.raises(InvalidTypeError, match="`source`"):
        LabelStore(tmp_path / "other.db", source=source)
    with pytest.raises(InvalidTypeError, match="`source`"), store.given_by(source):
        pass
    assert store.source == "ada"
    assert not (tmp_path / "other.db").exists()


def test_a_table_that_is_none(store):
    with pytest.raises(InvalidArgumentError, match="'events', 'labels' or 'waiting'"):
        store.select("sqlite_master; DROP TABLE events")


def test_closed_and_opened_again(store):
    dataset = make(store)
    dataset.label(0, 5)
    store.close()
    store.close()
    dataset.label(0, 6)
    assert store.last() == 2


def test_one_transaction_for_several_calls(store):
    dataset = make(store)
    with pytest.raises(KeyError), store.writing() as outermost:
        assert outermost
        with store.writing() as outermost:
            assert not outermost
        raise KeyError
    with store.writing():
        dataset.label(0, 5)
        dataset.label(0, 6)
        assert by_hand(store, "SELECT count(*) FROM events") == [(0,)]
    assert by_hand(store, "SELECT count(*) FROM events") == [(2,)]
