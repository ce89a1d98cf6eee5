"""From a score for each position (pixel, token) to one score for each item."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError

__all__ = ["Reduction", "available_reductions", "find_reduction"]

Array = npt.NDArray[Any]
Reduction = Callable[[Array], Array]


def _flat(scores: Array) -> Array:
    return scores.reshape(len(scores), int(np.prod(scores.shape[1:])))  # [N, ...] -> [N, M]


available_reductions: dict[str, Reduction] = {
    "max": lambda scores: np.asarray(_flat(scores).max(axis=1)),
    "min": lambda scores: np.asarray(_flat(scores).min(axis=1)),
    "mean": lambda scores: np.asarray(_flat(scores).mean(axis=1)),
    "sum": lambda scores: np.asarray(_flat(scores).sum(axis=1)),
    "none": lambda scores: scores,
}
"""Name to function, `[N, ...] -> [N]`; "none" leaves scores as they are."""


def find_reduction(reduction: str | Reduction) -> Reduction:
    """The function behind a reduction's name; a callable is one already.

    Args:
        reduction: A name of `available_reductions`, or a callable `[N, ...] -> [N]` that treats
            each item on its own.

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
