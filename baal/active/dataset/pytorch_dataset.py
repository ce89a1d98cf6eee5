"""Labelled and pool sides of any map-style dataset."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from baal.active.dataset.augmentation import warn_if_augmented
from baal.active.dataset.base import SplittedDataset
from baal.active.dataset.indices import IndexArray, to_index_array, to_position
from baal.active.dataset.item_ids import ItemId
from baal.active.dataset.label_map import LabelMap
from baal.active.dataset.pool import ActivePool, identity
from baal.active.dataset.random_state import Seed
from baal.active.dataset.reading import read_items
from baal.active.dataset.validation_set import ValidationSet
from baal.active.label_store.store import LabelStore
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError

__all__ = ["ActiveLearningDataset"]


class ActiveLearningDataset(SplittedDataset, Dataset[Any]):
    """The labelled items of a dataset, with the others in its `pool`.

    It is itself a dataset, of the labelled items, to train on. The underlying dataset is shared,
    never copied.

    Args:
        dataset: A map-style dataset: it has `__len__` and `__getitem__`, and at least one item.
            With a method `label(idx, value)` it stores the values that are given to `label`.
        labelled: Booleans or steps `[len(dataset)]`, by dataset index; step 0 is unlabelled, True
            is step 1. None: nothing is labelled. It is copied.
        make_unlabelled: Takes the label away from an item of the pool. By default it stays.
        random_state: Seed or RandomState of `label_randomly`. None: seeded from NumPy's global
            random state.
        pool_specifics: Attributes of the dataset that have another value in the pool, such as
            `{"transform": test_transform}` to leave data augmentation out. They are also found
            on the dataset inside of a `torch.utils.data.Subset`.
        last_active_steps: Show the items of that many last steps only; -1 for all.
        item_ids: Ids `[len(dataset)]` that outlive any order, such as file names or keys of a
            database: strings or integers, all different.
        validation_split: Share of the labelled items to set aside for validation.
        store: Keeps each label on the disk before the call ends, and brings all of them back when
            the dataset is made with it again, values included. It is the truth: `labelled` is None
            then, or what the store began with.

    Attributes:
        random_state: RandomState of `label_randomly`.
        make_unlabelled: As given.
        pool_specifics: As given, as a dict.
        can_label: Whether values go to the dataset. Set it to False to have them ignored.

    Raises:
        InvalidTypeError: `dataset` is not map-style, or an argument is of the wrong kind.
        InvalidArgumentError: `dataset` is empty, `labelled` or `item_ids` has another length,
            `labelled` holds a negative step, an id comes twice, `last_active_steps` is neither
            -1 nor positive, or `validation_split` is not in [0, 1).

    Warns:
        UserWarning: `dataset.label` is there but cannot be called.

    Example:
        >>> dataset = ActiveLearningDataset(["a", "b", "c", "d"], labelled=[0, 1, 0, 0])
        >>> list(dataset), list(dataset.pool)
        (['b'], ['a', 'c', 'd'])
        >>> dataset.label(1)  # a pool index: "c"
        >>> list(dataset), list(dataset.pool), dataset.current_al_step
        (['b', 'c'], ['a', 'd'], 2)
    """

    def __init__(
        self,
        dataset: Any,
        labelled: Any = None,
        make_unlabelled: Callable[[Any], Any] = identity,
        random_state: Seed = None,
        pool_specifics: Mapping[str, Any] | None = None,
        last_active_steps: int = -1,
        *,
        item_ids: Sequence[ItemId] | None = None,
        validation_split: float = 0.0,
        store: LabelStore | None = None,
    ) -> None:
        n_items = _count_items(dataset)
        super().__init__(
            np.zeros(n_items, dtype=np.int32) if labelled is None else labelled,
            random_state=random_state,
            last_active_steps=last_active_steps,
            item_ids=item_ids,
            validation_split=validation_split,
        )
        if self._labels.n_items != n_items:
            raise InvalidArgumentError(
                f"Expected `labelled` to have one entry for each of the {n_items} items of "
                f"`dataset`, but got {self._labels.n_items}"
            )
        self._dataset = dataset
        self.make_unlabelled = make_unlabelled
        self.pool_specifics: dict[str, Any] = dict(pool_specifics or {})
        self.can_label = self.check_dataset_can_label()
        self._augmentation_checked = False
        self._open_store(store, check_start=labelled is not None)

    def __getitem__(self, index: int) -> Any:
        """One labelled item.

        Args:
            index: Position among the items that the dataset shows; negative: from the end.

        Returns:
            `dataset[i]`, as it is.

        Raises:
            InvalidTypeError: `index` is not an integer.
            InvalidIndexError: There is no such position.
        """
        return self._dataset[self.labelled_to_dataset_index(index)]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Several labelled items, as a DataLoader asks for them."""
        if type(self).__getitem__ is not ActiveLearningDataset.__getitem__:
            return [self[index] for index in indices]
        return read_items(self._dataset, [self.labelled_to_dataset_index(i) for i in indices])

    def rows_below(self, indices: Sequence[int]) -> tuple[Any, IndexArray] | None:
        """Which items of which dataset the items are, so that a whole batch may be read at once.

        Args:
            indices: Positions `[k]` among the items that the dataset shows, known to be in range.

        Returns:
            The underlying dataset and dataset indices `[k]`; None for a subclass, which may do
            something to its items.
        """
        if type(self) is not ActiveLearningDataset:
            return None
        shown, last_steps = self._labels.shown, self._last_active_steps
        rows = [shown.item(index, last_steps) for index in indices]
        return self._dataset, np.array(rows, dtype=np.int64)

    def __iter__(self) -> Iterator[Any]:
        # Over the items of this moment: a label given meanwhile shifts nothing.
        return (self._dataset[int(index)] for index in self._visible)

    @property
    def pool(self) -> ActivePool:
        """The unlabelled items of this moment: a map-style dataset that never changes.

        Raises:
            InvalidArgumentError: `pool_specifics` names an attribute that the dataset lacks.

        Warns:
            UserWarning: The first time only, if an item differs between two reads.
        """
        pool = ActivePool(
            self._dataset, self._labels, self.make_unlabelled, self.pool_specifics, self.item_ids
        )
        if not self._augmentation_checked and len(pool):
            self._augmentation_checked = True
            warn_if_augmented(pool.view, lambda dataset: pool.read(dataset, 0))
        return pool

    def as_in_pool(self, dataset_indices: Any) -> ActivePool:
        """Some items, labelled or not, as the pool would have them: with `make_unlabelled`.

        Args:
            dataset_indices: Which, in any order.

        Returns:
            Them, by ascending dataset index: a map-style dataset that never changes.

        Raises:
            InvalidTypeError: These are no integers.
            InvalidIndexError: There is no such item, or it comes twice.
        """
        n_items = self._labels.n_items
        others = np.ones(n_items, dtype=np.bool_)
        others[to_index_array(dataset_indices, n_items, "dataset")] = False
        return ActivePool(
            self._dataset, LabelMap(others), self.make_unlabelled, self.pool_specifics, None
        )

    @property
    def validation(self) -> ValidationSet:
        """The labelled items set aside for validation, at this moment: a map-style dataset.

        They are read with the pool's specifics, since a score on augmented items is a noisy one,
        and keep their labels.

        Raises:
            InvalidArgumentError: `pool_specifics` names an attribute that the dataset lacks.
        """
        return ValidationSet(
            self._dataset, self.validation_indices, self.pool_specifics, self.item_ids
        )

    def get_raw(self, idx: int) -> Any:
        """An item of the underlying dataset, labelled or not, as it is.

        Args:
            idx: Dataset index; negative: from the end.

        Returns:
            `dataset[idx]`.

        Raises:
            InvalidTypeError: `idx` is not an integer.
            InvalidIndexError: There is no such item.
        """
        return self._dataset[to_position(idx, self._labels.n_items, "dataset")]

    def check_dataset_can_label(self) -> bool:
        """Whether the underlying dataset has a method `label(idx, value)`.

        Returns:
            True if it has an attribute of that name that can be called.

        Warns:
            UserWarning: There is such an attribute, but it cannot be called.
        """
        if not hasattr(self._dataset, "label"):
            return False
        if callable(self._dataset.label):
            return True
        warnings.warn(
            f"{type(self._dataset).__name__} has an attribute `label` that is not a method: "
            "values given to `label` are not stored.",
            UserWarning,
            stacklevel=2,
        )
        return False

    def _store_values(self, dataset_indices: IndexArray, values: list[Any] | None) -> None:
        """Give `values` `[k]` of the items `[k]` to the dataset, one after the other."""
        if values is None:
            raise InvalidArgumentError(
                f"Expected `value` to be the labels of {len(dataset_indices)} items, since "
                f"{type(self._dataset).__name__} stores labels, but got None"
            )
        if not callable(getattr(self._dataset, "label", None)):
            raise StateError(
                f"Expected `can_label` to be False, since {type(self._dataset).__name__} has no "
                f"method `label`, but got {self.can_label}"
            )
        for index, value in zip(dataset_indices.tolist(), values, strict=True):
            self._dataset.label(index, value)


def _count_items(dataset: Any) -> int:
    """Length of a dataset that is map-style and has items."""
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise InvalidTypeError(
            "Expected `dataset` to be map-style, with `__len__` and `__getitem__`, "
            f"but got {type(dataset).__name__}"
        )
    n_items = len(dataset)
    if n_items == 0:
        raise InvalidArgumentError("Expected `dataset` to have at least one item, but got none")
    return n_items
