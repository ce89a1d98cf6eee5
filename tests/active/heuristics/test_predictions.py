import numpy as np
import pytest
import torch

from baal.active.heuristics.predictions import (
    BLOCK_ELEMENTS,
    as_array,
    is_batches,
    items_per_block,
    join,
    reblock,
)
from baal.exceptions import InvalidArgumentError, InvalidTypeError


class Loader:
    """Iterable again and again, like a data loader."""

    def __iter__(self):
        return iter([np.zeros((2, 1))])


class Bfloat16:
    """What an array of another framework looks like to NumPy: it has `__array__`."""

    shape = (2,)

    def __array__(self, dtype=None, copy=None):
        return np.array([1.0, 2.0], np.longdouble)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (iter([]), True),
        ((x for x in ()), True),
        (Loader(), True),
        (np.zeros(3), False),
        (torch.zeros(3), False),
        ([np.zeros(3)], False),
        ((1.0, 2.0), False),
        ("abc", False),
        ({"a": 1}, False),
        (3, False),
        (None, False),
    ],
)
def test_is_batches(value, expected):
    assert is_batches(value) is expected


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_arrays_are_looked_at_as_they_are(dtype):
    array = np.ones((2, 3), dtype)
    assert as_array(array) is array
    assert as_array([array]) is array


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.array([1, 2]), np.float64),
        (np.array([True, True]), np.float64),
        ([1, 2], np.float64),
        (Bfloat16(), np.float64),
        (torch.ones(2, requires_grad=True), np.float32),
        (torch.ones(2, dtype=torch.bfloat16, requires_grad=True), np.float32),
        (torch.ones(2, dtype=torch.float16), np.float16),
        (torch.ones(2, dtype=torch.int64), np.float64),
        ([torch.ones(2)], np.float32),
        ([torch.tensor(1.0), torch.tensor(1.0)], np.float32),
    ],
)
def test_what_is_read(value, dtype):
    array = as_array(value)
    assert array.dtype == dtype
    assert array.shape == (2,)
    assert array[0] == 1


def test_bfloat16_of_numpy_extensions():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert as_array(np.array([0.5], ml_dtypes.bfloat16)).dtype == np.float32


@pytest.mark.parametrize(
    "value", [None, "abc", {"a": 1}, np.array(["a"]), np.array([1j]), object()]
)
def test_not_numbers(value):
    with pytest.raises(InvalidTypeError, match="Expected `predictions` to "):
        as_array(value)


def test_several_arrays_are_ambiguous():
    with pytest.raises(InvalidArgumentError, match=r"got a list of 2 arrays\. Pass batches as"):
        as_array([np.zeros(2), np.zeros(2)])


def test_ragged_lists():
    with pytest.raises(InvalidArgumentError, match="nested lists of unequal lengths"):
        as_array([[1, 2], [3]])


def test_reblocking_forgets_how_batches_were_cut():
    size = items_per_block((BLOCK_ELEMENTS // 4,))
    assert size == 4
    items = np.arange(11.0)[:, None] * np.ones(BLOCK_ELEMENTS // 4)
    batches = (items[a:b] for a, b in [(0, 1), (1, 1), (1, 10), (10, 11)])
    blocks = list(reblock(batches))
    assert [len(block) for block in blocks] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate(blocks), items)


def test_a_reused_buffer_does_no_harm():
    def batches():
        buffer = np.zeros(2)
        for i in range(3):
            buffer[:] = i
            yield buffer

    assert join(batches()).tolist() == [0, 0, 1, 1, 2, 2]


def test_no_batches_and_no_items():
    assert list(reblock(iter([]))) == []
    assert [block.shape for block in reblock(iter([np.zeros((0, 3))] * 2))] == [(0, 3)]
    with pytest.raises(InvalidArgumentError, match="to yield at least one batch, but got none"):
        join(iter([]))


def test_batches_must_agree():
    batches = iter([np.zeros((2, 3)), np.zeros((2, 4))])
    with pytest.raises(InvalidArgumentError, match=r"items of shape \(3,\).*got batch 1 of shape"):
        list(reblock(batches))
    with pytest.raises(InvalidArgumentError, match="but got a single number"):
        list(reblock(iter([1.0])))


def test_batches_of_wider_floats_are_not_cut_down_to_the_first():
    batches = [np.ones(2, np.float16), np.full(2, 1e6, np.float32), np.full(2, 1e300)]
    expected = [1, 1, 1e6, 1e6, 1e300, 1e300]
    assert join(iter(batches)).tolist() == expected
    for size in (1, 4):
        blocks = list(reblock(iter(batches), block_size=size))
        assert [value for block in blocks for value in block.tolist()] == expected
