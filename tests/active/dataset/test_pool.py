"""The pool as a snapshot, and the way back from its subsets."""

import operator
import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import Subset

from baal.active.dataset.item_ids import ItemIds
from baal.active.dataset.label_map import LabelMap
from baal.active.dataset.pool import ActivePool, identity, pool_indices_of
from baal.exceptions import InvalidArgumentError, InvalidIndexError, InvalidTypeError

LETTERS = ["a", "b", "c", "d", "e"]


class Loud:
    def __init__(self):
        self.case = str.upper

    def __getitem__(self, i):
        return self.case(LETTERS[i])


@pytest.fixture
def pool():
    return ActivePool(LETTERS, LabelMap([0, 1, 0, 0, 0]))


def test_items(pool):
    assert len(pool) == 4
    assert list(pool) == ["a", "c", "d", "e"]
    assert (pool[1], pool[-1], pool[np.int64(2)], pool[torch.tensor(0)]) == ("c", "e", "d", "a")
    assert pool.dataset_indices.tolist() == [0, 2, 3, 4]
    assert not pool.dataset_indices.flags.writeable
    assert pool.source is pool.view is LETTERS


@pytest.mark.parametrize("index", [4, -5])
def test_out_of_range(pool, index):
    with pytest.raises(IndexError, match=f"a pool index, between -4 and 3, but got {index}"):
        pool[index]
    with pytest.raises(InvalidTypeError):
        pool[0:2]


def test_an_index_error_of_the_dataset_does_not_end_the_iteration_silently():
    pool = ActivePool(["a"], LabelMap([0, 0]))  # the dataset lost an item
    with pytest.raises(IndexError, match="list index out of range"):
        list(pool)


def test_make_unlabelled():
    pool = ActivePool([(1, "x"), (2, "y")], LabelMap([1, 0]), operator.itemgetter(0))
    assert list(pool) == [2]
    assert identity(pool) is pool


def test_specifics_do_not_leak():
    loud = Loud()
    pool = ActivePool(loud, LabelMap([1, 0]), pool_specifics={"case": str.lower})
    assert (pool[0], loud[1]) == ("b", "B")
    assert pool.source is loud


def test_ids():
    ids = ItemIds(["v", "w", "x", "y", "z"])
    pool = ActivePool(LETTERS, LabelMap([0, 1, 0, 0, 1]), ids=ids)
    assert pool.item_ids == pickle.loads(pickle.dumps(pool)).item_ids == ["v", "x", "y"]
    assert ActivePool(LETTERS, LabelMap([0] * 5)).item_ids is None


def test_pickle(pool):
    twin = pickle.loads(pickle.dumps(pool))
    assert list(twin) == list(pool)


def test_the_pool_maps_onto_itself(pool):
    assert pool_indices_of(pool, pool).tolist() == [0, 1, 2, 3]
    other_view = ActivePool(LETTERS, LabelMap([0, 1, 0, 0, 0]))
    assert pool_indices_of(other_view, pool).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "indices", [[3, 0], np.array([3, 0]), torch.tensor([3, 0]), range(3, -1, -3)]
)
def test_a_subset_maps_back(pool, indices):
    subset = Subset(pool, indices)
    found = pool_indices_of(subset, pool)
    assert found.tolist() == [3, 0]
    assert [pool[i] for i in found] == [subset[i] for i in range(len(subset))]


def test_nested_subsets_map_back(pool):
    subset = Subset(Subset(Subset(pool, [3, 1, 0]), [2, 1]), [1])
    assert pool_indices_of(subset, pool).tolist() == [1]
    assert subset[0] == pool[1]
    assert pool_indices_of(Subset(pool, []), pool).tolist() == []


def test_a_stale_snapshot_maps_through_dataset_indices(pool):
    now = ActivePool(LETTERS, LabelMap([2, 1, 0, 0, 0]))  # "a" was labelled since
    assert pool_indices_of(Subset(pool, [3, 1]), now).tolist() == [2, 0]
    with pytest.raises(InvalidIndexError, match=r"\[0\] are labelled already"):
        pool_indices_of(pool, now)


def test_nothing_maps_onto_arrays(pool):
    with pytest.raises(InvalidArgumentError, match="a ActivePool of another dataset"):
        pool_indices_of(pool, (np.ones(4), np.ones(4)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda pool: LETTERS, InvalidArgumentError, "got a list not made of a pool"),
        (lambda pool: Subset(LETTERS, [0]), InvalidArgumentError, "got a Subset not made of"),
        (
            lambda pool: ActivePool(list(LETTERS), pool.labels),
            InvalidArgumentError,
            "got a ActivePool of another dataset",
        ),
        (lambda pool: Subset(pool, [4]), InvalidIndexError, "between 0 and 3, but got [4]"),
        (lambda pool: Subset(Subset(pool, [1]), [1]), InvalidIndexError, "0 and 0, but got [1]"),
        (lambda pool: Subset(pool, [-1]), InvalidIndexError, "but got [-1]"),
        (lambda pool: Subset(pool, [1, 1]), InvalidIndexError, "but got [1] more than once"),
        (lambda pool: Subset(pool, [True] * 4), InvalidTypeError, "but got booleans"),
        (lambda pool: Subset(pool, ["a"]), InvalidTypeError, "of type list"),
    ],
)
def test_what_cannot_be_mapped(pool, make, error, message):
    with pytest.raises(error) as caught:
        pool_indices_of(make(pool), pool)
    assert message in str(caught.value)


def test_rows_below_are_dataset_indices_of_the_view():
    pool = ActivePool(LETTERS, LabelMap([1, 0, 1, 0, 0]))
    dataset, rows = pool.rows_below([2, 0, 0])
    assert dataset is LETTERS
    assert rows.tolist() == [4, 1, 1]
    assert ActivePool(LETTERS, LabelMap([0] * 5), str.lower).rows_below([0]) is None
