"""A dataset with a store: what comes back, in which order it is stored, and what is refused."""

import copy
import pickle
import sqlite3

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from baal.active.dataset.numpy import ActiveNumpyArray
from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
from baal.active.label_store import LabelStore
from baal.exceptions import (
    InvalidArgumentError,
    InvalidIndexError,
    InvalidTypeError,
    LabelStoreError,
    StateError,
)


class Items:
    """Items that are their own index, with labels."""

    def __init__(self, n=8):
        self.n, self.values, self.refuse = n, {}, set()

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        return index

    def label(self, index, value):
        if value in self.refuse:
            raise KeyError(value)
        self.values[index] = value


@pytest.fixture
def store(tmp_path):
    with LabelStore(tmp_path / "labels.db") as store:
        yield store


def rows(store, columns="kind, dataset_index, value, step"):
    store.close()
    database = sqlite3.connect(store.path)
    found = database.execute(f"SELECT {columns} FROM events ORDER BY seq").fetchall()
    database.close()
    return found


def make(store, n=8, **options):
    return ActiveLearningDataset(Items(n), store=store, random_state=0, **options)


def test_everything_comes_back(store):
    dataset = make(store)
    dataset.label([5, 0], ["a", ("b", 1)])
    dataset.label_dataset_indices(3, "c")
    dataset.relabel_dataset_indices(5, "d")
    dataset.unlabel_dataset_indices(3)
    again = make(store)
    assert again._dataset.values == {0: ("b", 1), 5: "d"}
    assert again.labelled_map.tolist() == [1, 0, 0, 0, 0, 1, 0, 0]
    assert again.current_al_step == 2
    assert again.history == dataset.history
    again.answer([0, 5], [("b", 1), "d"])  # the same again
    assert again.current_al_step == 2
    assert rows(store) == [
        ("label", 5, '"a"', 1),
        ("label", 0, '{"$tuple": ["b", 1]}', 1),
        ("label", 3, '"c"', 2),
        ("relabel", 5, '"d"', 2),
        ("unlabel", 3, None, 2),
    ]


def test_arrays_and_numpy_datasets(store):
    x, y = np.arange(4), np.zeros((4, 2))
    ActiveNumpyArray((x, y), store=store).label([1, 2], np.array([[1.5, 2.0], [3.0, 4.0]]))
    again = ActiveNumpyArray((x, y), store=store)
    assert again.dataset[1].tolist() == [[1.5, 2.0], [3.0, 4.0]]
    assert y.sum() == 0


def test_tensors_as_values(store):
    make(store).label([0, 1], torch.tensor([7, 8]))
    assert make(store)._dataset.values == {0: torch.tensor(7), 1: torch.tensor(8)}


def test_values_that_the_dataset_cannot_take_are_kept_nevertheless(store):
    def without_labels():
        return ActiveLearningDataset(["a", "b", "c"], store=store)

    with pytest.warns(UserWarning, match="cannot store it here"):
        without_labels().label(1, "cat")
    assert rows(store) == [("label", 1, '"cat"', 1)]
    dataset = without_labels()
    assert list(dataset) == ["b"]
    with pytest.raises(InvalidArgumentError, match="other ones"):
        dataset.answer(1, "dog")
    dataset.answer(1, "cat")


def test_labelled_from_the_start(store):
    steps = [0, 2, 0, 1, 0, 0, 0, 0]
    make(store, labelled=steps).label(0, "a")
    assert rows(store, "call, dataset_index, step") == [(0, 1, 2), (0, 3, 1), (1, 0, 3)]
    for given in (None, steps, np.array(steps)):
        again = make(store, labelled=given)
        assert again.labelled_map.tolist() == [3, 2, 0, 1, 0, 0, 0, 0]
    with pytest.raises(InvalidArgumentError, match="the store is the truth"):
        make(store, labelled=[1, 0, 0, 0, 0, 0, 0, 0])


