"""Items of the pool that are not to be asked for: asked for already, or impossible to label."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baal.active.dataset.indices import IndexArray
from baal.active.dataset.sorted_arrays import is_in, merge
from baal.exceptions import InvalidArgumentError, InvalidIndexError

__all__ = ["Waiting"]


def _none() -> IndexArray:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Waiting:
    """What was proposed and not answered, and what cannot be labelled; never changes.

    Attributes:
        pending: Dataset indices `[k]`, ascending, of items that were proposed.
        scores: What each was chosen for, `[k]`; NaN: nothing.
        impossible: Dataset indices `[j]`, ascending, of items that cannot be labelled.

    Example:
        >>> waiting = Waiting().propose(np.array([7, 3]), np.array([0.5, 0.9]))
        >>> waiting.pending, waiting.scores
        (array([3, 7]), array([0.9, 0.5]))
        >>> waiting.without(np.array([3])).pending
        array([7])
    """

    pending: IndexArray = field(default_factory=_none)
    scores: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    impossible: IndexArray = field(default_factory=_none)

    def __len__(self) -> int:
        """Number of items that are not to be asked for."""
        return len(self.pending) + len(self.impossible)

    def propose(self, indices: IndexArray, scores: NDArray[np.float64]) -> "Waiting":
        """With more items that wait for an answer.

        Args:
            indices: Distinct dataset indices `[k]` of unlabelled items.
            scores: What each was chosen for, `[k]`; NaN: nothing.

        Returns:
            What waits afterwards.

        Raises:
            InvalidIndexError: One of them waits already, or cannot be labelled.
        """
        known = self.holds(indices)
        if known.any():
            raise InvalidIndexError(
                "Expected `index` to be items that may be asked for, but "
                f"{indices[known][:5].tolist()} are pending already or cannot be labelled"
            )
        order = np.argsort(indices)
        places = np.searchsorted(self.pending, indices[order])
        return Waiting(
            np.insert(self.pending, places, indices[order]),
            np.insert(self.scores, places, scores[order]),
            self.impossible,
        )

    def rule_out(self, indices: IndexArray) -> "Waiting":
        """With more items that cannot be labelled, and are not pending any more.

        Args:
            indices: Distinct dataset indices `[k]`, none of which is `impossible` yet.

        Returns:
            What waits afterwards.
        """
        rest = self.without(indices)
        return Waiting(rest.pending, rest.scores, merge(rest.impossible, indices))

    def without(self, indices: IndexArray) -> "Waiting":
        """Without some items, whether they are among these or not.

        Args:
            indices: Dataset indices `[k]`.

        Returns:
            What waits afterwards.
        """
        if not len(self):
            return self
        gone = np.sort(indices)
        keep = ~is_in(self.pending, gone)
        possible = ~is_in(self.impossible, gone)
        return Waiting(self.pending[keep], self.scores[keep], self.impossible[possible])

    def holds(self, indices: IndexArray) -> NDArray[np.bool_]:
        """Which of several items are not to be asked for.

        Args:
            indices: Dataset indices `[k]`.

        Returns:
            Booleans `[k]`.
        """
        return is_in(indices, self.pending) | is_in(indices, self.impossible)

    def scores_of(self, indices: IndexArray) -> NDArray[np.float64]:
        """What items were chosen for.

        Args:
            indices: Dataset indices `[k]`.

        Returns:
            Scores `[k]`; NaN for those that were not proposed.
        """
        scores = np.full(len(indices), np.nan)
        there = is_in(indices, self.pending)
        scores[there] = self.scores[np.searchsorted(self.pending, indices[there])]
        return scores

    def to_plain(self) -> dict[str, NDArray[Any]]:
        """What `from_plain` takes, as copies.

        Returns:
            Arrays by name.
        """
        return {
            "pending": self.pending.copy(),
            "scores": self.scores.copy(),
            "impossible": self.impossible.copy(),
        }

    @classmethod
    def from_plain(cls, state: Mapping[str, Any], labelled: NDArray[np.bool_]) -> "Waiting":
        """What `to_plain` saved.

        Args:
            state: What it gave.
            labelled: Whether each item is labelled, `[n_items]`.

        Returns:
            What waits; it shares nothing with `state`.

        Raises:
            InvalidArgumentError: It is not such a state, or does not fit what is labelled.
        """
        try:
            pending, impossible = (
                np.array(state[name], dtype=np.int64) for name in ("pending", "impossible")
            )
            scores = np.array(state["scores"], dtype=np.float64)
            both = np.concatenate([pending, impossible])
            fits = scores.shape == pending.shape and len(np.unique(both)) == len(both)
            fits = fits and bool((both >= 0).all()) and not labelled[both].any()
        except (LookupError, TypeError, ValueError) as error:
            raise InvalidArgumentError(
                f"Expected `waiting` in the state to be saved proposals, but got {str(state)[:80]}"
            ) from error
        if not fits:
            raise InvalidArgumentError(
                "Expected `waiting` in the state to hold distinct unlabelled items with a score "
                f"each, but got {str(state)[:80]}"
            )
        order = np.argsort(pending)
        return cls(pending[order], scores[order], np.sort(impossible))
