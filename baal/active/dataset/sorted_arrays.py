"""Ascending arrays of indices: looked up in, merged, made read-only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baal.active.dataset.indices import IndexArray

__all__ = ["find", "gaps_before", "is_in", "merge", "read_only"]


def find(indices: IndexArray, ascending: NDArray[Any]) -> tuple[IndexArray, NDArray[np.bool_]]:
    """Where indices are, or would be, in an ascending array: k binary searches.

    Args:
        indices: Indices `[k]` that the type of `ascending` can hold.
        ascending: Distinct indices `[n]`.

    Returns:
        How many of `ascending` come before each, `[k]`, and whether it is there, `[k]`.

    Example:
        >>> find(np.array([5, 3]), np.array([2, 5, 9]))
        (array([1, 1]), array([ True, False]))
    """
    if len(ascending) == 0:
        return np.zeros(len(indices), dtype=np.int64), np.zeros(len(indices), dtype=np.bool_)
    # Keys of the array's own type: else `searchsorted` converts the whole array.
    keys = indices.astype(ascending.dtype, copy=False)
    places = np.searchsorted(ascending, keys).astype(np.int64, copy=False)
    return places, ascending[np.minimum(places, len(ascending) - 1)] == keys


def gaps_before(positions: IndexArray, ascending: NDArray[Any]) -> IndexArray:
    """How many of an ascending array come before the numbers that it leaves out.

    Left out of 1, 2, 4 are 0, 3, 5, …; before the number at position 1, which is 3, come two. By k
    binary searches side by side, so that a few need no other array of length n.

    Args:
        positions: Positions `[k]` among the numbers left out.
        ascending: Distinct indices `[n]`, not negative.

    Returns:
        Counts `[k]`.

    Example:
        >>> gaps_before(np.array([0, 1, 2]), np.array([1, 2, 4]))
        array([0, 2, 3])
    """
    low = np.zeros(len(positions), dtype=np.int64)
    high = np.full(len(positions), len(ascending), dtype=np.int64)
    for _ in range(len(ascending).bit_length()):
        middle = (low + high) // 2
        # Where a search is over, both ends are equal; it may point beyond the end.
        there = ascending[np.minimum(middle, len(ascending) - 1)]
        beyond = (low < high) & (there - middle <= positions)
        low, high = np.where(beyond, middle + 1, low), np.where(beyond, high, middle)
    return low


def is_in(indices: IndexArray, ascending: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each index is in an ascending array.

    Args:
        indices: Indices `[k]`.
        ascending: Distinct indices `[n]`.

    Returns:
        Booleans `[k]`.

    Example:
        >>> is_in(np.array([5, 3]), np.array([2, 5, 9]))
        array([ True, False])
    """
    return find(indices, ascending)[1]


def merge(ascending: IndexArray, new: IndexArray) -> IndexArray:
    """Two arrays as one ascending array.

    Args:
        ascending: Distinct indices `[n]`.
        new: Indices `[k]` in any order, none of which is in `ascending`.

    Returns:
        Indices `[n + k]`, ascending.

    Example:
        >>> merge(np.array([2, 9]), np.array([5, 1]))
        array([1, 2, 5, 9])
    """
    new = np.sort(new)
    return np.insert(ascending, find(new, ascending)[0], new)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view that nobody can make writeable, since the array that owns the data is not.

    Args:
        array: An array of any shape; it becomes read-only too.

    Returns:
        The same values, of the same shape.

    Example:
        >>> read_only(np.zeros(2)).flags.writeable
        False
    """
    if isinstance(array.base, np.ndarray):  # `flatnonzero` gives a view
        array.base.flags.writeable = False
    array.flags.writeable = False
    return array.view()
