"""Heuristics that look at no model: chance, and scores that somebody else computed."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.predictions import as_array
from baal.active.heuristics.reductions import Reduction
from baal.active.heuristics.scoring import Reading
from baal.active.heuristics.shuffling import IGNORED, Ignored

__all__ = ["Precomputed", "Random"]

Array = npt.NDArray[Any]


class Random(AbstractHeuristic):
    """Uniform scores in [0, 1): the baseline that any other heuristic has to beat.

    Of the predictions only the number of items is read, so that an array of shape `[N, 1]` does.

    Args:
        shuffle_prop: Deprecated, and without effect on what is random already.
        reduction: Accepted for uniformity; there is one score for each item.
        seed: The same seed gives the same sequence of scores. None draws from NumPy's global
            state, which `np.random.seed` sets.
        mode: Accepted for uniformity.

    Raises:
        InvalidArgumentError: An unknown reduction or mode, or `shuffle_prop` outside of [0, 1].

    Example:
        >>> first, again = Random(seed=1), Random(seed=1)
        >>> bool((first(np.zeros((9, 1))) == again(np.zeros((9, 1)))).all())
        True
    """

    needs_predictions = False
    is_random = True

    def __init__(
        self,
        shuffle_prop: float | Ignored = IGNORED,
        reduction: str | Reduction = "none",
        seed: int | None = None,
        *,
        mode: Reading = "auto",
    ) -> None:
        super().__init__(shuffle_prop, reduction=reduction, mode=mode, seed=seed)

    def compute_score(self, predictions: Any, target_predictions: Any = None) -> Array:  # noqa: ARG002
        """Draw a score for each item.

        Args:
            predictions: `[N, ...]`, of which only N is read.
            target_predictions: Not used.

        Returns:
            `[N]` float64 in [0, 1).

        Raises:
            InvalidArgumentError: A list of several arrays.
            InvalidTypeError: These are no numbers.

        Example:
            >>> Random(seed=1).compute_score(np.zeros((2, 1))).shape
            (2,)
        """
        return np.asarray(self.rng.random(len(as_array(predictions))))


class Precomputed(AbstractHeuristic):
    """Ranks by scores that are given in the place of predictions.

    Args:
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle, from 0 to 1.
        reverse: Whether the highest score is the most uncertain.
        mode: Accepted for uniformity: scores are taken as they come.
        seed: Of the shuffling. None draws from NumPy's global state.

    Raises:
        InvalidArgumentError: An unknown mode, or `shuffle_prop` outside of [0, 1].

    Example:
        >>> Precomputed(reverse=True)([0.25, 0.75, 0.5]).tolist()
        [1, 2, 0]
    """

    def __init__(
        self,
        shuffle_prop: float | Ignored = IGNORED,
        reverse: bool = False,
        *,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        super().__init__(shuffle_prop, reverse, mode=mode, seed=seed)

    def compute_score(self, predictions: Any, target_predictions: Any = None) -> Array:  # noqa: ARG002
        """The scores that were given.

        Args:
            predictions: `[N]`.
            target_predictions: Not used.

        Returns:
            `[N]` float64, a copy.

        Raises:
            InvalidArgumentError: A list of several arrays.
            InvalidTypeError: These are no numbers.

        Example:
            >>> Precomputed().compute_score([1, 2]).tolist()
            [1.0, 2.0]
        """
        return as_array(predictions).astype(np.float64)
