"""Everything that changes what is labelled, and the one place that all changes go through."""

import warnings
from dataclasses import dataclass
from typing import Any

from baal.active.dataset.answers import sort_answers
from baal.active.dataset.history import EventKind, History, LabelEvent
from baal.active.dataset.indices import IndexArray, match_values, to_index_array
from baal.active.dataset.item_ids import ItemIds
from baal.active.dataset.label_map import LabelMap
from baal.active.dataset.split import Split
from baal.active.dataset.validation import ValidationSplit
from baal.active.dataset.values import value_digests
from baal.exceptions import InvalidArgumentError, StateError

__all__ = ["Labelling"]

_SHOWN = 5  # ids named in an error


class Labelling(Split):
    """A split whose items can be labelled, un-labelled and given another value.

    Each change goes through one place, which checks everything before anything is stored, and
    takes the new state last: a call that raises leaves the split as it was.

    Args:
        labels: The map.
        ids: Ids of the items, if they have any; the map then keeps digests of the values.
        validation: What is set aside.
        last_active_steps: Show the items of that many last steps only; -1 for all.

    Attributes:
        can_label: Whether values are stored.

    Example:
        >>> split = Labelling(LabelMap([0, 0]), None, ValidationSplit(0, seed=0))
        >>> split.label(1)
        >>> split.unlabel_dataset_indices(1)
        >>> [tuple(event) for event in split.history]
        [(1, 'label', [1]), (1, 'unlabel', [1])]
    """

    def __init__(
        self,
        labels: LabelMap,
        ids: ItemIds | None,
        validation: ValidationSplit,
        last_active_steps: int = -1,
    ) -> None:
        super().__init__(labels.set_aside(validation.aside), last_active_steps)
        self._item_ids = ids
        self._validation = validation
        self._history = History()
        self.can_label: bool = False

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
        pool_indices = to_index_array(index, self.n_unlabelled, "pool")
        values = None if value is None else match_values(value, index, len(pool_indices))
        self._apply(_Edit("label", self._labels.pool_to_dataset(pool_indices), values))

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
        self._apply(_Edit("label", dataset_indices, values))

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
        self._apply(_Edit("unlabel", to_index_array(index, self._labels.n_items, "dataset")))

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
        self._apply(_Edit("relabel", dataset_indices, values))

    def label_items(self, ids: Any, values: Any = None, *, relabel: bool = False) -> None:
        """Label items by their ids, as the answers come in; all of them or, after an error, none.

        Answers may come late, in any order, and more than once: the value that an item has
        already changes nothing, and takes no step.

        Args:
            ids: One id, or a list, tuple or array of them `[k]`.
            values: The values, one for each id, as in `label`.
            relabel: Take another value for an item that is labelled, rather than refuse it.

        Raises:
            StateError: The dataset was made without `item_ids`.
            InvalidTypeError: An id is neither a string nor an integer.
            InvalidArgumentError: An item is labelled with another value (or one that cannot be
                compared) and `relabel` is False, an id comes twice with different values, or
                values are missing where the dataset stores them, or their number is wrong.
            InvalidIndexError: No item has such an id.

        Warns:
            UserWarning: Values were given, but the dataset cannot store them.
        """
        indices = self._positions(ids)
        given = None if values is None else match_values(values, ids, len(indices))
        answers = sort_answers(self._labels, indices, given, compare=self.can_label)
        if len(answers.other) and not relabel:
            names = self._item_ids.take(answers.other[:_SHOWN]) if self._item_ids else []
            raise InvalidArgumentError(
                "Expected `values` to be those that labelled items have already, or "
                f"`relabel=True`, but got other ones for {len(answers.other)} items: {names}"
            )
        self._apply(
            _Edit("label", answers.new, answers.new_values),
            _Edit("relabel", answers.other, answers.other_values),
        )

    def unlabel_items(self, ids: Any) -> None:
        """Put labelled items back into the pool by their ids, as `unlabel_dataset_indices` does.

        Args:
            ids: One id, or a list, tuple or array of them `[k]`.

        Raises:
            StateError: The dataset was made without `item_ids`.
            InvalidTypeError: An id is neither a string nor an integer.
            InvalidIndexError: No item has such an id, it is not labelled, or comes twice.
        """
        self.unlabel_dataset_indices(self._positions(ids))

    def _positions(self, ids: Any) -> IndexArray:
        """Dataset indices `[k]` of ids, one of which may come twice."""
        if self._item_ids is None:
            raise StateError(
                "Expected a dataset that was made with `item_ids` to name items by id, "
                "but got one without"
            )
        return self._item_ids.positions(ids)

    def _apply(self, *edits: "_Edit") -> None:
        """Check everything, store the values, and only then take the new state.

        Every change of single items goes through here.
        """
        edits = tuple(edit for edit in edits if len(edit.indices))
        labels, validation, history = self._labels, self._validation, self._history
        for edit in edits:
            if edit.kind != "label":
                history = history.record(edit.kind, edit.indices, labels)
            labels, validation = edit.change(labels, validation, digest=self.can_label)
        for edit in edits:
            if edit.kind != "unlabel":
                self._keep(edit)
        self._labels, self._validation, self._history = labels, validation, history

    def _keep(self, edit: "_Edit") -> None:
        """Have the values stored, or say that they are not."""
        if self.can_label:
            # The user's code runs here. If it raises half-way, the items stay in the pool, where
            # the values stored so far do no harm: labelling them again overwrites these.
            self._store_values(edit.indices, edit.values)
        elif edit.values is not None:
            warnings.warn(
                f"A value was given to `{edit.kind}`, but {type(self).__name__} cannot store it "
                "here: the original label is used.",
                UserWarning,
                stacklevel=4,  # whoever called `label`
            )

    def _store_values(self, dataset_indices: IndexArray, values: list[Any] | None) -> None:
        """Store `values` `[k]` of the items `[k]`; called before they count as labelled."""
        raise StateError(
            f"Expected `can_label` to be False, since {type(self).__name__} stores no values, "
            f"but got {self.can_label} with values {values} for the items {dataset_indices}"
        )


@dataclass(frozen=True, eq=False)
class _Edit:
    """A change that is asked for: items by dataset index `[k]`, and values `[k]` for them."""

    kind: EventKind
    indices: IndexArray
    values: list[Any] | None = None

    def change(
        self, labels: LabelMap, validation: ValidationSplit, *, digest: bool
    ) -> tuple[LabelMap, ValidationSplit]:
        """Both as they are afterwards; an error if they do not allow it."""
        if self.kind == "unlabel":
            return labels.unlabel(self.indices), validation.retire(self.indices)
        digests = None
        if labels.digests is not None:
            digests = value_digests(self.values if digest else None, len(self.indices))
        if self.kind == "relabel":
            return labels.relabel(self.indices, digests), validation
        labels = labels.label(self.indices, digests)
        drawn = validation.draw(self.indices, labels.step)
        return labels if drawn is validation else labels.set_aside(drawn.aside), drawn
