"""What heuristics have in common that build on the scores of another."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.arguments import check_heuristic
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.pool_based import PoolHeuristic
from baal.active.heuristics.pool_data import PoolData, read_pool_data
from baal.exceptions import InvalidArgumentError

__all__ = ["OnTop", "further_for", "stretched", "take_over"]

Array = npt.NDArray[Any]

_INPUTS = {
    "mask": "takes_mask",
    "embeddings": "needs_embeddings",
    "gradient_embeddings": "needs_gradient_embeddings",
    "gradient_lengths": "needs_gradient_lengths",
    "labelled_embeddings": "takes_labelled_embeddings",
    "labelled_predictions": "takes_labelled_predictions",
    "labelled_targets": "takes_labelled_targets",
}
"""Arguments of the methods beside predictions, and the facts that tell whether they are taken."""

_FACTS = (
    "needs_predictions",
    "needs_target_predictions",
    "needs_joint_samples",
    "needs_whole_pool",
    "needs_probabilities",
    "needs_variances",
    "needs_independent_labels",
    "is_continuous",
    "has_positions",
    "min_dims",
    *_INPUTS.values(),
)


def take_over(heuristic: AbstractHeuristic, base: AbstractHeuristic) -> None:
    """Let a heuristic need what another needs, so that whoever supplies inputs sees it.

    Args:
        heuristic: Builds on the other's scores.
        base: The other.

    Example:
        >>> from baal.active.heuristics.epig import EPIG
        >>> heuristic = AbstractHeuristic()
        >>> take_over(heuristic, EPIG())
        >>> heuristic.needs_joint_samples
        True
    """
    for fact in _FACTS:
        setattr(heuristic, fact, getattr(base, fact))


def further_for(base: AbstractHeuristic, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a heuristic takes beside predictions; None is left out.

    Args:
        base: That heuristic.
        given: By name.

    Returns:
        Of it what is there.

    Raises:
        InvalidArgumentError: There is something that the heuristic does not take.

    Example:
        >>> from baal.active.heuristics.uncertainty import Entropy
        >>> further_for(Entropy(), {"mask": [True], "embeddings": None})
        {'mask': [True]}
    """
    further = {name: value for name, value in given.items() if value is not None}
    for name in further:
        if name not in _INPUTS or not getattr(base, _INPUTS[name]):
            raise InvalidArgumentError(
                f"Expected no `{name}`, which the base heuristic {type(base).__name__} does not "
                "take, but got one."
            )
    return further


def stretched(scores: Array, *, highest_first: bool) -> Array:
    """Scores on a scale from 0, the most certain of them, to 1, the most uncertain.

    Args:
        scores: `[N]`, finite.
        highest_first: Whether the highest is the most uncertain.

    Returns:
        `[N]` float64; all 0 where they are equal.

    Example:
        >>> stretched(np.array([3.0, 1.0, 2.0]), highest_first=False).tolist()
        [0.0, 1.0, 0.5]
    """
    if not highest_first:
        scores = -scores
    low, high = scores.min(initial=np.inf), scores.max(initial=-np.inf)
    return np.asarray((scores - low) / (high - low) if high > low else np.zeros(len(scores)))


class OnTop(PoolHeuristic):
    """Scores items by another heuristic's scores, and by where the items lie in the pool.

    Subclasses call `build_on`, and find the other's scores in `pool.scores`. The other reads the
    predictions itself: in constant memory if it can.

    Attributes:
        base_heuristic: The other.

    Example:
        >>> from baal.active.heuristics.uncertainty import Entropy
        >>> class Sum(OnTop):
        ...     def __init__(self, base_heuristic):
        ...         super().__init__()
        ...         self.build_on(base_heuristic)
        ...     def score_pool(self, pool):
        ...         return pool.scores + pool.embeddings[:, 0]
        >>> Sum(Entropy())([[1.0, 0.0], [0.0, 1.0]], embeddings=[[1.0], [2.0]]).tolist()
        [1, 0]
    """

    needs_embeddings = True

    def build_on(self, base_heuristic: AbstractHeuristic) -> None:
        """Set the other heuristic.

        Args:
            base_heuristic: It. Its scores must say alone which item is the best.

        Raises:
            InvalidArgumentError: It draws its ranks, or chooses a batch.
            InvalidTypeError: It is no heuristic.
        """
        check_heuristic("base_heuristic", base_heuristic)
        if not base_heuristic.ranks_by_score:
            raise InvalidArgumentError(
                f"Expected `base_heuristic` of {type(self).__name__} to rank items by their scores "
                f"alone, such as `Entropy()`, but got {type(base_heuristic).__name__}, which draws "
                "them or chooses a batch."
            )
        own = {name: getattr(type(self), fact) for name, fact in _INPUTS.items()}
        is_continuous = type(self).is_continuous
        take_over(self, base_heuristic)
        self.base_heuristic = base_heuristic
        self.is_random = base_heuristic.is_random
        self.is_continuous = is_continuous and base_heuristic.is_continuous
        self.needs_whole_pool = True
        self._takes = {name for name, is_own in own.items() if is_own}
        for name in self._takes:
            setattr(self, _INPUTS[name], True)

    def get_ranks(
        self,
        predictions: Any = None,
        target_predictions: Any = None,
        **further: Any,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Score and rank each item.

        Args:
            predictions: As the other heuristic takes them.
            target_predictions: As the other heuristic takes them.
            **further: `embeddings` `[N, D]`, `labelled_embeddings` `[M, D]` and all else that this
                heuristic or the other needs or takes, such as a `mask`.

        Returns:
            `(ranks [N], scores [N])`: `ranks` is a permutation with the winner first, `scores[i]`
            belongs to item `i`. An item with values that are not finite has the score NaN, and
            comes last, with a warning.

        Raises:
            InvalidArgumentError: As the other raises it; it has more than one score for an item;
                embeddings are missing, or do not fit.
            InvalidTypeError: These are no numbers.
        """
        own = {name: further[name] for name in self._takes & further.keys()}
        others = {
            name: value
            for name, value in further.items()
            if name not in own or getattr(self.base_heuristic, _INPUTS[name])
        }
        get_uncertainties: Any = self.base_heuristic.get_uncertainties
        scores = np.asarray(
            get_uncertainties(
                predictions, target_predictions, **further_for(self.base_heuristic, others)
            )
        )
        if scores.ndim != 1:
            raise InvalidArgumentError(
                "Expected one score for each item, [N], from the base heuristic "
                f"{type(self.base_heuristic).__name__}, but got scores of shape {scores.shape}. A "
                "`reduction` such as 'mean' turns [N, ...] into [N]."
            )
        return super().get_ranks(scores, **own)

    def _read(self, predictions: Any, given: dict[str, Any]) -> PoolData:
        """The other's scores come in the place of predictions."""
        for name in given:
            if name not in self._takes:
                given[name] = None
        if given["embeddings"] is None:
            raise InvalidArgumentError(
                f"Expected `embeddings` to be given to {type(self).__name__}, which needs them, "
                "but got None."
            )
        return replace(read_pool_data(len(predictions), given), scores=predictions)
