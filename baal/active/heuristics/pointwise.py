"""The base of heuristics whose score of an item depends on that item alone."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.decorators import reading_of
from baal.active.heuristics.predictions import as_array
from baal.active.heuristics.reductions import Reduction
from baal.active.heuristics.scoring import Reading, score_array
from baal.active.heuristics.shuffling import IGNORED, Ignored

__all__ = ["PointwiseHeuristic"]

Array = npt.NDArray[Any]


class PointwiseHeuristic(AbstractHeuristic):
    """Base of heuristics that apply a function on probabilities to each item.

    Subclasses define `score_probabilities`, and set `reversed` and `min_dims`.

    Args:
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle, from 0 to 1.
        reduction: From `[N, ...]` to `[N]`: "max", "min", "mean", "sum", "none", or a callable.
        mode: What predictions are: "probabilities", "logits", or "auto".
        seed: Of the shuffling. None draws from NumPy's global state.

    Raises:
        InvalidArgumentError: An argument is none of the above.

    Example:
        >>> class MostProbableOfAll(PointwiseHeuristic):
        ...     def score_probabilities(self, probabilities):
        ...         return probabilities.max(axis=(1, -1))
        >>> MostProbableOfAll().compute_score([[[0.5, 0.25], [0.5, 0.75]]]).tolist()
        [0.75]
    """

    needs_probabilities = True
    min_dims = 2

    def __init__(
        self,
        shuffle_prop: float | Ignored = IGNORED,
        reduction: str | Reduction = "none",
        *,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        super().__init__(shuffle_prop, reduction=reduction, mode=mode, seed=seed)

    def score_probabilities(self, probabilities: Array) -> Array:
        """Score a block of items, each position on its own.

        Args:
            probabilities: `[n, C, m, K]`, float32 or float64, contiguous.

        Returns:
            `[n, m]`, or `[n, C, m]` where classes are kept apart.

        Raises:
            NotImplementedError: A subclass did not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `score_probabilities`.")

    def compute_score(self, predictions: Any, target_predictions: Any = None) -> Array:  # noqa: ARG002
        """Score each position of each item.

        Args:
            predictions: `[N, C, ..., K]`; `[N, C]` is one sample, for what needs no more.
            target_predictions: Not used.

        Returns:
            `[N, ...]` float64.

        Raises:
            InvalidArgumentError: The shape is wrong, or values are not what `mode` says.
            InvalidTypeError: These are no numbers.

        Example:
            >>> class Highest(PointwiseHeuristic):
            ...     def score_probabilities(self, probabilities):
            ...         return probabilities.max(axis=(1, -1))
            >>> Highest().compute_score([[0.5, 0.5], [1.0, 0.0]]).tolist()
            [0.5, 1.0]
        """
        array = self._check_dims(as_array(predictions))
        samples = array[..., np.newaxis] if array.ndim == 2 else array  # [N, C] is K=1
        return score_array(samples, self.score_probabilities, self._reading())

    def _reading(self) -> Reading:
        return reading_of(self)
