"""Asking people: what was proposed, what cannot be labelled, and answers as they come in."""

import os
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baal.active.dataset.answers import sort_answers
from baal.active.dataset.indices import IndexArray, match_values, to_index_array
from baal.active.dataset.labelling import Edit, Labelling
from baal.active.label_store.events import Entry
from baal.active.label_store.exchange import Answer, read_labels
from baal.exceptions import InvalidArgumentError, InvalidIndexError, StateError

__all__ = ["Asking"]

_SHOWN = 5  # items named in an error


class Asking(Labelling):
    """A split whose labels come from people: late, in parts, in any order, some of them twice.

    Args:
        labels: The map.
        ids: Ids of the items, if they have any.
        validation: What is set aside.
        last_active_steps: Show the items of that many last steps only; -1 for all.

    Example:
        >>> from baal.active.dataset.label_map import LabelMap
        >>> from baal.active.dataset.validation import ValidationSplit
        >>> split = Asking(LabelMap([0, 0, 1, 0]), None, ValidationSplit(0, seed=0))
        >>> split.propose([3, 0], scores=[0.9, 0.4])
        >>> split.pending_indices, split.askable
        (array([0, 3]), array([1]))
        >>> split.label_dataset_indices(3)  # an answer
        >>> split.cannot_label(0)  # another one
        >>> split.pending_indices, split.impossible_indices, split.askable
        (array([], dtype=int64), array([0]), array([1]))
    """

    @property
    def pending_indices(self) -> IndexArray:
        """Dataset indices `[k]`, ascending, of items proposed and not yet answered."""
        return self._waiting.pending.copy()

    @property
    def pending_scores(self) -> NDArray[np.float64]:
        """What each of the pending items was chosen for, `[k]`; NaN where nothing was said."""
        return self._waiting.scores.copy()

    @property
    def impossible_indices(self) -> IndexArray:
        """Dataset indices `[j]`, ascending, of items of the pool that cannot be labelled."""
        return self._waiting.impossible.copy()

    @property
    def n_askable(self) -> int:
        """Number of items in the pool that are neither pending nor impossible to label."""
        return self.n_unlabelled - len(self._waiting)

    @property
    def askable(self) -> IndexArray:
        """Pool indices `[n_askable]`, ascending, of what the next query may propose.

        `pool` itself keeps all that is not labelled, so that pool indices mean the same whether
        anything was proposed or not: `torch.utils.data.Subset(dataset.pool, dataset.askable)`.
        """
        keep = np.ones(self.n_unlabelled, dtype=np.bool_)
        for indices in (self._waiting.pending, self._waiting.impossible):
            keep[self._labels.dataset_to_pool(indices)] = False
        return np.flatnonzero(keep).astype(np.int64, copy=False)

    def propose(self, index: Any, scores: Any = None) -> None:
        """Set items down as asked for: they are pending until they are labelled or withdrawn.

        Args:
            index: Dataset indices of unlabelled items, in any form that `label_dataset_indices`
                takes.
            scores: What each was chosen for, `[k]`; it is kept with the answer.

        Raises:
            InvalidTypeError: As in `label`.
            InvalidArgumentError: There are more or fewer scores than indices.
            InvalidIndexError: An item is labelled, pending or impossible already, or comes twice.
        """
        with self._turn():
            indices = self._in_pool(index)
            given = np.full(len(indices), np.nan)
            if scores is not None:
                given = np.array(scores, dtype=np.float64).reshape(-1)
            if len(given) != len(indices):
                raise InvalidArgumentError(
                    f"Expected `scores` to hold one for each of the {len(indices)} indices, "
                    f"but got {len(given)}"
                )
            waiting = self._waiting.propose(indices, given)
            self._record(self._entry_of_pool("propose", indices, given))
            self._waiting = waiting

    def withdraw(self, index: Any) -> None:
        """Take items back that are pending or impossible to label: they may be asked for again.

        Args:
            index: Dataset indices, in any form that `label_dataset_indices` takes.

        Raises:
            InvalidTypeError: As in `label`.
            InvalidArgumentError: `index` has the wrong shape.
            InvalidIndexError: An item is neither pending nor impossible, or comes twice.
        """
        with self._turn():
            indices = self._in_pool(index)
            known = self._waiting.holds(indices)
            if not known.all():
                raise InvalidIndexError(
                    "Expected `index` to be items that are pending or cannot be labelled, but "
                    f"{indices[~known][:_SHOWN].tolist()} are neither"
                )
            self._record(self._entry_of_pool("withdraw", indices))
            self._waiting = self._waiting.without(indices)

    def cannot_label(self, index: Any) -> None:
        """Set items down as impossible to label: no query proposes them, until `withdraw`.

        They stay in the pool, and a label for one of them is taken after all. Saying it again
        changes nothing.

        Args:
            index: Dataset indices of unlabelled items, in any form that `label_dataset_indices`
                takes.

        Raises:
            InvalidTypeError: As in `label`.
            InvalidArgumentError: `index` has the wrong shape.
            InvalidIndexError: An item is labelled, or comes twice.
        """
        with self._turn():
            indices = self._in_pool(index)
            indices = indices[~np.isin(indices, self._waiting.impossible)]
            self._record(self._entry_of_pool("cannot_label", indices))
            self._waiting = self._waiting.rule_out(indices)

    def answer(self, index: Any, value: Any = None, *, relabel: bool = False) -> None:
        """Label items by dataset index, as the answers come in; all of them or none.

        Answers may come late, in any order, and more than once: the value that an item has
        already changes nothing, and takes no step. To know it, the dataset needs `item_ids` or a
        store; without, a second answer counts as another value.

        Args:
            index: Dataset indices `[k]`, one of which may come twice.
            value: The values, one for each index, as in `label`.
            relabel: Take another value for an item that is labelled, rather than refuse it.

        Raises:
            InvalidTypeError: As in `label`.
            InvalidArgumentError: An item is labelled with another value (or one that cannot be
                compared) and `relabel` is False, an index comes twice with different values, or
                values are missing where the dataset stores them, or their number is wrong.
            InvalidIndexError: An index is negative or too large.

        Warns:
            UserWarning: Values were given, but the dataset cannot store them.
        """
        with self._turn():
            indices = to_index_array(index, self._labels.n_items, "dataset", distinct=False)
            given = None if value is None else match_values(value, index, len(indices))
            self._answer(indices, given, relabel=relabel)

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
        with self._turn():
            indices = self._positions(ids)
            given = None if values is None else match_values(values, ids, len(indices))
            self._answer(indices, given, relabel=relabel)

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

    def import_labels(self, path: str | os.PathLike[str], *, relabel: bool = False) -> int:
        """Take the answers from a CSV or JSONL file; all of them or, after an error, none.

        The file is one that `export_labels` wrote, or people filled in: see `read_labels`. Answers
        that name their source keep it, in the store.

        Args:
            path: The file, which ends in `.csv` or `.jsonl`.
            relabel: As in `label_items`.

        Returns:
            Number of answers in the file, those that were known already among them.

        Raises:
            InvalidArgumentError: As in `read_labels` and `label_items`.
            InvalidIndexError: No item has such an id, or such a dataset index.
            OSError: The file cannot be read.
        """
        answers = read_labels(path)
        sources = dict.fromkeys(answer.source for answer in answers)
        with self._turn():
            for source in sources if self._store is not None else [None]:
                some = [one for one in answers if self._store is None or one.source == source]
                indices = np.array([self._index_of(answer) for answer in some], dtype=np.int64)
                who = nullcontext()
                if self._store is not None and source is not None:
                    who = self._store.given_by(source)  # type: ignore[assignment]
                with who:
                    self._answer(indices, [answer.value for answer in some], relabel=relabel)
        return len(answers)

    def _index_of(self, answer: Answer) -> int:
        """Dataset index of an answer: by its id, if items have ids and it has one."""
        if self._item_ids is not None and answer.item_id is not None:
            return int(self._item_ids.positions([answer.item_id])[0])
        if answer.dataset_index is None:
            raise StateError(
                "Expected a dataset that was made with `item_ids` to name items by id, but got "
                f"one without, and the id {answer.item_id!r}"
            )
        return int(to_index_array(answer.dataset_index, self._labels.n_items, "dataset")[0])

    def _positions(self, ids: Any) -> IndexArray:
        """Dataset indices `[k]` of ids, one of which may come twice."""
        if self._item_ids is None:
            raise StateError(
                "Expected a dataset that was made with `item_ids` to name items by id, "
                "but got one without"
            )
        return self._item_ids.positions(ids)

    def _answer(self, indices: IndexArray, given: list[Any] | None, *, relabel: bool) -> None:
        """Label what is new, leave what is the same, and see to what is other."""
        answers = sort_answers(self._labels, indices, given, compare=self._keeps_values)
        if len(answers.other) and not relabel:
            first = answers.other[:_SHOWN]
            raise InvalidArgumentError(
                "Expected `values` to be those that labelled items have already, or "
                f"`relabel=True`, but got other ones for {len(answers.other)} items: "
                f"{self._ids_of(first) or first.tolist()}"
            )
        self._apply(
            Edit("label", answers.new, answers.new_values),
            Edit("relabel", answers.other, answers.other_values),
        )

    def _in_pool(self, index: Any) -> IndexArray:
        """Distinct dataset indices `[k]`, all of them unlabelled."""
        indices = to_index_array(index, self._labels.n_items, "dataset")
        self._labels.dataset_to_pool(indices)
        return indices

    def _entry_of_pool(
        self, kind: Any, indices: IndexArray, scores: NDArray[np.float64] | None = None
    ) -> Entry:
        return Entry(
            kind,
            indices.tolist(),
            self._labels.step,
            item_ids=self._ids_of(indices),
            scores=None if scores is None else scores.tolist(),
        )
