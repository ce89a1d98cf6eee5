"""From a score for each position (pixel, token) to one score for each item."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError

__all__ = [
    "Reduction",
    "available_reductions",
    "find_reduction",
    "quantile",
    "reduce_valid",
    "top_k_mean",
]

Array = npt.NDArray[Any]
Reduction = Callable[[Array], Array]
"""From scores by position, `[N, ...]`, to one score for each item, `[N]`."""


def _flat(scores: Array) -> Array:
    return scores.reshape(len(scores), int(np.prod(scores.shape[1:])))  # [N, ...] -> [N, M]


# Reductions with arguments are objects rather than closures, so that heuristics can be pickled.
@dataclass(frozen=True)
class _TopKMean:
    k: float  # a share, or an integer
    lowest: bool

    def __call__(self, scores: Array) -> Array:
        flat = _flat(scores)
        n_positions = flat.shape[1]
        k = self.k if isinstance(self.k, int) else int(np.ceil(self.k * n_positions))
        k = min(k, n_positions)
        if self.lowest:
            chosen = np.partition(flat, k - 1, axis=1)[:, :k]
            chosen = np.where(np.isnan(flat).any(axis=1, keepdims=True), np.nan, chosen)
        else:  # NaN is sorted behind the highest: a broken position breaks its item
            chosen = np.partition(flat, n_positions - k, axis=1)[:, n_positions - k :]
        # Sorted, so that the order of the positions changes no bit.
        return np.asarray(np.sort(chosen, axis=1).mean(axis=1))


@dataclass(frozen=True)
class _Quantile:
    q: float

    def __call__(self, scores: Array) -> Array:
        return np.asarray(np.quantile(_flat(scores), self.q, axis=1))


def top_k_mean(k: float = 0.1, *, lowest: bool = False) -> Reduction:
    """A reduction: the mean of the highest scores of an item.

    Between "max", which one odd pixel decides, and "mean", in which a small object is lost.

    Args:
        k: How many scores (an integer from 1), or which share of them (a float up to 1, rounded up
            to whole scores). Where an item has fewer than `k` scores, all of them.
        lowest: The lowest scores instead, for heuristics such as Margin and Certainty, whose low
            scores are the uncertain ones.

    Returns:
        `[N, ...]` to `[N]`.

    Raises:
        InvalidArgumentError: `k` is no such number.

    Example:
        >>> top_k_mean(2)(np.array([[1.0, 5.0, 3.0]])).tolist()
        [4.0]
        >>> top_k_mean(0.5, lowest=True)(np.array([[1.0, 5.0, 3.0, 4.0]])).tolist()
        [2.0]
    """
    given: object = k  # `float` is an `int` as well to type checkers
    whole = isinstance(given, int | np.integer) and not isinstance(given, bool)
    if not (k >= 1 if whole else isinstance(given, float | np.floating) and 0 < k <= 1):
        raise InvalidArgumentError(
            "Expected `k` to be a number of scores, an integer of at least 1, or a share of them, "
            f"a float above 0 and at most 1, but got {k!r}."
        )
    return _TopKMean(int(k) if whole else float(k), lowest)


def quantile(q: float = 0.9) -> Reduction:
    """A reduction: a quantile of the scores of an item, between neighbours by linear interpolation.

    Args:
        q: From 0, the lowest score, over 0.5, the median, to 1, the highest.

    Returns:
        `[N, ...]` to `[N]`.

    Raises:
        InvalidArgumentError: `q` is not from 0 to 1.

    Example:
        >>> quantile(0.75)(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]])).tolist()
        [4.0]
    """
    given: object = q
    if not isinstance(given, int | float | np.number) or not 0 <= q <= 1:
        raise InvalidArgumentError(f"Expected `q` to be a number from 0 to 1, but got {q!r}.")
    return _Quantile(float(q))


available_reductions: dict[str, Reduction] = {
    "max": lambda scores: np.asarray(_flat(scores).max(axis=1)),
    "min": lambda scores: np.asarray(_flat(scores).min(axis=1)),
    "mean": lambda scores: np.asarray(_flat(scores).mean(axis=1)),
    "sum": lambda scores: np.asarray(_flat(scores).sum(axis=1)),
    "top_k_mean": top_k_mean(),
    "quantile": quantile(),
    "none": lambda scores: scores,
}
"""Name to function, `[N, ...] -> [N]`; "none" leaves scores as they are."""


def find_reduction(reduction: str | Reduction) -> Reduction:
    """The function behind a reduction's name; a callable is one already.

    Args:
        reduction: A name of `available_reductions`, or a callable `[N, ...] -> [N]` that treats
            each item on its own, such as `top_k_mean(5)` and `quantile(0.5)`.

    Returns:
        The callable.

    Raises:
        InvalidArgumentError: An unknown name.

    Example:
        >>> find_reduction("max")(np.array([[[1, 5], [2, 3]]])).tolist()
        [5]
    """
    if callable(reduction):
        return reduction
    if reduction not in available_reductions:
        raise InvalidArgumentError(
            f"Expected `reduction` to be a callable or one of {sorted(available_reductions)}, "
            f"but got {reduction!r}."
        )
    return available_reductions[reduction]


def reduce_valid(scores: Array, valid: Array, reduction: str | Reduction) -> Array:
    """Reduce the scores of valid positions alone, as if each item had no others.

    Args:
        scores: `[N, ...]`, or `[N, C, ...]` where classes are kept apart.
        valid: Boolean `[N, ...]`, without an axis of classes.
        reduction: A name, or a callable `[N, ...] -> [N]`.

    Returns:
        `[N]`, NaN for an item without a valid position; with "none" the scores, NaN where a
        position is not valid.

    Raises:
        InvalidArgumentError: An unknown reduction.

    Example:
        >>> scores, valid = np.array([[1.0, 3.0], [4.0, 9.0]]), np.array([[1, 1], [1, 0]], bool)
        >>> reduce_valid(scores, valid, "mean").tolist()
        [2.0, 4.0]
    """
    reduce = find_reduction(reduction)
    by_class = scores.ndim > valid.ndim
    valid = np.broadcast_to(valid[:, np.newaxis] if by_class else valid, scores.shape)
    if reduction == "none" or scores.ndim == 1:
        return np.where(valid, scores, np.nan)
    flat, valid = _flat(scores), _flat(valid)
    counts = valid.sum(axis=1)
    reduced = np.full(len(scores), np.nan)
    for count in np.unique(counts[counts > 0]):  # items with as many positions go together
        items = counts == count
        chosen = flat[items][valid[items]].reshape(-1, count)
        reduced[items] = reduce(chosen)
    return reduced
