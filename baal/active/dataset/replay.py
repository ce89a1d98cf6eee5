"""The state of a split from what a store has recorded, all at once rather than call by call."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baal.active.dataset.history import EventKind, History, Revision
from baal.active.dataset.indices import IndexArray
from baal.active.dataset.label_map import LabelMap, map_of_labelled
from baal.active.dataset.sorted_arrays import find, is_in
from baal.active.dataset.validation import ValidationSplit
from baal.active.dataset.values import UNKNOWN, value_digests
from baal.active.dataset.waiting import Waiting
from baal.active.label_store.codec import decode_value
from baal.active.label_store.events import Events, Kind, code_of

__all__ = ["Ledger", "replay"]


@dataclass(frozen=True, eq=False)
class Ledger:
    """All that a store records; never changes.

    Attributes:
        labels: The map of labels.
        history: The revisions.
        validation: What is set aside.
        waiting: What is not to be asked for.
        seen: Number of the last row of the store that is in it.

    Example:
        >>> Ledger(LabelMap([0, 0]), History(), ValidationSplit(0, 0), Waiting()).seen
        0
    """

    labels: LabelMap
    history: History
    validation: ValidationSplit
    waiting: Waiting
    seen: int = 0

    def emptied(self) -> "Ledger":
        """Nothing is labelled, and nothing ever was.

        Returns:
            The ledger afterwards, over the same items, with digests if there were any.
        """
        n_items = self.labels.n_items
        none = np.empty(0, dtype=np.int64)
        digests = None if self.labels.digests is None else value_digests(None, 0)
        return Ledger(
            map_of_labelled(n_items, none, none.astype(np.int32), 0, digests, none),
            History(),
            ValidationSplit(self.validation.proportion, self.validation.seed),
            Waiting(),
            self.seen,
        )


def replay(ledger: Ledger, events: Events) -> tuple[Ledger, IndexArray, list[Any]]:
    """What a ledger becomes by what was recorded after it.

    Args:
        ledger: The state so far, with digests.
        events: The rows since then.

    Returns:
        The ledger afterwards; dataset indices `[k]` of labelled items whose values these rows
        gave; and the values `[k]`.

    Example:
        >>> start = Ledger(LabelMap([0, 0], digests=value_digests(None, 0)), History(),
        ...     ValidationSplit(0, 0), Waiting())
        >>> row = (1, "label", 1, 1, None, None, None, '"cat"', None)
        >>> after, indices, values = replay(start, Events.of([row], last=1))
        >>> after.labels.steps, indices, values
        (array([0, 1], dtype=int32), array([1]), ['cat'])
    """
    events, was_reset = events.after_reset()
    if was_reset:
        ledger = ledger.emptied()
    old = ledger.labels
    indices, steps = _labelled(old, events)
    step = max(old.step, int(events.steps.max(initial=0)))
    given, values = _values(indices, events)
    digests = np.full(len(indices), UNKNOWN, dtype=np.uint64)
    if old.digests is not None:
        places, kept = find(indices, old.labelled_indices)
        # Not of one that was labelled anew without a value.
        kept &= ~is_in(indices, np.unique(events.indices[_are(events, "label", "relabel")]))
        digests[kept] = old.digests[places[kept]]
    digests[find(given, indices)[0]] = value_digests(values, len(values))
    validation = _validation(ledger, events)
    labels = map_of_labelled(old.n_items, indices, steps, step, digests, validation.aside)
    after = Ledger(
        labels, _history(ledger.history, events), validation, _waiting(ledger.waiting, events),
        events.last,
    )  # fmt: skip
    return after, given, values


def _are(events: Events, *kinds: Kind) -> NDArray[np.bool_]:
    """Which rows are of these kinds, `[k]`."""
    return np.isin(events.kinds, [code_of(kind) for kind in kinds])


def _last_of_each(indices: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Distinct indices, ascending, and the place of the last of each in `indices` `[k]`."""
    distinct, from_end = np.unique(indices[::-1], return_index=True)
    return distinct, len(indices) - 1 - from_end


def _labelled(old: LabelMap, events: Events) -> tuple[IndexArray, NDArray[np.int32]]:
    """What is labelled in the end, `[n_labelled]` ascending, and the steps."""
    rows = _are(events, "label", "unlabel")
    is_label = events.kinds[rows] == code_of("label")
    indices = np.concatenate([old.labelled_indices.astype(np.int64), events.indices[rows]])
    steps = np.concatenate([old.labelled_steps, np.where(is_label, events.steps[rows], 0)])
    distinct, last = _last_of_each(indices)
    labelled = steps[last] > 0
    return distinct[labelled], steps[last][labelled].astype(np.int32)


def _values(labelled: IndexArray, events: Events) -> tuple[IndexArray, list[Any]]:
    """Items whose last value is in these rows, ascending, and the values."""
    rows = np.flatnonzero(_are(events, "label", "relabel"))
    distinct, last = _last_of_each(events.indices[rows])
    still = is_in(distinct, labelled)
    distinct, encoded = distinct[still], [events.values[row] for row in rows[last[still]].tolist()]
    there = np.array([one is not None for one in encoded], dtype=np.bool_)
    return distinct[there], [decode_value(*one) for one in encoded if one is not None]


def _history(history: History, events: Events) -> History:
    """One revision more for each call that un-labelled, and each that gave other values."""
    revisions = []
    rows = np.flatnonzero(_are(events, "unlabel", "relabel"))
    if not len(rows):
        return history
    same = (np.diff(events.calls[rows]) == 0) & (np.diff(events.kinds[rows]) == 0)
    for group in np.split(rows, np.flatnonzero(~same) + 1):
        indices = events.indices[group]
        order = np.argsort(indices)
        kind: EventKind = "unlabel" if events.kinds[group[0]] == code_of("unlabel") else "relabel"
        step = int(events.steps[group[0]])
        revisions.append(Revision(kind, step, indices[order], events.labelled_at[group][order]))
    return history.extended(revisions)


def _validation(ledger: Ledger, events: Events) -> ValidationSplit:
    """As it was recorded, rather than drawn again."""
    split = ledger.validation
    if split.proportion == 0:
        return split
    labels = _are(events, "label")
    unlabelled = events.indices[_are(events, "unlabel")]
    labelled_now = ledger.labels.labelled_indices.astype(np.int64)
    aside = np.union1d(split.aside, events.indices[labels & events.validation])
    trained_on = np.union1d(split.trained_on, unlabelled[~is_in(unlabelled, aside)])
    decided = [labelled_now, split.aside, split.trained_on]
    n_new = len(np.setdiff1d(events.indices[labels], np.concatenate(decided)))
    return replace(split, n_decided=split.n_decided + n_new, aside=aside, trained_on=trained_on)


def _waiting(waiting: Waiting, events: Events) -> Waiting:
    """The last word on each item."""
    rows = np.flatnonzero(_are(events, "label", "propose", "withdraw", "cannot_label"))
    if not len(rows):
        return waiting
    distinct, last = _last_of_each(events.indices[rows])
    kinds, scores = events.kinds[rows][last], events.scores[rows][last]
    waiting = waiting.without(distinct)
    proposed = kinds == code_of("propose")
    waiting = waiting.propose(distinct[proposed], scores[proposed])
    return waiting.rule_out(distinct[kinds == code_of("cannot_label")])