def test_reset(store):
    dataset = make(store, validation_split=0.5)
    dataset.label([0, 1, 2], [1, 2, 3])
    dataset.propose(5)
    dataset.reset_labelled()
    assert not make(store).labelled.any()
    dataset.label(4, 9)
    again = make(store)
    assert again.labelled_map.tolist() == [0, 0, 0, 0, 1, 0, 0, 0]
    assert again._dataset.values == {4: 9}
    assert len(again.pending_indices) == 0
    assert [row[0] for row in rows(store)] == ["label"] * 3 + ["propose", "reset", "label"]


def test_the_validation_split_goes_on(store):
    with_seed_of_store = make(store, n=200, validation_split=0.25)
    with_seed_of_store.label(list(range(50)), list(range(50)))
    with_seed_of_store.unlabel_dataset_indices(list(range(10)))
    for again in (make(store, n=200, validation_split=0.25), make(store, n=200)):
        twin = copy.deepcopy(again)
        assert again.validation_indices.tolist() == with_seed_of_store.validation_indices.tolist()
        own, other = again._validation.to_plain(), with_seed_of_store._validation.to_plain()
        for key, value in own.items():
            assert np.array_equal(value, other[key])
        assert twin.n_validation == again.n_validation
    with pytest.raises(InvalidArgumentError, match=r"validation_split=0\.5"):
        make(store, n=200, validation_split=0.5)


def test_the_store_of_another_dataset(store):
    make(store, item_ids=[str(i) for i in range(8)]).label(0, 1)
    before = store.path.read_bytes()
    with pytest.raises(InvalidArgumentError, match="of 9 items"):
        make(store, n=9)
    with pytest.raises(InvalidArgumentError, match="with other ids"):
        make(store)
    with pytest.raises(InvalidArgumentError, match="with other ids"):
        make(store, item_ids=[str(i) for i in range(8)][::-1])
    with pytest.raises(InvalidTypeError, match="LabelStore"):
        make("labels.db")
    assert store.path.read_bytes() == before


def test_the_store_of_one_without_ids(store):
    make(store)
    with pytest.raises(InvalidArgumentError, match="without ids"):
        make(store, item_ids=range(8))


def test_a_value_that_cannot_be_kept_is_refused_before_anything_happens(store):
    dataset = make(store)
    with pytest.raises(InvalidTypeError, match="kept exactly"):
        dataset.label([0, 1], ["a", object()])
    assert (dataset.n_labelled, dataset._dataset.values, rows(store)) == (0, {}, [])


def test_a_dataset_that_raises_leaves_the_store_as_it_was(store):
    dataset = make(store)
    dataset.label([0, 1], ["a", "b"])
    dataset._dataset.refuse = {"bad"}
    with pytest.raises(KeyError):
        dataset.label([0, 1], ["c", "bad"])
    with pytest.raises(KeyError):
        dataset.relabel_dataset_indices([0, 1], ["c", "bad"])
    # What had been replaced half-way is what the store says again.
    assert {index: dataset._dataset.values[index] for index in (0, 1)} == {0: "a", 1: "b"}
    assert dataset.n_labelled == 2
    assert len(rows(store)) == 2
    dataset.label_dataset_indices(2, "d")
    assert make(store).n_labelled == 3


def test_a_dataset_that_takes_nothing_back(store):
    dataset = make(store)
    dataset.label(0, "a")
    dataset._dataset.refuse = {"a", "bad"}
    with pytest.raises(KeyError, match="bad"):  # the error on its way is the one to see
        dataset.relabel_dataset_indices(0, "bad")
    assert len(rows(store)) == 1


def test_inside_of_a_transaction_that_fails(store):
    dataset, twin = make(store), make(store)
    dataset.label(0, "a")
    with pytest.raises(KeyError), store.writing():
        dataset.label(0, "b")
        dataset.relabel_dataset_indices(0, "c")
        assert twin.refresh()
        twin.unlabel_dataset_indices(1)
        assert dataset.refresh()
        raise KeyError
    # Rows with the same numbers come from elsewhere: nobody takes them for their own.
    with LabelStore(store.path) as other:
        make(other).label_dataset_indices([5, 6, 7], ["x", "y", "z"])
    for one in (dataset, twin):
        assert one.refresh()
        assert one.labelled_map.tolist() == [1, 0, 0, 0, 0, 2, 2, 2]
        assert {i: one._dataset.values[i] for i in (0, 5)} == {0: "a", 5: "x"}


