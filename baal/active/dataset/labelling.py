"""Everything that changes what is labelled, and the one place that all changes go through."""

import warnings
from dataclasses import dataclass
from typing import Any

from baal.active.dataset.history import EventKind, LabelEvent
from baal.active.dataset.indices import IndexArray, match_values, to_index_array
from baal.active.dataset.item_ids import ItemId, ItemIds
from baal.active.dataset.recording import Recorded
from baal.active.dataset.replay import Ledger
from baal.active.dataset.sorted_arrays import is_in
from baal.active.dataset.values import value_digests
from baal.active.label_store.codec import encode_value
from baal.active.label_store.events import Entry
from baal.utils.frames import level_outside_baal

__all__ = ["Edit", "Labelling"]


class Labelling(Recorded):
    """A split whose items can be labelled, un-labelled and given another value.

    Each change goes through one place, which checks everything before anything is stored: a call
    that raises leaves the split as it was. With a store, a call that returns is on the disk.

    Args:
        labels: The map.
        ids: Ids of the items, if they have any; the map then keeps digests of the values.
        validation: What is set aside.
        last_active_steps: Show the items of that many last steps only; -1 for all.

    Example:
        >>> from baal.active.dataset.label_map import LabelMap
        >>> from baal.active.dataset.validation import ValidationSplit
        >>> split = Labelling(LabelMap([0, 0]), None, ValidationSplit(0, seed=0))
        >>> split.label(1)
        >>> split.unlabel_dataset_indices(1)
        >>> [tuple(event) for event in split.history]
        [(1, 'label', [1]), (1, 'unlabel', [1])]
    """

    @property
    def item_ids(self) -> ItemIds | None:
        """The id of each item, by dataset index; None where they have none."""
        return self._item_ids

    @property
    def history(self) -> list[LabelEvent]:
        """What was labelled, un-labelled and given another value, in the order of the steps.

        One event for each step that labelled something, and one for each call that un-labelled or
        re-labelled. Told from the map when it is asked for, at the price of all that is labelled.
        """
        return self._history.events(self._labels)

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
        with self._turn(by_pool_index=True):
            pool_indices = to_index_array(index, self.n_unlabelled, "pool")
            values = None if value is None else match_values(value, index, len(pool_indices))
            self._apply(Edit("label", self._labels.pool_to_dataset(pool_indices), values))

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
        values = None if value is None else match_values(value, index, len(dataset_indices))
        with self._turn():
            self._apply(Edit("label", dataset_indices, values))

    def unlabel_dataset_indices(self, index: Any) -> None:
        """Put labelled items back into the pool; all of them or, after an error, none.

        The step stays as it is. A value that the underlying dataset has stored stays there until
        the item is labelled again. The call is recorded in `history`.

        Args:
            index: Dataset indices of labelled items, in any form that `label_dataset_indices`
                takes.

        Raises:
            InvalidTypeError: As in `label`.
            InvalidArgumentError: `index` has the wrong shape.
            InvalidIndexError: An index is negative, too large, not labelled, or comes twice.
        """
        dataset_indices = to_index_array(index, self._labels.n_items, "dataset")
        with self._turn():
            self._apply(Edit("unlabel", dataset_indices))

    def relabel_dataset_indices(self, index: Any, value: Any) -> None:
        """Give labelled items another value; the steps stay as they are.

        The call is recorded in `history`. If the dataset raises half-way, the values that it has
        stored so far stay; call again.

        Args:
            index: Dataset indices of labelled items, in any form that `label_dataset_indices`
                takes.
            value: The values, as in `label`.

        Raises:
            InvalidTypeError: As in `label`.
            InvalidArgumentError: `index` has the wrong shape, or there are more or fewer values
                than indices.
            InvalidIndexError: An index is negative, too large, not labelled, or comes twice.

        Warns:
            UserWarning: The dataset cannot store values.
        """
        dataset_indices = to_index_array(index, self._labels.n_items, "dataset")
        values = match_values(value, index, len(dataset_indices))
        with self._turn():
            self._apply(Edit("relabel", dataset_indices, values))

    def _apply(self, *edits: "Edit") -> None:
        """Check everything, write it into the store, store the values, take the new state.

        Every change of single items goes through here, inside of a turn, which ends it.
        """
        edits = tuple(edit for edit in edits if len(edit.indices))
        ledger, entries = self._ledger, []
        for edit in edits:
            before, ledger = ledger, edit.change(ledger, digest=self._keeps_values)
            if self._store is not None:
                entries.append(edit.entry(before, ledger, self._ids_of(edit.indices)))
        self._record(*entries)
        for edit in edits:
            if edit.kind != "unlabel":
                self._keep(edit)
        seen = self._seen
        self._ledger = ledger
        self._seen = seen

    def _keep(self, edit: "Edit") -> None:
        """Have the values stored, or say that they are not."""
        if self.can_label:
            # The user's code runs here. If it raises half-way, the items stay in the pool, where
            # the values stored so far do no harm: labelling them again overwrites these.
            if edit.kind == "relabel" and self._store is not None:
                self._overwritten.append(edit.indices)
            self._store_values(edit.indices, edit.values)
        elif edit.values is not None:
            warnings.warn(
                f"A value was given to `{edit.kind}`, but {type(self).__name__} cannot store it "
                "here: the original label is used.",
                UserWarning,
                stacklevel=level_outside_baal(),
            )


