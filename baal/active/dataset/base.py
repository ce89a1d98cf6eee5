"""What every active dataset shares: the map of labels, its random state, labelling by index."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from baal.active.dataset.indices import IndexArray, match_values, to_index_array
from baal.active.dataset.label_map import LabelMap
from baal.active.dataset.random_state import Seed, from_plain, to_plain, to_random_state
from baal.active.dataset.split import Split
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError

__all__ = ["SplittedDataset"]


class SplittedDataset(Split):
    """A set of items split into labelled ones and a pool, without the items themselves.

    Two index spaces: a *dataset index* is an item's place among all items and never changes; a
    *pool index* is its place among the items unlabelled right now and changes with every label.

    The *step* is a stored counter: each call that labels something raises it by one, and every
    item keeps the step that labelled it.

    Args:
        labelled: Booleans or steps `[n_items]`, by dataset index; step 0 is unlabelled, True is
            step 1. It is copied.
        random_state: Seed or RandomState of `label_randomly`. None: seeded from NumPy's global
            random state.
        last_active_steps: The dataset shows the items of that many last steps only; -1 for all.

    Raises:
        InvalidTypeError: An argument is of the wrong kind.
        InvalidArgumentError: `last_active_steps` is neither -1 nor positive, `labelled` is empty,
            not one-dimensional or holds a negative step.

    Example:
        >>> split = SplittedDataset([0, 1, 0, 0], random_state=1337)
        >>> split.label([0, 2])  # pool indices
        >>> split.labelled_map, split.n_unlabelled
        (array([2, 1, 0, 2], dtype=int32), 1)
    """

    def __init__(
        self, labelled: Any, random_state: Seed = None, last_active_steps: int = -1
    ) -> None:
        super().__init__(LabelMap(labelled), last_active_steps)
        self.random_state = to_random_state(random_state)
        self.can_label: bool = False

    @property
    def pool(self) -> Any:
        """The unlabelled items, in the form that a dataset with items gives them.

        Raises:
            StateError: This is the bookkeeping alone, without items.
        """
        raise StateError(
            f"Expected a dataset with items to ask for its `pool`, but got {type(self).__name__}"
        )

    def check_dataset_can_label(self) -> bool:
        """Whether the underlying dataset stores values that are given to `label`.

        Returns:
            False: there are no items here to store values for.
        """
        return False

    def label(self, index: Any, value: Any = None) -> None:
        """Label items of the pool; all of them or, after an error, none.

        Args:
            index: Pool indices: an integer, a list, array or tensor of them, or a boolean mask
                `[n_unlabelled]`. With none, nothing happens and the step stays.
            value: The values, one for each index. A list or tuple is always a sequence of
                values; an array is the value itself for a single index.

        Raises:
            InvalidTypeError: `index` holds something else than integers or booleans.
            InvalidArgumentError: `index` has the wrong shape, values are missing where the
                dataset stores them, or there are more or fewer of them than indices.
            InvalidIndexError: An index is negative, not in the pool, or comes twice.

        Warns:
            UserWarning: Values were given, but the dataset cannot store them.
        """
        pool_indices = to_index_array(index, self.n_unlabelled, "pool")
        self._label(self._labels.pool_to_dataset(pool_indices), index, value)

    def label_dataset_indices(self, index: Any, value: Any = None) -> None:
        """Label items by their dataset index; all of them or, after an error, none.

        Args:
            index: Dataset indices of unlabelled items: an integer, a list, array or tensor of
                them, or a boolean mask `[n_items]`.
            value: As in `label`.

        Raises:
            InvalidTypeError: As in `label`.
            InvalidArgumentError: As in `label`.
            InvalidIndexError: An index is negative, too large, labelled, or comes twice.

        Warns:
            UserWarning: Values were given, but the dataset cannot store them.
        """
        dataset_indices = to_index_array(index, self._labels.n_items, "dataset")
        self._label(dataset_indices, index, value)

    def _label(self, dataset_indices: IndexArray, index: Any, value: Any) -> None:
        """Check everything, store the values, and only then take the new map."""
        labels = self._labels.label(dataset_indices)
        values = None if value is None else match_values(value, index, len(dataset_indices))
        if len(dataset_indices) == 0:
            return
        if self.can_label:
            # The user's code runs here. If it raises half-way, the items stay in the pool, where
            # the values stored so far do no harm: labelling them again overwrites these.
            self._store_values(dataset_indices, values)
        elif values is not None:
            warnings.warn(
                f"A value was given to `label`, but {type(self).__name__} cannot store it here: "
                "the original label is used.",
                UserWarning,
                stacklevel=3,  # whoever called `label`
            )
        self._labels = labels

    def _store_values(self, dataset_indices: IndexArray, values: list[Any] | None) -> None:
        """Store `values` `[k]` of the items `[k]`; called before they count as labelled."""
        raise StateError(
            f"Expected `can_label` to be False, since {type(self).__name__} stores no values, "
            f"but got {self.can_label} with values {values} for the items {dataset_indices}"
        )

    def label_randomly(self, n: int = 1) -> None:
        """Label `n` items drawn from the pool, or the whole pool if it has fewer.

        Args:
            n: Number of items, not negative.

        Raises:
            InvalidTypeError: `n` is not an integer.
            InvalidArgumentError: `n` is negative, or the dataset needs values for its labels.
        """
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
            raise InvalidTypeError(f"Expected `n` to be an integer, but got {n!r}")
        if n < 0:
            raise InvalidArgumentError(f"Expected `n` to be 0 or more, but got {n}")
        n_drawn = min(int(n), self.n_unlabelled)
        if n_drawn == 0:
            return
        before = self.random_state.get_state(legacy=False)
        try:
            self.label(self.random_state.choice(self.n_unlabelled, n_drawn, replace=False))
        except Exception:
            self.random_state.set_state(before)
            raise

    def reset_labelled(self) -> None:
        """Forget every label, and start counting steps from 0 again."""
        self._labels = LabelMap(np.zeros(self._labels.n_items, dtype=np.int32))

    def state_dict(self) -> dict[str, Any]:
        """The map of labels and the random state, as copies.

        Returns:
            `labelled`: steps `[n_items]`, int32; `current_al_step`: the counter; `random_state`:
            nested dicts of numbers, strings and lists.
        """
        return {
            "labelled": self._labels.steps.copy(),
            "current_al_step": self._labels.step,
            "random_state": to_plain(self.random_state),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a state; all of it or, after an error, nothing.

        Args:
            state_dict: What `state_dict` gave, here or in BaaL 2.1: `labelled`, booleans or steps
                `[n_items]`; `random_state`, plain or a RandomState; and, optional,
                `current_al_step`, by default the highest step. It is copied.

        Raises:
            InvalidTypeError: `labelled` holds neither booleans nor integers.
            InvalidArgumentError: A key is missing, or its content does not fit this dataset.
        """
        missing = {"labelled", "random_state"} - set(state_dict)
        if missing:
            raise InvalidArgumentError(
                "Expected `state_dict` to have the keys 'labelled' and 'random_state', "
                f"but got {sorted(state_dict)}"
            )
        labels = LabelMap(state_dict["labelled"], step=state_dict.get("current_al_step"))
        if labels.n_items != self._labels.n_items:
            raise InvalidArgumentError(
                f"Expected `labelled` in `state_dict` to have the length {self._labels.n_items} "
                f"of this dataset, but got {labels.n_items}"
            )
        random_state = from_plain(state_dict["random_state"])
        self._labels, self.random_state = labels, random_state
