"""The unlabelled side of a dataset, as it was at one moment, and the way back from its subsets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from torch.utils.data import Dataset, Subset

from baal.active.dataset.indices import IndexArray, to_index_array, to_position
from baal.active.dataset.item_ids import ItemId, ItemIds
from baal.active.dataset.label_map import LabelMap
from baal.active.dataset.reading import read_items
from baal.active.dataset.specifics import view_with
from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["ActivePool", "identity", "pool_indices_of"]

T = TypeVar("T")


def identity(item: T) -> T:
    """The item itself: the pool's items as they are, their labels included.

    Args:
        item: Anything.

    Returns:
        The same object.

    Example:
        >>> identity(3)
        3
    """
    return item


class ActivePool(Dataset[Any]):
    """The items that were unlabelled when the pool was asked for: a map-style dataset.

    It shares the underlying dataset and never changes: a label given later is not seen here. It
    is sent to other processes at the price of the labelled items, whatever its own length, and of
    the ids if there are any.

    Args:
        dataset: The underlying dataset, shared.
        labels: What is labelled in it.
        make_unlabelled: Takes the label away from an item, if need be.
        pool_specifics: Attributes of the dataset that have another value in the pool.
        ids: Ids of all items of the dataset, if they have any.

    Raises:
        InvalidArgumentError: `pool_specifics` names an attribute that the dataset lacks.

    Attributes:
        source: The underlying dataset itself, without the specifics.
        view: What the items are read from: the dataset, or a shallow view with the specifics.
        make_unlabelled: As given.
        labels: What was labelled in it when the pool was asked for.

    Example:
        >>> pool = ActivePool(["a", "b", "c"], LabelMap([0, 1, 0]))
        >>> list(pool), pool.dataset_indices
        (['a', 'c'], array([0, 2]))
    """

    def __init__(
        self,
        dataset: Any,
        labels: LabelMap,
        make_unlabelled: Callable[[Any], Any] = identity,
        pool_specifics: Mapping[str, Any] | None = None,
        ids: ItemIds | None = None,
    ) -> None:
        self.source = dataset
        self.make_unlabelled = make_unlabelled
        self.view = view_with(dataset, pool_specifics) if pool_specifics else dataset
        self.labels = labels
        self._ids = ids

    @property
    def dataset_indices(self) -> IndexArray:
        """Dataset indices `[len(self)]` of the items, ascending; read-only.

        Computed when it is first asked for; eight bytes an item.
        """
        return self.labels.pool_indices

    @property
    def item_ids(self) -> list[ItemId] | None:
        """Ids `[len(self)]` of the items; None where they have none."""
        return None if self._ids is None else self._ids.take(self.dataset_indices)

    def __len__(self) -> int:
        """Number of items."""
        return self.labels.n_unlabelled

    def __getitem__(self, index: int) -> Any:
        """One item, without its label.

        Args:
            index: Pool index; negative: from the end.

        Returns:
            `make_unlabelled(dataset[i])`.

        Raises:
            InvalidTypeError: `index` is not an integer.
            InvalidIndexError: There is no such item.
        """
        position = to_position(index, self.labels.n_unlabelled, "pool")
        return self.read(self.view, position)

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Several items, as a DataLoader asks for them."""
        n_items, labels = len(self), self.labels
        chosen = [labels.pool_item(to_position(index, n_items, "pool")) for index in indices]
        return [self.make_unlabelled(item) for item in read_items(self.view, chosen)]

    def rows_below(self, indices: Sequence[int]) -> tuple[Any, IndexArray] | None:
        """Which items of which dataset the items are, so that a whole batch may be read at once.

        Args:
            indices: Pool indices `[k]`, known to be in range.

        Returns:
            `view` and dataset indices `[k]`; None where `make_unlabelled` does something to items.
        """
        if type(self) is not ActivePool or self.make_unlabelled is not identity:
            return None
        return self.view, self.labels.pool_to_dataset(np.asarray(indices, dtype=np.int64))

    def __iter__(self) -> Iterator[Any]:
        # Not by IndexError, which could come from the dataset and end the iteration silently.
        return (self[index] for index in range(len(self)))

    def read(self, dataset: Any, position: int) -> Any:
        """Read the item at a pool index from a view of the dataset.

        Args:
            dataset: The underlying dataset or a view of it.
            position: Pool index, known to be in range.

        Returns:
            `make_unlabelled(dataset[i])`.
        """
        return self.make_unlabelled(dataset[self.labels.pool_item(position)])


def pool_indices_of(subset: Any, pool: Any) -> IndexArray:
    """Pool indices of the items of a custom pool.

    An older snapshot of the pool is mapped through the dataset indices, so that what was labelled
    since then shifts nothing.

    Args:
        subset: `pool`, an older snapshot of it, or a `torch.utils.data.Subset` of one of them,
            nested as deeply as one likes.
        pool: The pool as it is now: `active_dataset.pool`.

    Returns:
        Index `[len(subset)]` into `pool` of each item of `subset`.

    Raises:
        InvalidArgumentError: `subset` is something else, or the pool of another dataset.
        InvalidTypeError: The indices of a Subset are not integers.
        InvalidIndexError: An item comes twice, does not exist, or was labelled since.

    Example:
        >>> pool = ActivePool(["a", "b", "c"], LabelMap([1, 0, 0]))
        >>> pool_indices_of(Subset(pool, [1]), pool)
        array([1])
    """
    levels: list[Any] = []
    snapshot = subset
    while isinstance(snapshot, Subset):
        levels.append(snapshot.indices)
        snapshot = snapshot.dataset
    is_pool = isinstance(snapshot, ActivePool)
    # Of `ActiveNumpyArray` the pool is a tuple of arrays, of which there are no subsets.
    if not (is_pool and isinstance(pool, ActivePool) and snapshot.source is pool.source):
        origin = "of another dataset" if is_pool else "not made of a pool"
        raise InvalidArgumentError(
            "Expected `pool` to be the pool of this active dataset, or a torch.utils.data.Subset "
            f"of it, but got a {type(subset).__name__} {origin}"
        )
    chosen = _compose(levels, len(snapshot))
    if snapshot.labels is pool.labels:
        return chosen
    return pool.labels.dataset_to_pool(snapshot.labels.pool_to_dataset(chosen))


def _compose(levels: list[Any], n_pool: int) -> IndexArray:
    """Pool indices `[k]` that nested Subsets select; `levels` are their indices, innermost last."""
    chosen: IndexArray | None = None
    for indices in reversed(levels):
        if np.asarray(indices).dtype == np.bool_:
            # A Subset would read items 0 and 1 over and over, which nobody wants.
            raise InvalidTypeError(
                "Expected `pool`, a Subset, to have integers as indices, but got booleans"
            )
        selected = to_index_array(indices, n_pool if chosen is None else len(chosen), "pool")
        chosen = selected if chosen is None else chosen[selected]
    return np.arange(n_pool) if chosen is None else chosen