@dataclass(frozen=True, eq=False)
class Edit:
    """A change that is asked for.

    Attributes:
        kind: What to do.
        indices: Items by dataset index, `[k]`.
        values: Values for them, `[k]`.

    Example:
        >>> import numpy as np
        >>> Edit("unlabel", np.array([3])).values is None
        True
    """

    kind: EventKind
    indices: IndexArray
    values: list[Any] | None = None

    def change(self, ledger: Ledger, *, digest: bool) -> Ledger:
        """Everything as it is afterwards; an error if it does not allow the change.

        Args:
            ledger: Everything as it is.
            digest: Whether the values are kept anywhere, and so can be compared.

        Returns:
            The ledger afterwards.
        """
        labels, history, validation = ledger.labels, ledger.history, ledger.validation
        waiting = ledger.waiting
        if self.kind != "label":
            history = history.record(self.kind, self.indices, labels)
        digests = None
        if labels.digests is not None:
            digests = value_digests(self.values if digest else None, len(self.indices))
        if self.kind == "unlabel":
            labels, validation = labels.unlabel(self.indices), validation.retire(self.indices)
        elif self.kind == "relabel":
            labels = labels.relabel(self.indices, digests)
        else:
            labels = labels.label(self.indices, digests)
            validation = validation.draw(self.indices, labels.step)
            waiting = waiting.without(self.indices)
            if validation is not ledger.validation:
                labels = labels.set_aside(validation.aside)
        return Ledger(labels, history, validation, waiting, ledger.seen)

    def entry(self, before: Ledger, after: Ledger, ids: list[ItemId] | None) -> Entry:
        """The change as rows of a store.

        Args:
            before: Everything as it was.
            after: Everything as it is with the change.
            ids: Ids of the items `[k]`, if they have any.

        Returns:
            The rows.
        """
        is_label = self.kind == "label"
        aside = after.validation
        scores = before.waiting.scores_of(self.indices) if is_label and before.waiting else None
        return Entry(
            self.kind,
            self.indices.tolist(),
            after.labels.step,
            item_ids=ids,
            values=None if self.values is None else [encode_value(one) for one in self.values],
            labelled_at=None if is_label else before.labels.steps_of(self.indices).tolist(),
            validation=(
                is_in(self.indices, aside.aside).tolist() if is_label and aside.proportion else None
            ),
            scores=None if scores is None else scores.tolist(),
        )
