"""The map of labels against dense arithmetic."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from baal.active.dataset.label_map import LabelMap
from baal.exceptions import InvalidArgumentError, InvalidIndexError, InvalidTypeError

STEPS = st.lists(st.integers(0, 4), min_size=1, max_size=30)


def test_known_values():
    labels = LabelMap([0, 2, 0, 1, 0])
    assert (labels.n_items, labels.n_labelled, labels.n_unlabelled, labels.step) == (5, 2, 3, 2)
    assert labels.labelled_indices.tolist() == [1, 3]
    assert labels.labelled_steps.tolist() == [2, 1]
    assert labels.pool_indices.tolist() == [0, 2, 4]
    assert labels.labelled.tolist() == [False, True, False, True, False]
    assert labels.steps.dtype == np.int32
    assert labels.shown.recent(1).tolist() == [1]
    assert labels.shown.recent(2).tolist() == [1, 3]
    assert labels.shown.recent(-1).tolist() == [1, 3]


@settings(deadline=None)
@given(STEPS)
def test_every_answer_follows_from_the_dense_map(steps):
    labels = LabelMap(steps)
    dense = np.array(steps)
    pool = np.flatnonzero(dense == 0)
    assert labels.steps.tolist() == steps
    assert labels.pool_indices.tolist() == pool.tolist()
    assert labels.pool_to_dataset(np.arange(len(pool))).tolist() == pool.tolist()
    assert [labels.pool_item(p) for p in range(len(pool))] == pool.tolist()
    assert labels.dataset_to_pool(pool).tolist() == list(range(len(pool)))
    assert [labels.is_labelled(i) for i in range(len(steps))] == (dense > 0).tolist()
    for last in (1, 2, 3):
        expected = np.flatnonzero((dense > 0) & (dense > dense.max() - last))
        assert labels.shown.recent(last).tolist() == expected.tolist()


@settings(deadline=None)
@given(STEPS, st.data())
def test_labelling_gives_another_map_and_leaves_this_one(steps, data):
    labels = LabelMap(steps)
    pool = labels.pool_indices.tolist()
    chosen = data.draw(st.lists(st.sampled_from(pool), unique=True) if pool else st.just([]))
    after = labels.label(np.array(chosen, dtype=np.int64))
    expected = np.array(steps)
    expected[chosen] = max(steps) + 1
    assert after.steps.tolist() == expected.tolist()
    assert after.step == max(steps) + bool(chosen)
    assert labels.steps.tolist() == steps
    assert labels.pool_indices.tolist() == pool


def test_labelling_nothing_keeps_the_step():
    labels = LabelMap([0, 1])
    assert labels.label(np.empty(0, dtype=np.int64)) is labels


def test_labelled_items_are_refused():
    labels = LabelMap([0, 1, 0, 3])
    with pytest.raises(InvalidIndexError, match=r"unlabelled items, but \[1, 3\] are labelled"):
        labels.label(np.array([0, 1, 3]))
    with pytest.raises(InvalidIndexError, match=r"but \[3\] are labelled already"):
        labels.dataset_to_pool(np.array([3, 2]))


@settings(deadline=None)
@given(STEPS, st.data())
def test_unlabelling_gives_another_map_and_leaves_this_one(steps, data):
    digests = np.arange(1, np.count_nonzero(steps) + 1, dtype=np.uint64)
    labels = LabelMap(steps, digests=digests)
    there = labels.labelled_indices.tolist()
    chosen = data.draw(st.lists(st.sampled_from(there), unique=True) if there else st.just([]))
    after = labels.unlabel(np.array(chosen, dtype=np.int64))
    expected = [0 if index in chosen else step for index, step in enumerate(steps)]
    assert after.steps.tolist() == expected
    assert after.step == labels.step == max(steps)
    assert labels.steps.tolist() == steps
    left = np.flatnonzero(expected)
    assert after.have_values(left, digests[np.isin(there, left)]).all()
    again = after.label(np.array(chosen, dtype=np.int64), np.array(chosen, dtype=np.uint64) + 9)
    assert again.have_values(np.array(chosen, int), np.array(chosen, dtype=np.uint64) + 9).all()
    assert again.have_values(left, digests[np.isin(there, left)]).all()


def test_other_values():
    labels = LabelMap([0, 1, 2], digests=np.array([5, 6], dtype=np.uint64))
    after = labels.relabel(np.array([2]), np.array([7], dtype=np.uint64))
    assert (labels.digests.tolist(), after.digests.tolist()) == ([5, 6], [5, 7])
    assert after.steps_of(np.array([2, 1])).tolist() == [2, 1]
    assert after.are_labelled(np.array([2, 0])).tolist() == [True, False]
    unknown = np.zeros(1, dtype=np.uint64)
    assert not after.relabel(np.array([2]), unknown).have_values(np.array([2]), unknown).any()
    for change in (labels.unlabel, labels.relabel, labels.steps_of):
        with pytest.raises(InvalidIndexError, match=r"labelled items, but \[0\] are not labelled"):
            change(np.array([1, 0]))
    with pytest.raises(
        InvalidArgumentError, match="each of the 2 labelled items, but got the shape"
    ):
        LabelMap([0, 1, 2], digests=unknown)


def test_few_of_many_map_as_one_by_one():
    labels = LabelMap(np.random.default_rng(0).random(1000) < 0.7)
    few = np.array([labels.n_unlabelled - 1, 0, 7])
    assert labels.pool_to_dataset(few).tolist() == labels.pool_indices[few].tolist()
    assert "_unlabelled_before" not in vars(labels)


def test_indices_take_four_bytes():
    labels = LabelMap(np.arange(1000) % 2).label(np.array([0]))
    assert labels.labelled_indices.dtype == labels._unlabelled_before.dtype == np.int32
    assert labels.pool_indices.dtype == np.int64  # what is handed out


def test_the_counter_is_stored():
    labels = LabelMap([0, 1, 0], step=6)
    assert labels.shown.recent(1).tolist() == []
    assert labels.label(np.array([2])).steps.tolist() == [0, 1, 7]


@pytest.mark.parametrize("name", ["steps", "labelled", "labelled_indices", "pool_indices"])
def test_hand_outs_are_read_only_for_good(name):
    array = getattr(LabelMap([0, 1, 0]), name)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.flags.writeable = True
    assert not LabelMap([0, 1, 1]).shown.recent(1).flags.writeable


def test_what_comes_in_is_copied():
    steps = np.array([0, 1, 0], dtype=np.int32)
    labels = LabelMap(steps)
    steps[:] = 9
    assert labels.steps.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    "labelled",
    [
        [False, True],
        np.array([False, True]),
        torch.tensor([False, True]),
        torch.tensor([0, 1]),
        (0, 1),
        np.array([0, 1], dtype=np.uint8),
    ],
)
def test_accepted_maps(labelled):
    assert LabelMap(labelled).steps.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("labelled", "error", "message"),
    [
        ([], InvalidArgumentError, "at least one, but got the shape [0]"),
        ([[0, 1]], InvalidArgumentError, "but got the shape [1, 2]"),
        (1, InvalidArgumentError, "but got the shape []"),
        ([0.0, 1.0], InvalidTypeError, "booleans or integer steps, but got float64"),
        (["a"], InvalidTypeError, "but got <U1"),
        ([0, -1], InvalidArgumentError, "but got values from -1 to 0"),
        ([0, 2**31], InvalidArgumentError, f"but got values from 0 to {2**31}"),
    ],
)
def test_refused_maps(labelled, error, message):
    with pytest.raises(error) as caught:
        LabelMap(labelled)
    assert message in str(caught.value)


@pytest.mark.parametrize("step", [1, -1, 2**31])
def test_refused_counters(step):
    with pytest.raises(InvalidArgumentError, match=f"at least 2, .* but got {step}"):
        LabelMap([0, 2], step=step)


def test_is_labelled_takes_dataset_indices_only():
    labels = LabelMap([0, 1])
    for index in (2, -1):
        with pytest.raises(InvalidIndexError, match=f"between 0 and 1, but got {index}"):
            labels.is_labelled(index)


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies(twin):
    digests = np.array([8, 9], dtype=np.uint64)
    labels = LabelMap([0, 1, 0, 2], step=5, digests=digests).set_aside(np.array([1]))
    other = twin(labels)
    assert other.digests.tolist() == [8, 9]
    assert other.shown.recent(-1).tolist() == [3]
    assert other.steps.tolist() == [0, 1, 0, 2]
    assert other.step == 5
    assert not other.labelled_indices.flags.writeable


def test_another_process_receives_the_labelled_items_only():
    labels = LabelMap(np.arange(100_000) < 10)
    assert labels.pool_indices.shape == (99_990,)
    assert len(pickle.dumps(labels)) < 2_000
