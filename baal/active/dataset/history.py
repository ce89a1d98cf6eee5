"""What was labelled, un-labelled and given another value, in the order of the steps.

The map of labels already says when each item was labelled. Kept beside it is only what it cannot
say: who was un-labelled, and labelled since when, and who was given another value. So the history
of a dataset whose labels never change takes no memory at all.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from baal.active.dataset.indices import IndexArray
from baal.active.dataset.label_map import LabelMap
from baal.exceptions import InvalidArgumentError

__all__ = ["EventKind", "History", "LabelEvent", "Revision"]

EventKind: TypeAlias = Literal["label", "unlabel", "relabel"]
"""What an event did to its items."""
_KINDS: tuple[EventKind, ...] = ("label", "unlabel", "relabel")


class LabelEvent(NamedTuple):
    """What happened to some items at once.

    Attributes:
        step: The step counter, after it.
        kind: `"label"`, `"unlabel"` or `"relabel"`.
        dataset_indices: Of the items, ascending.

    Example:
        >>> LabelEvent(1, "label", [4, 7]).kind
        'label'
    """

    step: int
    kind: EventKind
    dataset_indices: list[int]


@dataclass(frozen=True, eq=False)
class Revision:
    """Items un-labelled or given another value by one call.

    Attributes:
        kind: Which of both.
        step: The step counter at that time.
        indices: Dataset indices `[k]`, ascending.
        labelled_at: The step that had labelled each, `[k]`.

    Example:
        >>> Revision("unlabel", 3, np.array([5]), np.array([2])).step
        3
    """

    kind: EventKind
    step: int
    indices: IndexArray
    labelled_at: NDArray[np.int32]


class History:
    """The revisions so far, and the whole story told from them and the map; never changes.

    Args:
        revisions: In the order in which they came.

    Example:
        >>> history = History([Revision("unlabel", 2, np.array([1]), np.array([1]))])
        >>> [tuple(event) for event in history.events(LabelMap([0, 0, 2]))]
        [(1, 'label', [1]), (2, 'label', [2]), (2, 'unlabel', [1])]
    """

    def __init__(self, revisions: Iterable[Revision] = ()) -> None:
        self._revisions = tuple(revisions)

    def record(self, kind: EventKind, indices: IndexArray, labels: LabelMap) -> "History":
        """A history with one revision more.

        Args:
            kind: `"unlabel"` or `"relabel"`.
            indices: Dataset indices `[k]` of items that are labelled in `labels`.
            labels: The map before the revision.

        Returns:
            The history afterwards; this one stays as it is.
        """
        indices = np.sort(indices)
        return self.extended([Revision(kind, labels.step, indices, labels.steps_of(indices))])

    def extended(self, revisions: Iterable[Revision]) -> "History":
        """A history with more revisions.

        Args:
            revisions: In the order in which they came.

        Returns:
            The history afterwards; this one stays as it is.
        """
        return History((*self._revisions, *revisions))

    def events(self, labels: LabelMap) -> list[LabelEvent]:
        """Everything that happened, in the order of the steps.

        Args:
            labels: The map now.

        Returns:
            One event for each step that labelled something, with all the items it labelled, and
            one for each revision after it.
        """
        unlabelled = [one for one in self._revisions if one.kind == "unlabel"]
        indices = np.concatenate([labels.labelled_indices, *(one.indices for one in unlabelled)])
        steps = np.concatenate([labels.labelled_steps, *(one.labelled_at for one in unlabelled)])
        labelled = _labelled_by_step(indices, steps)
        revised = (LabelEvent(one.step, one.kind, one.indices.tolist()) for one in self._revisions)
        # Stable: within a step the label comes first, and revisions stay in their order.
        return sorted([*labelled, *revised], key=lambda event: event.step)

    def to_plain(self) -> dict[str, NDArray[Any]]:
        """What `from_plain` takes, as copies.

        Returns:
            By revision `[r]`: `kind`, `step`, `length`; one after the other `[sum(length)]`:
            `indices` and `labelled_at`.
        """
        all_of = self._revisions
        return {
            "kind": np.array([_KINDS.index(one.kind) for one in all_of], dtype=np.uint8),
            "step": np.array([one.step for one in all_of], dtype=np.int32),
            "length": np.array([len(one.indices) for one in all_of], dtype=np.int64),
            "indices": np.concatenate([np.empty(0, np.int64), *(one.indices for one in all_of)]),
            "labelled_at": np.concatenate(
                [np.empty(0, np.int32), *(one.labelled_at for one in all_of)]
            ),
        }

    @classmethod
    def from_plain(cls, state: Mapping[str, Any], n_items: int) -> "History":
        """The history that `to_plain` saved.

        Args:
            state: What it gave.
            n_items: Number of items of the dataset.

        Returns:
            The history; it shares nothing with `state`.

        Raises:
            InvalidArgumentError: It is not such a state, or one of other items.
        """
        try:
            kinds = [_KINDS[kind] for kind in np.asarray(state["kind"]).tolist()]
            steps = np.asarray(state["step"]).tolist()
            lengths = np.array(state["length"], dtype=np.int64).reshape(-1)
            indices = np.array(state["indices"], dtype=np.int64)
            labelled_at = np.array(state["labelled_at"], dtype=np.int32)
            parts = [np.split(one, np.cumsum(lengths)[:-1]) for one in (indices, labelled_at)]
            n = int(lengths.sum())
            fits = (
                len(kinds) == len(steps) == len(lengths) and len(indices) == len(labelled_at) == n
            )
            fits = fits and (n == 0 or (indices.min() >= 0 and indices.max() < n_items))
        except (LookupError, TypeError, ValueError) as error:
            raise InvalidArgumentError(
                f"Expected `history` in the state to be a saved history, but got {str(state)[:80]}"
            ) from error
        if not fits:
            raise InvalidArgumentError(
                f"Expected `history` in the state to tell of the {n_items} items of this dataset, "
                f"each with the step that had labelled it, but got {str(state)[:80]}"
            )
        return cls(Revision(*one) for one in zip(kinds, steps, *parts, strict=False))


def _labelled_by_step(indices: NDArray[Any], steps: NDArray[np.int32]) -> Iterator[LabelEvent]:
    """One event for each step, with what it labelled; `indices` and `steps` `[n]` are pairs."""
    order = np.lexsort((indices, steps))
    indices, steps = indices[order], steps[order]
    starts = np.flatnonzero(np.diff(steps, prepend=-1))
    for start, group in zip(starts.tolist(), np.split(indices, starts[1:]), strict=False):
        yield LabelEvent(int(steps[start]), "label", group.tolist())
