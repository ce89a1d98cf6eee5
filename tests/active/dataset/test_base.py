"""Labelling, resetting, saving and loading, without any items."""

import numpy as np
import pytest
import torch

from baal.active.dataset.base import SplittedDataset
from baal.exceptions import (
    BaalError,
    InvalidArgumentError,
    InvalidIndexError,
    InvalidTypeError,
    StateError,
)


def same_state(first, second):
    return (
        first["labelled"].tolist() == second["labelled"].tolist()
        and first["current_al_step"] == second["current_al_step"]
        and first["random_state"] == second["random_state"]
    )


@pytest.fixture
def split():
    return SplittedDataset([0, 1, 0, 0, 0], random_state=1)


def test_pool_indices_shift_with_every_label(split):
    split.label(1)
    split.label(1)
    assert split.labelled_map.tolist() == [0, 1, 2, 3, 0]
    split.label([1, 0])
    assert split.labelled_map.tolist() == [4, 1, 2, 3, 4]
    assert split.n_unlabelled == 0


def test_label_by_dataset_index(split):
    split.label_dataset_indices([4, 2])
    assert split.labelled_map.tolist() == [0, 1, 2, 0, 2]
    split.label_dataset_indices(np.array([True, False, False, False, False]))
    assert split.labelled_map.tolist() == [3, 1, 2, 0, 2]


def test_all_labels_of_one_call_share_the_step(split):
    split.label(torch.tensor([True, False, True, False]))
    assert split.labelled_map.tolist() == [2, 1, 0, 2, 0]
    assert split.current_al_step == 2


@pytest.mark.parametrize("nothing", [[], (), np.array([]), torch.tensor([]), np.zeros(4, bool)])
def test_nothing_labels_nothing(split, nothing):
    before = split.state_dict()
    split.label(nothing)
    split.label_randomly(0)
    assert same_state(split.state_dict(), before)


@pytest.mark.parametrize(
    "index", [4, -1, [0, 4], [0, 0], [0, -1], [0.0], [True], "0", None, [[0]], np.zeros(5, bool)]
)
def test_a_bad_index_changes_nothing(split, index):
    before = split.state_dict()
    with pytest.raises(BaalError, match="Expected `index`"):
        split.label(index)
    assert same_state(split.state_dict(), before)


@pytest.mark.parametrize("index", [5, -1, 1, [0, 1], [0, 0], np.zeros(4, bool)])
def test_a_bad_dataset_index_changes_nothing(split, index):
    before = split.state_dict()
    with pytest.raises(BaalError, match="Expected `index`"):
        split.label_dataset_indices(index)
    assert same_state(split.state_dict(), before)


def test_a_value_that_cannot_be_stored_is_announced(split):
    with pytest.warns(UserWarning, match="the original label is used") as caught:
        split.label(0, 7)
    assert caught[0].filename == __file__
    assert split.is_labelled(0)


def test_a_mismatch_of_values_changes_nothing(split):
    before = split.state_dict()
    with pytest.raises(InvalidArgumentError, match="each of the 2 indices, but got 3"):
        split.label([0, 1], [7, 8, 9])
    with pytest.raises(InvalidArgumentError, match="each of the 0 indices, but got 1"):
        split.label([], [7])
    assert same_state(split.state_dict(), before)


def test_it_has_no_items(split):
    with pytest.raises(StateError, match="a dataset with items to ask for its `pool`"):
        split.pool


def test_it_cannot_be_made_to_store_values(split):
    assert split.check_dataset_can_label() is False
    split.can_label = True
    with pytest.raises(StateError, match="`can_label` to be False"):
        split.label(0, 7)
    assert split.n_labelled == 1


def test_label_randomly_is_seeded():
    chosen = []
    for _ in range(2):
        split = SplittedDataset(np.zeros(100, bool), random_state=1337)
        split.label_randomly(3)
        split.label_randomly()
        assert split.labelled_map.max() == split.current_al_step == 2
        assert split.n_labelled == 4
        chosen.append(split.get_indices_for_active_step())
    assert chosen[0] == chosen[1]


