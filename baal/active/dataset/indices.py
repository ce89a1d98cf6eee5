"""What callers may pass as indices and values, checked once and brought to one form.

Two index spaces, never mixed: a *dataset index* is an item's position in the underlying dataset,
a *pool index* its position among the items that are unlabelled right now.
"""

import operator
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from baal.exceptions import InvalidArgumentError, InvalidIndexError, InvalidTypeError

__all__ = [
    "IndexArray",
    "IndexSpace",
    "match_values",
    "to_index_array",
    "to_position",
    "to_steps",
]

IndexArray: TypeAlias = NDArray[np.int64]
"""Positions, `[n]`."""
IndexSpace: TypeAlias = Literal["dataset", "pool", "labelled", "validation"]
"""What a position counts: all items, the pool, what is labelled, or what validates."""

_SHOWN = 5  # offending indices named in an error


def to_position(index: Any, length: int, space: IndexSpace, *, from_end: bool = True) -> int:
    """Check one position, by default the way a sequence does: negative ones count from the end.

    Args:
        index: An `int`, NumPy integer or 0-d integer tensor.
        length: Number of items in the index space.
        space: Name of the index space, for the message.
        from_end: Whether negative positions are accepted.

    Returns:
        The position, between 0 and `length - 1`.

    Raises:
        InvalidTypeError: `index` is not an integer; a slice, say.
        InvalidIndexError: There is no such position.

    Example:
        >>> to_position(-1, 10, "pool")
        9
    """
    try:
        position = operator.index(index)
    except TypeError:
        raise InvalidTypeError(
            f"Expected `index` to be one integer, but got {index!r} of type {type(index).__name__}"
        ) from None
    if 0 <= position < length:
        return position
    if from_end and -length <= position < 0:
        return position + length
    lowest = -length if from_end else 0
    expected = f"between {lowest} and {length - 1}" if length else "none, since there are no items"
    raise InvalidIndexError(
        f"Expected `index` to be a {space} index, {expected}, but got {position}"
    )


def to_index_array(
    index: Any, length: int, space: IndexSpace, *, distinct: bool = True
) -> IndexArray:
    """Bring whatever names items to distinct indices, in the caller's order.

    Unlike `to_position` it takes no negative indices: with these, a computation gone wrong would
    silently name another item.

    Args:
        index: An `int`, NumPy integer, 0-d tensor or array; a list, tuple, range, 1-D array or
            tensor of them; or a boolean mask of shape `[length]`.
        length: Number of items in the index space.
        space: Name of the index space, for the messages.
        distinct: Refuse an index that comes twice.

    Returns:
        Indices `[k]`; none for an empty list or array of any dtype.

    Raises:
        InvalidTypeError: `index` holds something else than integers or booleans.
        InvalidArgumentError: It has more than one dimension, or is a mask of another length.
        InvalidIndexError: An index is negative, too large, or comes twice.

    Example:
        >>> to_index_array([4, 0], 5, "pool")
        array([4, 0])
        >>> to_index_array(np.array([False, True, True]), 3, "pool")
        array([1, 2])
    """
    array = _to_numpy(index)
    if array.ndim > 1:
        raise InvalidArgumentError(
            f"Expected `index` to have one dimension, but got the shape {list(array.shape)}"
        )
    if array.ndim == 1 and array.dtype == np.bool_:
        if len(array) != length:
            raise InvalidArgumentError(
                f"Expected `index`, a boolean mask, to have one entry for each of the {length} "
                f"{space} indices, but got {len(array)} entries"
            )
        return np.flatnonzero(array).astype(np.int64, copy=False)
    if array.size == 0:
        return np.empty(0, dtype=np.int64)
    if not np.issubdtype(array.dtype, np.integer):
        raise InvalidTypeError(
            "Expected `index` to be integers or a boolean mask, "
            f"but got {_shorten(index)} of type {type(index).__name__}"
        )
    array = array.reshape(-1)
    _check_range(array, length, space)
    # Range first: an unsigned 64-bit index could wrap around in the cast.
    array = array.astype(np.int64, copy=False)
    if distinct:
        _check_distinct(array, space)
    return array


