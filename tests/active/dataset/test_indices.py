"""Every accepted and every refused form of index and value."""

import numpy as np
import pytest
import torch

from baal.active.dataset.indices import match_values, to_index_array, to_position
from baal.exceptions import InvalidArgumentError, InvalidIndexError, InvalidTypeError


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (3, [3]),
        (np.int8(3), [3]),
        (np.uint64(3), [3]),
        (np.array(3), [3]),
        (torch.tensor(3), [3]),
        ([4, 0, 2], [4, 0, 2]),
        ((4, 0), [4, 0]),
        (range(1, 4), [1, 2, 3]),
        ([np.int32(1), torch.tensor(2)], [1, 2]),
        (np.array([4, 1], dtype=np.uint8), [4, 1]),
        (torch.tensor([4, 1]), [4, 1]),
        (np.array([True, False, False, True, False]), [0, 3]),
        (torch.tensor([False, True, False, False, False]), [1]),
        ([False, False, False, False, True], [4]),
        (np.zeros(5, dtype=bool), []),
        ([], []),
        ((), []),
        (np.array([]), []),
        (torch.tensor([]), []),
        (np.array([4, 3, 2, 1, 0])[::2], [4, 2, 0]),
    ],
)
def test_accepted_indices(index, expected):
    result = to_index_array(index, 5, "pool")
    assert result.dtype == np.int64
    assert result.tolist() == expected


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (5, InvalidIndexError, "pool indices, between 0 and 4, but got [5]"),
        (-1, InvalidIndexError, "pool indices, between 0 and 4, but got [-1]"),
        ([0, 7, -2], InvalidIndexError, "but got [7, -2]"),
        (np.uint64(2**63), InvalidIndexError, f"but got [{2**63}]"),
        (list(range(5, 15)), InvalidIndexError, "[5, 6, 7, 8, 9, ...] (10 in all)"),
        ([1, 2, 1], InvalidIndexError, "distinct pool indices, but got [1] more than once"),
        ([True, False], InvalidArgumentError, "for each of the 5 pool indices, but got 2 entries"),
        (np.zeros(0, dtype=bool), InvalidArgumentError, "but got 0 entries"),
        ([[1, 2]], InvalidArgumentError, "one dimension, but got the shape [1, 2]"),
        (True, InvalidTypeError, "integers or a boolean mask, but got True of type bool"),
        (np.bool_(True), InvalidTypeError, "of type bool"),
        (1.0, InvalidTypeError, "but got 1.0 of type float"),
        ([0.5], InvalidTypeError, "but got [0.5] of type list"),
        ("3", InvalidTypeError, "but got '3' of type str"),
        (None, InvalidTypeError, "but got None of type NoneType"),
        ({1, 2}, InvalidTypeError, "of type set"),
        ([[1], [2, 3]], InvalidTypeError, "but got [[1], [2, 3]] of type list"),
        (torch.ones(2, dtype=torch.bfloat16), InvalidTypeError, "of type Tensor"),
        (["x" * 100], InvalidTypeError, "x... of type list"),
    ],
)
def test_refused_indices(index, error, message):
    with pytest.raises(error) as caught:
        to_index_array(index, 5, "pool")
    assert message in str(caught.value)
    assert "Expected `index` to be" in str(caught.value) or "to have" in str(caught.value)


def test_an_empty_space_has_no_index():
    with pytest.raises(InvalidIndexError, match="none, since there are no items, but got"):
        to_index_array(0, 0, "pool")
    assert to_index_array([], 0, "pool").tolist() == []
    assert to_index_array(np.zeros(0, dtype=bool), 0, "pool").tolist() == []


@pytest.mark.parametrize(
    ("index", "expected"), [(0, 0), (-1, 4), (-5, 0), (np.int64(4), 4), (torch.tensor(2), 2)]
)
def test_position(index, expected):
    assert to_position(index, 5, "labelled") == expected


@pytest.mark.parametrize(
    ("index", "length", "from_end", "error", "message"),
    [
        (5, 5, True, InvalidIndexError, "a labelled index, between -5 and 4, but got 5"),
        (-6, 5, True, InvalidIndexError, "between -5 and 4, but got -6"),
        (-1, 5, False, InvalidIndexError, "between 0 and 4, but got -1"),
        (0, 0, True, InvalidIndexError, "none, since there are no items, but got 0"),
        (slice(2), 5, True, InvalidTypeError, "one integer, but got slice(None, 2, None)"),
        ([1], 5, True, InvalidTypeError, "of type list"),
        (1.0, 5, True, InvalidTypeError, "of type float"),
    ],
)
def test_refused_positions(index, length, from_end, error, message):
    with pytest.raises(error) as caught:
        to_position(index, length, "labelled", from_end=from_end)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("value", "index", "n", "expected"),
    [
        (7, 0, 1, [7]),
        (7, [0], 1, [7]),
        ("cat", 0, 1, ["cat"]),
        ("cat", [0], 1, ["cat"]),
        ({"boxes": 1}, [0], 1, [{"boxes": 1}]),
        ([7], 0, 1, [7]),
        ([[1, 0, 1]], 0, 1, [[1, 0, 1]]),
        ([7, 8], [0, 1], 2, [7, 8]),
        ((7, 8), np.array([0, 1]), 2, [7, 8]),
        (np.array([7, 8]), range(2), 2, [7, 8]),
        (torch.tensor([7, 8]), torch.tensor([0, 1]), 2, [7, 8]),
        (np.int64(7), [0], 1, [7]),
        ([], [], 0, []),
    ],
)
def test_matched_values(value, index, n, expected):
    assert match_values(value, index, n) == expected


def test_an_array_is_the_value_itself_of_a_single_index():
    mask = np.ones((2, 2))
    for index in (0, np.int64(0), torch.tensor(0)):
        assert match_values(mask, index, 1)[0] is mask
    (row,) = match_values(mask[None], [0], 1)
    assert row.tolist() == mask.tolist()


@pytest.mark.parametrize(
    ("value", "index", "n", "message"),
    [
        ([1], [0, 1], 2, "one value for each of the 2 indices, but got 1"),
        (1, [0, 1], 2, "but got 1"),
        ("cat", [0, 1, 2], 3, "but got 1"),
        ([1, 0, 1], 0, 1, "each of the 1 indices, but got 3"),
        (np.ones(3), [0], 1, "but got 3"),
        (5, [], 0, "each of the 0 indices, but got 1"),
        ([1, None], [0, 1], 2, "no None"),
    ],
)
def test_mismatched_values(value, index, n, message):
    with pytest.raises(InvalidArgumentError) as caught:
        match_values(value, index, n)
    assert message in str(caught.value)