def test_a_call_that_fails_inside_of_a_transaction_that_does_not(store):
    dataset = make(store)
    dataset.label([0, 1], ["a", "b"])
    dataset._dataset.refuse = {"bad"}
    with store.writing():
        dataset.label_dataset_indices(2, "c")
        with pytest.raises(KeyError):
            dataset.relabel_dataset_indices([0, 1], ["d", "bad"])
        with pytest.raises(KeyError):
            dataset.label_dataset_indices([3, 4], ["d", "bad"])
        dataset.label_dataset_indices(5, "e")
    assert make(store)._dataset.values == {0: "a", 1: "b", 2: "c", 5: "e"}
    assert dataset._dataset.values[0] == "a"
    assert dataset.labelled_map.tolist() == [1, 1, 2, 0, 0, 3, 0, 0]
    assert dataset.refresh() is False


class StopError(BaseException):
    """As Ctrl-C, at a moment of our choosing."""


def stop_at(monkeypatch, dataset, statement, *, before):
    database = dataset.store._database
    run = database.execute

    def execute(sql, parameters=()):
        if sql == statement and before:
            raise StopError
        result = run(sql, parameters)
        if sql == statement:
            raise StopError
        return result

    monkeypatch.setattr(database, "execute", execute)


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "COMMIT"])
@pytest.mark.parametrize("before", [True, False])
def test_stopped_between_any_two_steps(store, monkeypatch, statement, before):
    dataset = make(store)
    dataset.label(0, "a")
    stop_at(monkeypatch, dataset, statement, before=before)
    with pytest.raises(StopError):
        dataset.relabel_dataset_indices(0, "b")
    with pytest.raises(StopError):
        dataset.label_dataset_indices(3, "c")
    monkeypatch.undo()
    kept = statement == "COMMIT" and not before
    # Memory is where the store is, or one call behind it and catches up.
    assert dataset.refresh() == kept
    dataset.answer([0, 3], ["b", "c"], relabel=True)
    assert dataset.labelled_map.tolist() == [1, 0, 0, 2, 0, 0, 0, 0]
    assert dataset._dataset.values[0] == "b"
    assert [row[:3] for row in rows(store)] in (
        [("label", 0, '"a"'), ("label", 3, '"c"'), ("relabel", 0, '"b"')],
        [("label", 0, '"a"'), ("relabel", 0, '"b"'), ("label", 3, '"c"')],
    )


def test_a_disk_that_is_full_at_the_commit(store, monkeypatch):
    dataset = make(store)
    dataset.label(0, "a")
    database = dataset.store._database
    run = database.execute

    def execute(sql, parameters=()):
        if sql == "COMMIT":
            raise LabelStoreError("full")
        return run(sql, parameters)

    monkeypatch.setattr(database, "execute", execute)
    with pytest.raises(LabelStoreError, match="full"):
        dataset.relabel_dataset_indices(0, "b")
    with pytest.raises(LabelStoreError, match="full"):
        dataset.label_dataset_indices(1, "c")
    with pytest.raises(LabelStoreError, match="full"):
        dataset.propose(2)
    with pytest.raises(LabelStoreError, match="full"):
        dataset.reset_labelled()
    monkeypatch.undo()
    assert dataset._dataset.values[0] == "a"
    assert (dataset.n_labelled, len(dataset.pending_indices)) == (1, 0)
    assert len(rows(store)) == 1
    dataset.label_dataset_indices(1, "c")


