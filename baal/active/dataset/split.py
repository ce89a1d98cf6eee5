"""Items split into labelled ones and a pool: everything that can be asked, nothing that changes."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baal.active.dataset.indices import IndexArray, to_index_array, to_position
from baal.active.dataset.label_map import LabelMap
from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["Split"]


class Split:
    """What can be asked about a map of labels, in both index spaces.

    Args:
        labels: The map.
        last_active_steps: Show the items of that many last steps only; -1 for all.

    Raises:
        InvalidTypeError: `last_active_steps` is not an integer.
        InvalidArgumentError: `last_active_steps` is neither -1 nor positive.

    Example:
        >>> split = Split(LabelMap([0, 1, 0, 2]), last_active_steps=1)
        >>> split.get_indices_for_active_step(), split.n_labelled
        ([3], 2)
        >>> split.pool_to_dataset_index(1), split.dataset_to_pool_index(2)
        ([2], [1])
    """

    def __init__(self, labels: LabelMap, last_active_steps: int = -1) -> None:
        self._labels = labels
        self.last_active_steps = last_active_steps

    @property
    def last_active_steps(self) -> int:
        """How many last steps the dataset shows; -1 for all of them."""
        return self._last_active_steps

    @last_active_steps.setter
    def last_active_steps(self, value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise InvalidTypeError(
                f"Expected `last_active_steps` to be an integer, but got {value!r}"
            )
        if value != -1 and value < 1:
            raise InvalidArgumentError(
                f"Expected `last_active_steps` to be -1 or positive, but got {value}"
            )
        self._last_active_steps = int(value)

    @property
    def _visible(self) -> NDArray[Any]:
        """Dataset indices `[len(self)]` of the items that the dataset shows."""
        return self._labels.shown.recent(self._last_active_steps)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Whether each item is labelled, `[n_items]` by dataset index; read-only, a snapshot."""
        return self._labels.labelled

    @property
    def labelled_map(self) -> NDArray[np.int32]:
        """Step of each item, `[n_items]` by dataset index, 0: unlabelled; read-only, a snapshot."""
        return self._labels.steps

    @property
    def _labelled(self) -> NDArray[np.bool_]:
        warnings.warn("`_labelled` is now `labelled`.", DeprecationWarning, stacklevel=2)
        return self.labelled

    @property
    def n_labelled(self) -> int:
        """Number of labelled items, shown or not, those set aside for validation among them."""
        return self._labels.n_labelled

    @property
    def n_unlabelled(self) -> int:
        """Number of items in the pool."""
        return self._labels.n_unlabelled

    @property
    def n_validation(self) -> int:
        """Number of labelled items that are set aside for validation."""
        return self._labels.shown.n_aside

    @property
    def validation_indices(self) -> IndexArray:
        """Dataset indices `[n_validation]`, ascending, of the items set aside; read-only."""
        return self._labels.shown.validation_indices

    @property
    def current_al_step(self) -> int:
        """The step counter: 0 as long as nothing was labelled."""
        return self._labels.step

    def __len__(self) -> int:
        """Number of items that the dataset shows.

        They are labelled, by one of the `last_active_steps`, and not set aside for validation.
        """
        return self._labels.shown.count(self._last_active_steps)

    def is_labelled(self, idx: int) -> bool:
        """Whether an item is labelled.

        Args:
            idx: Dataset index.

        Returns:
            True if it is.

        Raises:
            InvalidTypeError: `idx` is not an integer.
            InvalidIndexError: There is no such item.
        """
        return self._labels.is_labelled(idx)

    def get_indices_for_active_step(self) -> list[int]:
        """Dataset indices, ascending, of the items that the dataset shows.

        Returns:
            `len(self)` dataset indices.
        """
        indices: list[int] = self._visible.tolist()
        return indices

    def pool_to_dataset_index(self, index: Any) -> list[int]:
        """Dataset indices of items in the pool.

        Args:
            index: Pool indices: anything that `label` takes.

        Returns:
            Their dataset indices, in the same order; a list also for a single index.

        Raises:
            InvalidTypeError: `index` holds something else than integers or booleans.
            InvalidArgumentError: It has the wrong shape.
            InvalidIndexError: An index is negative, not in the pool, or comes twice.
        """
        pool_indices = to_index_array(index, self.n_unlabelled, "pool")
        dataset_indices: list[int] = self._labels.pool_to_dataset(pool_indices).tolist()
        return dataset_indices

    def dataset_to_pool_index(self, index: Any) -> list[int]:
        """Pool indices, as of now, of unlabelled items.

        Args:
            index: Dataset indices: anything that `label_dataset_indices` takes.

        Returns:
            Their pool indices, in the same order; a list also for a single index.

        Raises:
            InvalidTypeError: `index` holds something else than integers or booleans.
            InvalidArgumentError: It has the wrong shape.
            InvalidIndexError: An index is negative, too large, labelled, or comes twice.
        """
        dataset_indices = to_index_array(index, self._labels.n_items, "dataset")
        pool_indices: list[int] = self._labels.dataset_to_pool(dataset_indices).tolist()
        return pool_indices

    def labelled_to_dataset_index(self, index: int) -> int:
        """Dataset index of the item that `self[index]` shows.

        Args:
            index: Position among the items that the dataset shows; negative: from the end.

        Returns:
            Its dataset index.

        Raises:
            InvalidTypeError: `index` is not an integer.
            InvalidIndexError: There is no such position.
        """
        position = to_position(index, len(self), "labelled")
        return self._labels.shown.item(position, self._last_active_steps)

    # BaaL 2.1's names: the oracle is whoever knows the labels of the underlying dataset.
    _pool_to_oracle_index = pool_to_dataset_index
    _oracle_to_pool_index = dataset_to_pool_index
    _labelled_to_oracle_index = labelled_to_dataset_index
