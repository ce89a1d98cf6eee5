"""Labelling, resetting, saving and loading, without any items."""

import copy

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
    with pytest.raises(StateError, match="a dataset with items to read some, but got Splitted"):
        split.as_in_pool([0])


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


# --- Validation -------------------------------------------------------------------------------


def test_items_set_aside_count_and_are_not_shown():
    split = SplittedDataset([0] * 50, random_state=3, validation_split=0.25)
    for n in range(1, 11):
        split.label_randomly(4)
        aside = split.validation_indices.tolist()
        assert (split.n_labelled, split.n_validation, len(split)) == (4 * n, n, 3 * n)
        shown = split.get_indices_for_active_step()
        assert sorted([*shown, *aside]) == np.flatnonzero(split.labelled).tolist()
        assert [split.labelled_to_dataset_index(i) for i in range(len(split))] == shown
    split.last_active_steps = 1
    assert len(split) == 3
    assert set(split.get_indices_for_active_step()) <= set(shown)
    assert not split.validation_indices.flags.writeable


def test_what_is_labelled_from_the_start_takes_part():
    split = SplittedDataset([1] * 40 + [0] * 10, random_state=3, validation_split=0.25)
    assert (split.n_validation, len(split)) == (10, 30)


def test_the_draw_is_seeded():
    def aside(seed):
        split = SplittedDataset([0] * 50, random_state=seed, validation_split=0.3)
        split.label(range(40))
        return split.validation_indices.tolist()

    assert aside(1) == aside(1) != aside(2)


def test_an_item_stays_on_its_side():
    split = SplittedDataset([0] * 40, random_state=3, validation_split=0.25)
    split.label(range(40))
    aside = split.validation_indices.tolist()
    split.unlabel_dataset_indices(range(20))
    assert split.validation_indices.tolist() == [i for i in aside if i >= 20]
    split.label_randomly(20)
    assert split.validation_indices.tolist() == aside


def test_validation_needs_items(split):
    with pytest.raises(StateError, match="to ask for its `validation`"):
        split.validation
    assert (split.n_validation, split.validation_indices.tolist()) == (0, [])
    with pytest.raises(InvalidArgumentError, match="`validation_split` to be at least 0"):
        SplittedDataset([0], validation_split=1)


# --- Saving -----------------------------------------------------------------------------------


def everything(split):
    return repr(split.state_dict()), split.history, split.validation_indices.tolist()


@pytest.fixture
def months():
    """A split with all there is to save."""
    split = SplittedDataset(
        [0] * 30, random_state=5, item_ids=[f"{i}.png" for i in range(30)], validation_split=0.2
    )
    split.label_randomly(12)
    split.unlabel_dataset_indices(split.get_indices_for_active_step()[:2])
    split.label_randomly(3)
    return split


@pytest.mark.parametrize("by_file", [True, False])
def test_all_of_it_comes_back(months, by_file, tmp_path):
    twin = SplittedDataset([0] * 30, item_ids=[f"{i}.png" for i in range(30)])
    if by_file:
        months.save(tmp_path / "snapshot")
        twin.load(tmp_path / "snapshot")
    else:
        twin.load_state_dict(months.state_dict())
    assert everything(twin) == everything(months)
    for split in (months, twin):
        split.label_randomly(5)
        split.unlabel_items(split.item_ids.take(split.validation_indices))
    assert everything(twin) == everything(months)


def test_the_state_shares_nothing(months):
    before = everything(months)
    state = months.state_dict()
    twin = SplittedDataset([0] * 30, item_ids=list(months.item_ids))
    twin.load_state_dict(state)
    for array in (state["labelled"], state["value_digests"], *state["history"].values(),
                  state["validation"]["aside"], state["validation"]["trained_on"]):  # fmt: skip
        array[:] = 1
    assert everything(months) == everything(twin) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"item_ids": range(30)}, "with other ids than those of this dataset"),
        ({"item_ids": [f"{i}.png" for i in range(29, -1, -1)]}, "with other ids than those of"),
        ({}, "with other ids than none"),
        ({"item_ids": [f"{i}.png" for i in range(30)], "validation_split": 0.3},
         "a dataset with validation_split=0.3, but got one with 0.2"),
    ],
)  # fmt: skip
def test_the_state_of_another_dataset_changes_nothing(months, options, message, tmp_path):
    months.save(tmp_path / "snapshot")
    other = SplittedDataset([0] * 30, random_state=1, **options)
    before = everything(other)
    with pytest.raises(InvalidArgumentError, match=message):
        other.load(tmp_path / "snapshot")
    with pytest.raises(InvalidArgumentError, match="the length 31 of this dataset, but got 30"):
        SplittedDataset([0] * 31).load(tmp_path / "snapshot")
    assert everything(other) == before


@pytest.mark.parametrize(
    "change",
    [{"history": {}}, {"validation": {}}, {"value_digests": np.zeros(3, np.uint64)}],
)
def test_a_bad_part_of_a_state_changes_nothing(months, change):
    before = everything(months)
    with pytest.raises(InvalidArgumentError):
        months.load_state_dict({**months.state_dict(), **change})
    assert everything(months) == before


def test_a_state_without_ids_or_split_is_taken_over_by_one_that_has_them():
    old = SplittedDataset([0] * 20, random_state=1)
    old.label_randomly(10)
    state = {key: old.state_dict()[key] for key in ("labelled", "random_state")}
    split = SplittedDataset([0] * 20, item_ids=range(20), validation_split=0.5)
    split.load_state_dict(state)
    # A model may have been trained on all of them: none is set aside, also not later.
    assert (split.n_labelled, split.n_validation) == (10, 0)
    known = split.get_indices_for_active_step()
    split.unlabel_dataset_indices(known)
    split.label_dataset_indices(range(20))
    assert split.n_validation == 5
    assert not set(split.validation_indices.tolist()) & set(known)


def test_a_shallow_copy_has_a_history_of_its_own():
    dataset = SplittedDataset([1, 1, 0], random_state=1)
    twin = copy.copy(dataset)
    twin.unlabel_dataset_indices(0)
    assert [tuple(event) for event in dataset.history] == [(1, "label", [0, 1])]
    assert [event.kind for event in twin.history] == ["label", "unlabel"]


@pytest.mark.parametrize("state", [None, [1], "labelled"])
def test_a_state_that_is_no_dict(state):
    with pytest.raises(InvalidTypeError, match="`state_dict` to be a dict, but got"):
        SplittedDataset([1, 0]).load_state_dict(state)
