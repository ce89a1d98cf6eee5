"""The labelled items that are set aside to validate on, as they were at one moment."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from baal.active.dataset.indices import IndexArray, to_position
from baal.active.dataset.item_ids import ItemId, ItemIds
from baal.active.dataset.reading import read_items
from baal.active.dataset.specifics import view_with

__all__ = ["ValidationSet"]


class ValidationSet(Dataset[Any]):
    """The items that were set aside when the set was asked for: a map-style dataset.

    Like the pool it shares the underlying dataset and never changes.

    Args:
        dataset: The underlying dataset, shared.
        indices: Dataset indices `[k]`, ascending.
        specifics: Attributes of the dataset that have another value here.
        ids: Ids of all items of the dataset, if they have any.

    Raises:
        InvalidArgumentError: `specifics` names an attribute that the dataset lacks.

    Attributes:
        source: The underlying dataset itself, without the specifics.
        view: What the items are read from.
        dataset_indices: As given.

    Example:
        >>> list(ValidationSet(["a", "b", "c"], np.array([0, 2])))
        ['a', 'c']
    """

    def __init__(
        self,
        dataset: Any,
        indices: IndexArray,
        specifics: Mapping[str, Any] | None = None,
        ids: ItemIds | None = None,
    ) -> None:
        self.source = dataset
        self.view = view_with(dataset, specifics) if specifics else dataset
        self.dataset_indices = indices
        self._ids = ids

    @property
    def item_ids(self) -> list[ItemId] | None:
        """Ids `[len(self)]` of the items; None where they have none."""
        return None if self._ids is None else self._ids.take(self.dataset_indices)

    def __len__(self) -> int:
        """Number of items."""
        return len(self.dataset_indices)

    def __getitem__(self, index: int) -> Any:
        """One item, with its label.

        Args:
            index: Position among the items set aside; negative: from the end.

        Returns:
            `dataset[i]`.

        Raises:
            InvalidTypeError: `index` is not an integer.
            InvalidIndexError: There is no such item.
        """
        position = to_position(index, len(self), "validation")
        return self.view[int(self.dataset_indices[position])]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Several items, as a DataLoader asks for them."""
        chosen = [to_position(index, len(self), "validation") for index in indices]
        return read_items(self.view, self.dataset_indices[chosen].tolist())

    def rows_below(self, indices: Sequence[int]) -> tuple[Any, IndexArray] | None:
        """Which items of which dataset the items are, so that a whole batch may be read at once.

        Args:
            indices: Positions `[k]` among the items set aside, known to be in range.

        Returns:
            `view` and dataset indices `[k]`; None for a subclass.
        """
        if type(self) is not ValidationSet:
            return None
        return self.view, self.dataset_indices[np.asarray(indices, dtype=np.int64)]

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))