def match_values(value: Any, index: Any, n_indices: int) -> list[Any]:
    """Pair values with indices: one for each, or an error.

    A list or tuple always is a sequence of values, also for a single index. An array or tensor is
    the value itself for a single index (a segmentation mask, say), and a sequence of values for
    several. Anything else, a string or a dict, is one value.

    Args:
        value: One value, or a sequence of `n_indices` values.
        index: The indices as the caller gave them.
        n_indices: Number of indices they came to.

    Returns:
        The values, `n_indices` of them.

    Raises:
        InvalidArgumentError: There are more or fewer values than indices, or one of them is None.

    Example:
        >>> match_values("cat", 3, 1), match_values([7, 8], [0, 1], 2)
        (['cat'], [7, 8])
    """
    is_sequence = isinstance(value, (list, tuple)) or (
        _n_dimensions(value) > 0 and _n_dimensions(index) > 0
    )
    values = list(value) if is_sequence else [value]
    if len(values) != n_indices:
        raise InvalidArgumentError(
            f"Expected `value` to hold one value for each of the {n_indices} indices, but got "
            f"{len(values)}. A value that is itself a list goes inside of a list: [[1, 0, 1]]"
        )
    if any(one is None for one in values):
        raise InvalidArgumentError("Expected `value` to hold no None, but got one among its values")
    return values


def to_steps(labelled: Any) -> NDArray[np.int32]:
    """Bring a map of labels to steps.

    Args:
        labelled: Booleans or steps `[n_items]`; True is step 1.

    Returns:
        Steps `[n_items]`, a copy.

    Raises:
        InvalidTypeError: It holds neither booleans nor integers.
        InvalidArgumentError: It is empty, not one-dimensional, or holds a negative step or one
            that does not fit into 32 bits.

    Example:
        >>> to_steps([False, True])
        array([0, 1], dtype=int32)
    """
    if hasattr(labelled, "detach"):
        labelled = labelled.detach().cpu().numpy()
    array = np.asarray(labelled)
    if array.ndim != 1 or len(array) == 0:
        raise InvalidArgumentError(
            "Expected `labelled` to have one entry for each item, and at least one, "
            f"but got the shape {list(array.shape)}"
        )
    if array.dtype != np.bool_ and not np.issubdtype(array.dtype, np.integer):
        raise InvalidTypeError(
            f"Expected `labelled` to hold booleans or integer steps, but got {array.dtype}"
        )
    if array.min() < 0 or array.max() >= 2**31:
        raise InvalidArgumentError(
            "Expected `labelled` to hold steps from 0 (not labelled) to 2**31 - 1, "
            f"but got values from {array.min()} to {array.max()}"
        )
    return array.astype(np.int32)


def _to_numpy(index: Any) -> NDArray[Any]:
    """Any index as an array; torch is known by its duck typing only."""
    try:
        if hasattr(index, "detach"):
            index = index.detach().cpu().numpy()
        elif isinstance(index, (list, tuple)):
            index = [one.item() if getattr(one, "ndim", None) == 0 else one for one in index]
        return np.asarray(index)
    except (TypeError, ValueError):  # ragged lists, dtypes that NumPy lacks
        raise InvalidTypeError(
            "Expected `index` to be integers or a boolean mask, "
            f"but got {_shorten(index)} of type {type(index).__name__}"
        ) from None


def _check_range(array: NDArray[Any], length: int, space: IndexSpace) -> None:
    """Refuse indices `[k]` outside of the index space."""
    if array.min() >= 0 and array.max() < length:
        return
    bad = array[(array < 0) | (array >= length)]
    expected = f"between 0 and {length - 1}" if length else "none, since there are no items"
    raise InvalidIndexError(
        f"Expected `index` to be {space} indices, {expected}, but got {_shorten(bad.tolist())}"
    )


def _check_distinct(array: IndexArray, space: IndexSpace) -> None:
    """Refuse indices `[k]` of which one comes twice."""
    unique, counts = np.unique(array, return_counts=True)
    if len(unique) != len(array):
        raise InvalidIndexError(
            f"Expected `index` to be distinct {space} indices, "
            f"but got {_shorten(unique[counts > 1].tolist())} more than once"
        )


def _n_dimensions(value: Any) -> int:
    """0 for a scalar of any kind, else at least 1 for what has a length and is an array or list."""
    if isinstance(value, (list, tuple, range)):
        return 1
    return int(getattr(value, "ndim", 0))


def _shorten(value: Any) -> str:
    """A value for a message; long lists are cut."""
    if isinstance(value, list) and len(value) > _SHOWN:
        return f"[{', '.join(map(repr, value[:_SHOWN]))}, ...] ({len(value)} in all)"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
