"""What every active dataset shares: the map of labels, its random state, saving and loading."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from baal.active.dataset.asking import Asking
from baal.active.dataset.item_ids import ItemId, ItemIds
from baal.active.dataset.label_map import LabelMap
from baal.active.dataset.random_state import Seed, draw_distinct, to_random_state
from baal.active.dataset.snapshot import read_snapshot, write_snapshot
from baal.active.dataset.split_state import SplitState, same_plain
from baal.active.dataset.validation import ValidationSplit
from baal.active.dataset.values import value_digests
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError

__all__ = ["SplittedDataset"]


class SplittedDataset(Asking):
    """A set of items split into labelled ones and a pool, without the items themselves.

    Two index spaces: a *dataset index* is an item's place among all items and never changes; a
    *pool index* is its place among the items unlabelled right now and changes with every label.

    The *step* is a stored counter: each call that labels something raises it by one, and every
    item keeps the step that labelled it. Un-labelling does not lower it.

    Args:
        labelled: Booleans or steps `[n_items]`, by dataset index; step 0 is unlabelled, True is
            step 1. It is copied.
        random_state: Seed or RandomState of `label_randomly`. None: seeded from NumPy's global
            random state.
        last_active_steps: The dataset shows the items of that many last steps only; -1 for all.
        item_ids: Ids `[n_items]` that outlive any order, such as file names or keys of a
            database: strings or integers, all different.
        validation_split: Share of the labelled items to set aside for validation, from 0 up to,
            not including, 1; seeded by `random_state`. They count in `n_labelled`, and the
            dataset does not show them. Those labelled from the start take part.

    Raises:
        InvalidTypeError: An argument is of the wrong kind.
        InvalidArgumentError: `last_active_steps` is neither -1 nor positive, `labelled` is empty,
            not one-dimensional or holds a negative step, `item_ids` has another length or an id
            twice, or `validation_split` is not in [0, 1).

    Example:
        >>> split = SplittedDataset([0, 1, 0, 0], random_state=1337)
        >>> split.label([0, 2])  # pool indices
        >>> split.labelled_map, split.n_unlabelled
        (array([2, 1, 0, 2], dtype=int32), 1)
    """

    def __init__(
        self,
        labelled: Any,
        random_state: Seed = None,
        last_active_steps: int = -1,
        *,
        item_ids: Sequence[ItemId] | None = None,
        validation_split: float = 0.0,
    ) -> None:
        labels = LabelMap(labelled)
        ids = None if item_ids is None else ItemIds(item_ids, labels.n_items)
        if ids is not None:
            labels = LabelMap(labels.steps, digests=value_digests(None, labels.n_labelled))
        validation = ValidationSplit(validation_split, seed=0)
        self.random_state = to_random_state(random_state)
        if validation.proportion:
            seed = int(self.random_state.randint(2**32, dtype=np.uint32))
            validation = replace(validation, seed=seed)
            validation = validation.draw(labels.labelled_indices.astype(np.int64), labels.step)
        super().__init__(labels, ids, validation, last_active_steps)

    @property
    def pool(self) -> Any:
        """The unlabelled items, in the form that a dataset with items gives them.

        Raises:
            StateError: This is the bookkeeping alone, without items.
        """
        raise StateError(
            f"Expected a dataset with items to ask for its `pool`, but got {type(self).__name__}"
        )

    def as_in_pool(self, dataset_indices: Any) -> Any:  # noqa: ARG002 - of those with items
        """Some items, labelled or not, in the form that `pool` has.

        Args:
            dataset_indices: Which, in any order.

        Returns:
            Them, by ascending dataset index.

        Raises:
            StateError: This is the bookkeeping alone, without items.
        """
        raise StateError(
            f"Expected a dataset with items to read some, but got {type(self).__name__}"
        )

    @property
    def validation(self) -> Any:
        """The labelled items set aside for validation, in the form that the dataset gives them.

        Raises:
            StateError: This is the bookkeeping alone, without items.
        """
        raise StateError(
            "Expected a dataset with items to ask for its `validation`, "
            f"but got {type(self).__name__}"
        )

    def check_dataset_can_label(self) -> bool:
        """Whether the underlying dataset stores values that are given to `label`.

        Returns:
            False: there are no items here to store values for.
        """
        return False

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
            self.label(draw_distinct(self.random_state, self.n_unlabelled, n_drawn))
        except Exception:
            self.random_state.set_state(before)
            raise

    def reset_labelled(self) -> None:
        """Forget every label and the history, and start counting steps from 0 again.

        A store keeps all that happened before, but as history.
        """
        with self._turn():
            ledger = self._ledger.emptied()
            if self._store is not None:
                ledger = replace(ledger, seen=self._store.reset())
            self._ledger = ledger

    def state_dict(self) -> dict[str, Any]:
        """The map of labels, the random state and what else changes, as copies.

        Returns:
            `labelled`: steps `[n_items]`, int32; `current_al_step`: the counter; `random_state`:
            nested dicts of numbers, strings and lists; `version`; `fingerprint`: the length and a
            digest of the item ids; `history`; with them, `validation`, `value_digests` and
            `waiting`: what was proposed and what cannot be labelled.
        """
        return SplitState(self._ledger, self.random_state).to_plain(self._item_ids)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a state; all of it or, after an error, nothing.

        Args:
            state_dict: What `state_dict` gave, here or in BaaL 2.1: `labelled`, booleans or steps
                `[n_items]`; `random_state`, plain or a RandomState; the rest is optional. It is
                copied. Without `current_al_step` the counter is the highest step.

        Raises:
            InvalidTypeError: `state_dict` is no dict, or `labelled` holds neither booleans nor
                integers.
            InvalidArgumentError: A key is missing, its content does not fit this dataset (of
                another length, with other ids or another `validation_split`), or a newer version
                of baal saved it.
        """
        state = SplitState.from_plain(
            state_dict, self._labels.n_items, self._item_ids, self._validation
        )
        if self._store is not None:
            self.refresh()
            own = self.state_dict()
            keys = {"waiting", *(state_dict.keys() & own.keys())} - {"random_state", "version"}
            differ = [key for key in keys if not same_plain(state_dict.get(key), own.get(key))]
            if differ:
                raise StateError(
                    "Expected `state_dict` to say what the label store "
                    f"{str(self._store.path)!r} says, which is the truth, but got another "
                    f"{' and '.join(sorted(differ))}"
                )
        else:
            self._ledger = state.ledger
        self.random_state = state.random_state

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state into one file, whole or not at all: NPZ, without pickle.

        Args:
            path: The file, whatever its name ends in. An old one is replaced once the new one is
                complete on the disk; a crash at any moment leaves one or the other.

        Raises:
            OSError: It cannot be written; an old file is as it was.
        """
        write_snapshot(path, self.state_dict())

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take over the state that `save` wrote; all of it or, after an error, nothing.

        Args:
            path: The file.

        Raises:
            OSError: It is missing or cannot be read.
            InvalidArgumentError: It is no snapshot, is damaged, is of another dataset, or a newer
                version of baal saved it.
        """
        self.load_state_dict(read_snapshot(path))