def test_two_datasets_of_one_store(tmp_path):
    one, other = (make(LabelStore(tmp_path / "labels.db")) for _ in range(2))
    one.label([0, 1], ["a", "b"])
    with pytest.raises(StateError, match="another process"):
        other.label(0, "c")
    assert other.labelled_map.tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert other._dataset.values == {0: "a", 1: "b"}
    other.label(0, "c")  # now the pool begins with item 2
    with pytest.raises(InvalidIndexError, match="labelled already"):
        one.label_dataset_indices(2, "d")
    one.answer(2, "c")
    with pytest.raises(InvalidArgumentError, match="other ones"):
        one.answer(2, "d")
    assert one.refresh() is False
    assert len(rows(one.store)) == 3
    one.store.close()
    other.store.close()


def test_what_was_taken_in_is_what_a_fresh_start_gives(tmp_path):
    one, other = (
        make(LabelStore(tmp_path / "labels.db"), n=60, validation_split=0.3) for _ in range(2)
    )
    rng = np.random.default_rng(0)
    for turn in range(30):
        ours, theirs = (one, other) if turn % 2 else (other, one)
        theirs.refresh()
        new = rng.choice(np.flatnonzero(~theirs.labelled), 2, replace=False)
        theirs.label_dataset_indices(new, [turn, str(turn)])
        ours.unlabel_dataset_indices(new[:1])
        ours.relabel_dataset_indices(new[1], turn)
        if turn == 20:
            ours.reset_labelled()
    one.refresh()
    other.refresh()
    fresh = make(LabelStore(tmp_path / "labels.db"), n=60)
    states = [dataset.state_dict() for dataset in (one, other, fresh)]
    for state in states:
        del state["random_state"]
    assert str(states[0]) == str(states[1]) == str(states[2])
    labelled = np.flatnonzero(fresh.labelled).tolist()
    for dataset in (one, other):
        assert all(dataset._dataset.values[i] == fresh._dataset.values[i] for i in labelled)
    for dataset in (one, other, fresh):
        dataset.store.close()


def test_snapshots(store, tmp_path):
    dataset = make(store)
    dataset.label([0, 3], [1, 2])
    dataset.save(tmp_path / "snapshot")
    state = dataset.state_dict()
    dataset.load(tmp_path / "snapshot")
    dataset.load_state_dict(state)
    dataset.propose(5)
    with pytest.raises(StateError, match="another waiting"):
        dataset.load_state_dict(state)
    dataset.label(0, 3)
    with pytest.raises(StateError, match="another current_al_step"):
        dataset.load(tmp_path / "snapshot")
    assert dataset.n_labelled == 3
    # Of one that says the same the random state counts, which is not in the store.
    state = dataset.state_dict()
    drawn = dataset.random_state.randint(10**9)
    dataset.load_state_dict(state)
    assert dataset.random_state.randint(10**9) == drawn


def test_a_snapshot_with_what_waits_loads_where_there_is_no_store(store, tmp_path):
    dataset = make(store)
    dataset.label([0, 3], [1, 2])
    dataset.propose([5, 4], [0.5, 0.25])
    dataset.cannot_label(7)
    dataset.save(tmp_path / "snapshot")
    twin = ActiveLearningDataset(Items())
    twin.load(tmp_path / "snapshot")
    assert twin.pending_indices.tolist() == [4, 5]
    assert twin.pending_scores.tolist() == [0.25, 0.5]
    assert twin.impossible_indices.tolist() == [7]
    assert twin.store is None


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_of_a_data_loader(store, context):
    dataset = make(store)
    dataset.label([0, 3], [1, 2])
    loader = DataLoader(dataset, num_workers=1, multiprocessing_context=context)
    assert torch.cat(list(loader)).tolist() == [0, 3]
    assert torch.cat(list(DataLoader(dataset.pool, num_workers=0))).tolist() == [1, 2, 4, 5, 6, 7]
    dataset.label(0, 5)
    twin = pickle.loads(pickle.dumps(dataset))
    assert twin.labelled_map.tolist() == dataset.labelled_map.tolist()
    twin.label(0, 1)
    assert dataset.refresh()
    twin.store.close()


def test_without_a_store_nothing_changes():
    dataset = ActiveLearningDataset(Items())
    assert dataset.store is None
    assert dataset.refresh() is False
    assert "value_digests" not in dataset.state_dict()
