"""What can be asked about labels, in both index spaces."""

import numpy as np
import pytest

from baal.active.dataset.label_map import LabelMap
from baal.active.dataset.split import Split
from baal.exceptions import InvalidArgumentError, InvalidIndexError, InvalidTypeError

STEPS = [0, 1, 0, 3, 2, 0]


def test_known_values():
    split = Split(LabelMap(STEPS))
    assert len(split) == split.n_labelled == 3
    assert split.n_unlabelled == 3
    assert split.current_al_step == 3
    assert split.labelled.tolist() == [False, True, False, True, True, False]
    assert split.labelled_map.tolist() == STEPS
    assert split.get_indices_for_active_step() == [1, 3, 4]
    assert split.is_labelled(3) is True
    assert split.is_labelled(np.int64(0)) is False


@pytest.mark.parametrize(
    ("last", "shown"), [(-1, [1, 3, 4]), (1, [3]), (2, [3, 4]), (9, [1, 3, 4])]
)
def test_last_active_steps(last, shown):
    split = Split(LabelMap(STEPS), last)
    assert split.get_indices_for_active_step() == shown
    assert len(split) == len(shown)
    assert [split.labelled_to_dataset_index(i) for i in range(len(shown))] == shown
    assert split.n_labelled == 3  # the whole truth, whatever is shown


def test_last_active_steps_can_be_set():
    split = Split(LabelMap(STEPS))
    split.last_active_steps = 1
    assert len(split) == 1
    with pytest.raises(InvalidArgumentError):
        split.last_active_steps = 0
    assert split.last_active_steps == 1


@pytest.mark.parametrize("last", [0, -2])
def test_refused_last_active_steps(last):
    with pytest.raises(
        ValueError, match=f"`last_active_steps` to be -1 or positive, but got {last}"
    ):
        Split(LabelMap(STEPS), last)


@pytest.mark.parametrize("last", [1.0, True, None])
def test_refused_kinds_of_last_active_steps(last):
    with pytest.raises(InvalidTypeError, match="`last_active_steps` to be an integer"):
        Split(LabelMap(STEPS), last)


def test_index_maps():
    split = Split(LabelMap(STEPS))
    assert split.pool_to_dataset_index([2, 0]) == [5, 0]
    assert split.pool_to_dataset_index(1) == [2]
    assert split.dataset_to_pool_index([5, 0]) == [2, 0]
    assert split.dataset_to_pool_index(np.array(STEPS) == 0) == [0, 1, 2]
    assert split.labelled_to_dataset_index(-1) == 4
    assert type(split.pool_to_dataset_index(1)[0]) is int
    assert type(split.labelled_to_dataset_index(0)) is int


def test_names_of_baal_2():
    split = Split(LabelMap(STEPS))
    assert split._pool_to_oracle_index(1) == [2]
    assert split._oracle_to_pool_index(5) == [2]
    assert split._labelled_to_oracle_index(1) == 3
    with pytest.warns(DeprecationWarning, match="`_labelled` is now `labelled`"):
        assert split._labelled.tolist() == split.labelled.tolist()


def test_refused_indices():
    split = Split(LabelMap(STEPS))
    with pytest.raises(InvalidIndexError, match=r"pool indices, between 0 and 2, but got \[3\]"):
        split.pool_to_dataset_index(3)
    with pytest.raises(InvalidIndexError, match=r"dataset indices, between 0 and 5, but got \[6\]"):
        split.dataset_to_pool_index(6)
    with pytest.raises(InvalidIndexError, match=r"\[4\] are labelled already"):
        split.dataset_to_pool_index(4)
    with pytest.raises(InvalidIndexError, match="labelled index, between -3 and 2, but got 3"):
        split.labelled_to_dataset_index(3)