def test_label_randomly_draws_from_the_pool_only(split):
    split.label_randomly(99)  # more than there are: all
    assert split.labelled_map.tolist() == [2, 1, 2, 2, 2]
    split.label_randomly(1)
    assert split.current_al_step == 2


@pytest.mark.parametrize(
    ("n", "error"), [(-1, InvalidArgumentError), (1.0, InvalidTypeError), (True, InvalidTypeError)]
)
def test_refused_numbers_to_draw(split, n, error):
    with pytest.raises(error, match="Expected `n` to be"):
        split.label_randomly(n)


def test_reset_starts_over(split):
    split.label(0)
    split.reset_labelled()
    assert (split.n_labelled, split.current_al_step, len(split)) == (0, 0, 0)
    split.label(4)
    split.label(0)
    assert split.labelled_map.tolist() == [2, 0, 0, 0, 1]


def test_hand_outs_are_snapshots(split):
    labelled, steps = split.labelled, split.labelled_map
    split.label(0)
    assert labelled.tolist() == [False, True, False, False, False]
    assert steps.tolist() == [0, 1, 0, 0, 0]


def test_last_active_steps_follow_the_counter():
    split = SplittedDataset([0, 1, 0, 0, 0], last_active_steps=1)
    assert split.get_indices_for_active_step() == [1]
    split.label([0, 3])
    assert split.get_indices_for_active_step() == [0, 4]
    split.reset_labelled()
    assert split.get_indices_for_active_step() == []


def test_state_is_a_copy(split):
    state = split.state_dict()
    state["labelled"][:] = 1
    state["random_state"]["state"]["key"][:] = []
    assert split.n_labelled == 1
    split.label_randomly(1)


def test_state_round_trip(split):
    split.label(0)
    state = split.state_dict()
    other = SplittedDataset(np.zeros(5, bool))
    other.load_state_dict(state)
    assert same_state(other.state_dict(), state)
    split.label_randomly(2)
    other.label_randomly(2)
    assert other.labelled_map.tolist() == split.labelled_map.tolist()
    assert state["labelled"].tolist() == [2, 1, 0, 0, 0]  # not aliased by what was loaded


def test_caches_follow_a_loaded_state(split):
    assert split.get_indices_for_active_step() == [1]
    assert split.pool_to_dataset_index([0, 1, 2, 3]) == [0, 2, 3, 4]
    state = split.state_dict()
    state["labelled"] = np.array([1, 0, 0, 0, 0])  # another map at the same step
    split.load_state_dict(state)
    assert split.get_indices_for_active_step() == [0]
    assert split.pool_to_dataset_index([0, 1, 2, 3]) == [1, 2, 3, 4]


def test_state_of_baal_2(split):
    saved = np.random.RandomState(9)
    split.load_state_dict({"labelled": np.array([3, 0, 0, 1, 0]), "random_state": saved})
    assert split.current_al_step == 3
    assert split.random_state is not saved
    assert split.random_state.rand() == saved.rand()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labelled": [0, 1]}, "the length 5 of this dataset, but got 2"),
        ({"labelled": [0, 1, 0, 0, -1]}, "but got values from -1 to 1"),
        ({"current_al_step": 0}, "`step` to be at least 1"),
        ({"random_state": "none"}, "saved state of a numpy.random.RandomState"),
    ],
)
def test_a_bad_state_changes_nothing(split, change, message):
    before = split.state_dict()
    with pytest.raises(InvalidArgumentError, match=message):
        split.load_state_dict(SplittedDataset([1] * 5).state_dict() | change)
    assert same_state(split.state_dict(), before)


def test_a_state_without_its_keys_is_refused(split):
    with pytest.raises(
        InvalidArgumentError, match=r"'labelled' and 'random_state', but got \['labelled'\]"
    ):
        split.load_state_dict({"labelled": [0] * 5})


def test_errors_derive_from_the_built_in_ones(split):
    with pytest.raises(IndexError):
        split.label(99)
    with pytest.raises(ValueError):
        SplittedDataset([0], last_active_steps=0)
    with pytest.raises(TypeError):
        split.label("a")
    with pytest.raises(InvalidIndexError):
        split.is_labelled(5)
