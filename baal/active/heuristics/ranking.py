"""From scores to ranks."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.predictions import as_array, join
from baal.exceptions import InvalidArgumentError
from baal.utils.frames import level_outside_baal

__all__ = ["TIE", "rank_scores", "read_scores"]

Array = npt.NDArray[Any]

TIE = 1e-9
"""Scores as close as this are equal: what sets them apart is rounding."""


def rank_scores(scores: Array, *, highest_first: bool) -> npt.NDArray[np.int64]:
    """Order items by their scores, the winner first.

    Scores within 1e-9 of the best that is left tie with it, and ties go to the lowest index. An
    item whose score is not finite comes last in either direction, with one warning for all.

    Args:
        scores: `[N]`.
        highest_first: Whether the highest score wins.

    Returns:
        `[N]` int64, a permutation: `ranks[0]` is the index of the winner.

    Raises:
        InvalidArgumentError: More or fewer than one dimension.

    Example:
        >>> rank_scores(np.array([0.1, 0.7, 0.7 + 1e-12]), highest_first=True).tolist()
        [1, 2, 0]
    """
    if scores.ndim != 1:
        raise InvalidArgumentError(
            "Expected one score for each item, [N], to rank them, but got scores of shape "
            f"{scores.shape}. A `reduction` such as 'mean' turns [N, ...] into [N]."
        )
    finite = np.isfinite(scores)
    usable, broken = np.flatnonzero(finite), np.flatnonzero(~finite)
    if broken.size:
        warnings.warn(
            f"Expected finite scores, but got {broken.size} of {scores.size} that are not (the "
            f"first is that of item {broken[0]}): these items rank last.",
            RuntimeWarning,
            stacklevel=level_outside_baal(),
        )
    keys = -scores[usable] if highest_first else scores[usable]
    order = np.argsort(keys, kind="stable")
    ties = np.empty(len(order), np.int64)
    ties[order] = _tie_groups(keys[order])
    ranks = usable[np.argsort(ties, kind="stable")]  # stable: a tie keeps the items' own order
    return np.concatenate([ranks, broken]).astype(np.int64, copy=False)


def read_scores(scores: Any) -> npt.NDArray[np.float64]:
    """Read scores that were computed before.

    Args:
        scores: `[N]`, an array or a tensor; or a list of these, which are joined.

    Returns:
        `[N]`, a copy.

    Raises:
        InvalidTypeError: These are no numbers.

    Example:
        >>> read_scores([np.ones(1), np.zeros(2)]).tolist()
        [1.0, 0.0, 0.0]
    """
    if isinstance(scores, list | tuple) and any(np.ndim(part) for part in scores):
        scores = join(scores, "scores")
    return as_array(scores, "scores").astype(np.float64)


def _tie_groups(ordered: Array) -> npt.NDArray[np.int64]:
    """Number ascending scores `[N]` by the group of ties they belong to."""
    starts = np.diff(ordered, prepend=-np.inf) > TIE
    firsts = np.flatnonzero(starts)
    lasts = np.append(firsts, len(ordered))[1:] - 1
    # Small steps can add up: a chain of them is cut wherever it has left the best of its group.
    chains = ordered[lasts] - ordered[firsts] > TIE
    for leader, last in zip(firsts[chains], lasts[chains], strict=True):
        while ordered[last] - ordered[leader] > TIE:
            chain = ordered[leader : last + 1]
            leader += np.searchsorted(chain, ordered[leader] + TIE, side="right")
            starts[leader] = True
    return np.cumsum(starts)
