"""Data sets that are a pair of arrays `(x, y)`, beside those whose items are read one by one."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import Subset

from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = [
    "PairItems",
    "all_classes",
    "as_items",
    "first_items",
    "is_pair",
    "n_items",
    "whole_arrays",
    "whole_pair",
]


class PairItems:
    """The items of a pair of arrays, one by one.

    Args:
        x: Inputs `[N, ...]`: an array, a sparse matrix or a table.
        y: Targets `[N, ...]`.

    Example:
        >>> items = PairItems(np.array([[1.0], [2.0]]), np.array([0, 1]))
        >>> len(items), int(items[1][1])
        (2, 1)
    """

    def __init__(self, x: Any, y: Any) -> None:
        self.x = _with_rows(x)
        self.y = y

    def __len__(self) -> int:
        """Number of items."""
        return int(self.x.shape[0])

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """One item: its input and its target."""
        return _row(self.x, index), _row(self.y, index)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return (self[index] for index in range(len(self)))


def _row(array: Any, index: int) -> Any:
    if hasattr(array, "iloc"):  # a table
        return array.iloc[index]
    # A sparse matrix gives a sparse row, which has no length and no text that tells its values.
    return array[[index]].toarray()[0] if hasattr(array, "toarray") else array[index]


def _with_rows(array: Any) -> Any:
    """The array; a sparse matrix in the form whose rows can be taken, which not all have."""
    return array.tocsr() if hasattr(array, "tocsr") else array


def is_pair(dataset: Any) -> bool:
    """Whether a data set is a pair of arrays, rather than a collection of items.

    Args:
        dataset: Any data set.

    Returns:
        True for a tuple of two things with a shape.

    Example:
        >>> is_pair((np.zeros((3, 2)), np.zeros(3))), is_pair([("a", 0), ("b", 1)])
        (True, False)
    """
    return (
        isinstance(dataset, tuple)
        and len(dataset) == 2
        and all(len(getattr(part, "shape", ())) > 0 for part in dataset)
    )


def as_items(dataset: Any) -> Any:
    """A data set whose items can be counted and read one by one.

    Args:
        dataset: A pair of arrays, or anything else.

    Returns:
        `PairItems` of a pair; anything else as it is.

    Raises:
        InvalidArgumentError: The arrays of a pair differ in length.

    Example:
        >>> len(as_items((np.zeros((3, 2)), np.zeros(3)))), as_items(["an item"])
        (3, ['an item'])
    """
    if not is_pair(dataset):
        return dataset
    x, y = dataset
    if x.shape[0] != y.shape[0]:
        raise InvalidArgumentError(
            "Expected a pair (x, y) to be arrays of the same length, but got the shapes "
            f"{list(x.shape)} and {list(y.shape)}"
        )
    return PairItems(x, y)


def n_items(dataset: Any) -> int:
    """Number of items.

    Args:
        dataset: A pair of arrays, or anything with a length.

    Returns:
        The number.

    Example:
        >>> n_items((np.zeros((3, 2)), np.zeros(3)))
        3
    """
    return len(as_items(dataset))


def first_items(dataset: Any, n: int) -> Any:
    """The first items, in the form that the data set has.

    Args:
        dataset: A pair of arrays, or a map-style data set.
        n: How many, at most as many as there are.

    Returns:
        A pair of arrays, or a `Subset`.

    Example:
        >>> first_items((np.arange(3), np.arange(3)), 2)[1].tolist()
        [0, 1]
    """
    if is_pair(dataset):
        return tuple(_with_rows(part)[:n] for part in dataset)
    return Subset(dataset, range(n))


def whole_arrays(dataset: Any) -> tuple[Any, Any]:
    """All inputs and all targets, for models that take whole arrays.

    Args:
        dataset: A pair of arrays, which is given back; an `ActiveNumpyArray`, of which the labelled
            pair is; or a map-style data set of numbers or arrays, with or without a target.

    Returns:
        `x` `[N, ...]` and `y` `[N, ...]`; None in place of `y` where items have no target.

    Raises:
        InvalidArgumentError: There are no items, or they differ in shape.

    Example:
        >>> x, y = whole_arrays([([1.0, 2.0], 0), ([3.0, 4.0], 1)])
        >>> x.shape, y.tolist()
        ((2, 2), [0, 1])
    """
    pair = getattr(dataset, "dataset", None)
    if hasattr(dataset, "n_unlabelled") and is_pair(pair):
        dataset = pair
    if is_pair(dataset):
        x, y = dataset
        return _with_rows(x), y
    items = [dataset[index] for index in range(len(dataset))]
    if not items:
        raise InvalidArgumentError("Expected items to make arrays of, but got none")
    if isinstance(items[0], tuple | list):
        return _stacked([item[0] for item in items]), _stacked([item[1] for item in items])
    return _stacked(items), None


def whole_pair(dataset: Any) -> tuple[Any, npt.NDArray[Any]]:
    """As `whole_arrays`, of items that have targets.

    Args:
        dataset: As there.

    Returns:
        `x` `[N, ...]` and `y` `[N, ...]`.

    Raises:
        InvalidArgumentError: There are no items or no targets, or items differ in shape.

    Example:
        >>> whole_pair([1.0, 2.0])
        Traceback (most recent call last):
        baal.exceptions.InvalidArgumentError: Expected items `(x, y)`, but got no targets
    """
    x, y = whole_arrays(dataset)
    if y is None:
        raise InvalidArgumentError("Expected items `(x, y)`, but got no targets")
    return x, np.asarray(y)


def _stacked(rows: list[Any]) -> npt.NDArray[Any]:
    try:
        return np.stack([np.asarray(row) for row in rows])
    except ValueError:
        raise InvalidArgumentError(
            "Expected items of one shape to make an array of, but got others. Whole arrays are a "
            "tuple (x, y) of two arrays, rather than a list or two lists."
        ) from None


def all_classes(dataset: Any) -> npt.NDArray[Any] | None:
    """The classes of all items of an active dataset of arrays, labelled or not.

    Args:
        dataset: An `ActiveNumpyArray`, or another one, whose items may be slow to read.

    Returns:
        The classes `[C]`, sorted; None for another one.

    Raises:
        InvalidTypeError: Targets are of several kinds, such as texts and None.

    Example:
        >>> from baal.active.dataset.numpy import ActiveNumpyArray
        >>> all_classes(ActiveNumpyArray((np.zeros(3), np.array(["b", "a", "b"])))).tolist()
        ['a', 'b']
    """
    parts = [getattr(dataset, name, None) for name in ("dataset", "pool", "validation")]
    pairs = [part for part in parts if part is not None and is_pair(part)]
    if len(pairs) < len(parts):
        return None
    targets = np.concatenate([y for _, y in pairs])
    try:
        return np.unique(targets)
    except TypeError:
        kinds = sorted({type(one).__name__ for one in targets.ravel().tolist()})
        raise InvalidTypeError(
            "Expected the targets of a classifier to be all numbers or all texts, but got "
            + " and ".join(kinds)
        ) from None
