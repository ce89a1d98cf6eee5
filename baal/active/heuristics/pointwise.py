"""The base of heuristics whose score of an item depends on that item alone."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.arguments import check_count
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.decorators import reading_as, reading_of
from baal.active.heuristics.masks import masked_blocks
from baal.active.heuristics.predictions import as_array
from baal.active.heuristics.reductions import Reduction, reduce_valid
from baal.active.heuristics.scoring import Reading, score_array, score_undecided
from baal.active.heuristics.shuffling import IGNORED, Ignored

__all__ = ["PointwiseHeuristic"]

Array = npt.NDArray[Any]


class PointwiseHeuristic(AbstractHeuristic):
    """Base of heuristics that apply a function on probabilities to each item.

    Subclasses define `score_probabilities`, and set `reversed` and `min_dims`.

    Args:
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle, from 0 to 1.
        reduction: From `[N, ...]` to `[N]`: "max", "min", "mean", "sum", "top_k_mean", "quantile",
            "none", or a callable, such as `top_k_mean(20)`.
        mode: What predictions are: "probabilities", "logits", or "auto".
        seed: Of the shuffling. None draws from NumPy's global state.
        threads: How many threads score an array; the scores are the same to the bit. An iterable
            of batches is scored by one.

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
    takes_mask = True
    min_dims = 2

    def __init__(
        self,
        shuffle_prop: float | Ignored = IGNORED,
        reduction: str | Reduction = "none",
        *,
        mode: Reading = "auto",
        seed: int | None = None,
        threads: int = 1,
    ) -> None:
        super().__init__(shuffle_prop, reduction=reduction, mode=mode, seed=seed)
        self.threads = check_count("threads", threads, at_least=1)

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
        samples = self._with_samples(predictions)
        return score_array(samples, self.score_probabilities, self._reading(), self.threads)

    def get_uncertainties(
        self, predictions: Any, target_predictions: Any = None, *, mask: Any = None
    ) -> Array:
        """Score each item.

        Args:
            predictions: `[N, C, ..., K]`, or an iterable of such batches.
            target_predictions: Not used.
            mask: `[N, ...]`, True where a position counts; False where it is padding, or in a
                region to ignore. Or an iterable of such batches. What stands at the other
                positions has no say in anything.

        Returns:
            `[N]` float64; `[N, ...]` with the reduction "none". NaN, which ranks last, for an item
            without a position that counts.

        Raises:
            InvalidArgumentError: A shape is wrong, or values are not what `mode` says.
            InvalidTypeError: These are no numbers.

        Example:
            >>> from baal.active.heuristics import Entropy
            >>> sentences = np.array([[[0.5, 1.0, 1.0], [0.5, 0.0, 0.0]]])[..., None]  # 3 words
            >>> Entropy(reduction="mean").get_uncertainties(sentences).round(3).tolist()
            [0.231]
            >>> mask = [[True, False, False]]
            >>> Entropy(reduction="mean").get_uncertainties(sentences, mask=mask).round(3).tolist()
            [0.693]
        """
        if mask is None:
            return super().get_uncertainties(predictions, target_predictions)
        valid: list[Array] = []  # of the block that is being scored

        def blocks() -> Iterator[Array]:
            for block, valid[:] in ((b, [v]) for b, v in masked_blocks(predictions, mask)):
                yield self._check_dims(block)

        def score_as(block: Array, reading: Reading) -> Array:
            with reading_as(self, reading):
                return reduce_valid(self.compute_score(block), valid[0], self.reduction)

        checked = self._checked(blocks())
        if self.needs_probabilities and self.mode == "auto":
            scores = score_undecided(checked, score_as)
        else:
            scores = [score_as(block, self.mode) for block in checked]
        return self._joined(scores)

    def get_ranks(
        self, predictions: Any, target_predictions: Any = None, *, mask: Any = None
    ) -> tuple[npt.NDArray[np.int64], Array]:
        """Score and rank each item.

        Args:
            predictions: `[N, C, ..., K]`, or an iterable of such batches.
            target_predictions: Not used.
            mask: As for `get_uncertainties`.

        Returns:
            `(ranks [N], scores [N])`: `ranks` is a permutation with the winner first, `scores[i]`
            belongs to item `i`.

        Raises:
            InvalidArgumentError: As for `get_uncertainties`, or there is more than one score for
                an item.
            InvalidTypeError: These are no numbers.

        Example:
            >>> from baal.active.heuristics import Certainty
            >>> Certainty().get_ranks([[1.0, 0.0], [0.5, 0.5]])[0].tolist()
            [1, 0]
        """
        scores = self.get_uncertainties(predictions, target_predictions, mask=mask)
        return self.reorder_indices(scores), scores

    def _with_samples(self, predictions: Any) -> Array:
        array = self._check_dims(as_array(predictions))
        return array[..., np.newaxis] if array.ndim == 2 else array  # [N, C] is K=1

    def _reading(self) -> Reading:
        return reading_of(self)
