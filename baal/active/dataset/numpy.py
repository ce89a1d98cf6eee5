"""Labelled and pool sides of a pair of arrays, for models that fit whole arrays."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baal.active.dataset.base import SplittedDataset
from baal.active.dataset.indices import IndexArray, to_index_array, to_position
from baal.active.dataset.item_ids import ItemId
from baal.active.dataset.random_state import Seed
from baal.active.label_store.store import LabelStore
from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["ActiveNumpyArray"]

Arrays = tuple[NDArray[Any], NDArray[Any]]


class ActiveNumpyArray(SplittedDataset):
    """Inputs and targets, split into labelled ones and a pool.

    Args:
        dataset: `(x, y)`: inputs `[n_items, ...]` and targets `[n_items, ...]`, shared. Inputs may
            be a sparse matrix, and stay one.
        labelled: Booleans or steps `[n_items]`; None: nothing is labelled. It is copied.
        random_state: Seed or RandomState of `label_randomly`. None: seeded from NumPy's global
            random state.
        item_ids: Ids `[n_items]` that outlive any order, strings or integers, all different.
        validation_split: Share of the labelled items to set aside for validation.
        store: Keeps each label on the disk before the call ends, and brings all of them back when
            the dataset is made with it again, values included. It is the truth: `labelled` is None
            then, or what the store began with.

    Attributes:
        can_label: Whether values given to `label` are stored as targets. Values are optional:
            without them the targets in `y` are the labels.

    Raises:
        InvalidTypeError: An argument is of the wrong kind.
        InvalidArgumentError: `dataset` is not a pair, its arrays are empty or differ in length,
            `labelled` or `item_ids` has another length, `labelled` holds a negative step, an id
            comes twice, or `validation_split` is not in [0, 1).

    Example:
        >>> x, y = np.array([[1.0], [2.0], [3.0]]), np.array([0, 1, 0])
        >>> dataset = ActiveNumpyArray((x, y), labelled=[1, 0, 0])
        >>> dataset.label(1)  # a pool index
        >>> dataset.dataset[0].ravel(), dataset.pool[0].ravel()
        (array([1., 3.]), array([2.]))
    """

    def __init__(
        self,
        dataset: Sequence[Any],
        labelled: Any = None,
        random_state: Seed = None,
        *,
        item_ids: Sequence[ItemId] | None = None,
        validation_split: float = 0.0,
        store: LabelStore | None = None,
    ) -> None:
        if not isinstance(dataset, (tuple, list)) or len(dataset) != 2:
            raise InvalidArgumentError(
                f"Expected `dataset` to be a pair (x, y), but got {type(dataset).__name__}"
            )
        x, y = _with_rows(dataset[0]), np.asarray(dataset[1])
        if x.shape[:1] != y.shape[:1] or x.ndim == 0 or x.shape[0] == 0:
            raise InvalidArgumentError(
                "Expected `dataset` to be arrays of the same length, with at least one item, "
                f"but got the shapes {list(x.shape)} and {list(y.shape)}"
            )
        super().__init__(
            np.zeros(len(y), dtype=np.int32) if labelled is None else labelled,
            random_state,
            item_ids=item_ids,
            validation_split=validation_split,
        )
        if self._labels.n_items != len(y):
            raise InvalidArgumentError(
                f"Expected `labelled` to have one entry for each of the {len(y)} items of "
                f"`dataset`, but got {self._labels.n_items}"
            )
        self._x, self._y = x, y
        self._owns_y = False
        self.can_label = self.check_dataset_can_label()
        self._open_store(store, check_start=labelled is not None)

    @property
    def dataset(self) -> Arrays:
        """The labelled `(x, y)`, by ascending dataset index, as copies."""
        return self._x[self._visible], self._y[self._visible]

    @property
    def validation(self) -> Arrays:
        """The `(x, y)` set aside for validation, by ascending dataset index, as copies."""
        return self._x[self.validation_indices], self._y[self.validation_indices]

    @property
    def pool(self) -> Arrays:
        """The unlabelled `(x, y)`, by ascending dataset index, as copies."""
        indices = self._labels.pool_indices
        return self._x[indices], self._y[indices]

    def as_in_pool(self, dataset_indices: Any) -> Arrays:
        """The `(x, y)` of some items, labelled or not, as copies.

        Args:
            dataset_indices: Which, in any order.

        Returns:
            Them, by ascending dataset index.

        Raises:
            InvalidTypeError: These are no integers.
            InvalidIndexError: There is no such item, or it comes twice.
        """
        indices = np.sort(to_index_array(dataset_indices, self._labels.n_items, "dataset"))
        return self._x[indices], self._y[indices]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """One labelled item.

        Args:
            index: Position among the labelled items; negative: from the end.

        Returns:
            `(x[i], y[i])`.

        Raises:
            InvalidTypeError: `index` is not an integer.
            InvalidIndexError: There is no such position.
        """
        return self.get_raw(self.labelled_to_dataset_index(index))

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return (self.get_raw(int(index)) for index in self._visible)

    def get_raw(self, idx: int) -> tuple[Any, Any]:
        """An item, labelled or not.

        Args:
            idx: Dataset index; negative: from the end.

        Returns:
            `(x[idx], y[idx])`; a row of a sparse matrix as an array.

        Raises:
            InvalidTypeError: `idx` is not an integer.
            InvalidIndexError: There is no such item.
        """
        position = to_position(idx, self._labels.n_items, "dataset")
        if hasattr(self._x, "tocsr"):  # a sparse row has no length, and is of another form
            return self._x[[position]].toarray()[0], self._y[position]
        return self._x[position], self._y[position]

    def check_dataset_can_label(self) -> bool:
        """Whether values that are given to `label` are stored.

        Returns:
            True: they become the targets.
        """
        return True

    def _store_values(self, dataset_indices: IndexArray, values: list[Any] | None) -> None:
        """Put `values` `[k, ...]` into the targets; the caller's array stays as it is."""
        if values is None:
            return
        targets = _cast_exactly(values, self._y[dataset_indices])
        if not self._owns_y:
            self._y = self._y.copy()
            self._owns_y = True
        self._y[dataset_indices] = targets


def _with_rows(array: Any) -> Any:
    """An array; a sparse matrix in the form whose rows can be taken, which not all have."""
    return array.tocsr() if hasattr(array, "tocsr") else np.asarray(array)


def _cast_exactly(values: list[Any], like: NDArray[Any]) -> NDArray[Any]:
    """Values as an array of the shape and dtype of `like`; only floats may be rounded."""
    try:
        given = np.asarray(values)
        cast = given.astype(like.dtype, casting="same_kind")
        fits = cast.shape == like.shape
    except (TypeError, ValueError):
        fits = False
    if not fits or (like.dtype.kind not in "fc" and not np.array_equal(cast, given)):
        raise InvalidTypeError(
            f"Expected `value` to fit targets of the shape {list(like.shape)} and dtype "
            f"{like.dtype}, but got {str(values)[:80]}"
        )
    return cast
