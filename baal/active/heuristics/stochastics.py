"""Stochastic batches: items drawn by their scores, rather than the top of the scores.

The items with the highest scores are often alike, and a score says little of how it will change
once the first of them are labelled. Drawing by score costs nothing and does as well as choosing a
batch as a whole. Kirsch et al. (2023), https://arxiv.org/abs/2106.12059.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.arguments import check_count, check_heuristic, check_temperature
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.on_top import further_for, take_over
from baal.active.heuristics.ranking import read_scores
from baal.exceptions import InvalidArgumentError

__all__ = ["GibbsSampling", "PowerSampling", "RankBasedSampling", "StochasticHeuristic"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]


class StochasticHeuristic(AbstractHeuristic):
    r"""Draws the ranks, one item after the other without replacement, by the scores of another.

    Subclasses define `log_weights`. The whole pool is ranked, in one go: with Gumbel noise on the
    logarithm of each weight, the order of the sums is a sequence of such draws (Gumbel top-k).
    Vieira (2014), https://timvieira.github.io/blog/post/2014/07/31/gumbel-max-trick/; Kool et al.
    (2019), https://arxiv.org/abs/1903.06059. Scores are those of the other heuristic, untouched,
    and so is the direction. Items of no weight follow those that have one, and items whose score
    is not finite come last, both in the other heuristic's order.

    Args:
        base_heuristic: Gives the scores. What it needs is needed here.
        query_size: Items that will be labelled. For scripts of BaaL: since the whole pool is
            ranked it changes nothing, and may exceed the pool.
        seed: Of the draws. None draws from NumPy's global state, which `np.random.seed` sets.

    Raises:
        InvalidArgumentError: `query_size` is negative, or the other heuristic chooses a batch whose
            scores do not compare with the rest's.
        InvalidTypeError: `query_size` is no whole number, or `base_heuristic` no heuristic.

    Example:
        >>> from baal.active.heuristics.baselines import Precomputed
        >>> class Uniform(StochasticHeuristic):
        ...     def log_weights(self, scores):
        ...         return np.zeros(len(scores))
        >>> sorted(Uniform(Precomputed(), query_size=2, seed=0)([0.5, 0.25, 0.75]).tolist())
        [0, 1, 2]
    """

    is_random = True
    ranks_by_score = False

    def __init__(
        self, base_heuristic: AbstractHeuristic, query_size: int, *, seed: int | None = None
    ) -> None:
        check_heuristic("base_heuristic", base_heuristic)
        if not base_heuristic.scores_compare:
            raise InvalidArgumentError(
                f"Expected `base_heuristic` of {type(self).__name__} to score items, such as "
                f"`BALD()`, but got {type(base_heuristic).__name__}, which chooses a batch: there "
                "is nothing left to draw."
            )
        super().__init__(
            reverse=base_heuristic.reversed,
            reduction=base_heuristic.reduction,
            mode=base_heuristic.mode,
            seed=seed,
        )
        self.base_heuristic = base_heuristic
        self.query_size = check_count("query_size", query_size)
        take_over(self, base_heuristic)

    def log_weights(self, scores: Array) -> Array:
        """The logarithm of what each item weighs in the draws.

        Args:
            scores: `[n]`, finite, the most uncertain first.

        Returns:
            `[n]`, up to a constant; -inf for an item that is only drawn when no other is left.

        Raises:
            NotImplementedError: A subclass did not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `log_weights`.")

    def compute_score(
        self, predictions: Any = None, target_predictions: Any = None, **further: Any
    ) -> Any:
        """The other heuristic's scores.

        Args:
            predictions: As that one takes them.
            target_predictions: As that one takes them.
            **further: What that one takes beside, such as `embeddings`.

        Returns:
            `[N, ...]`.
        """
        compute_score: Any = self.base_heuristic.compute_score
        targets = () if target_predictions is None else (target_predictions,)
        # Without targets: it may be of those that do not know the argument.
        return compute_score(predictions, *targets, **self._further(further))

    def get_uncertainties(
        self, predictions: Any = None, target_predictions: Any = None, **further: Any
    ) -> Array:
        """The other heuristic's scores, reduced.

        Args:
            predictions: As that one takes them.
            target_predictions: As that one takes them.
            **further: What that one takes beside: a `mask` `[N, ...]` of the positions that count,
                `embeddings` `[N, D]` and the like.

        Returns:
            `[N]`.

        Raises:
            InvalidArgumentError: It does not take what was given, or as it raises them.
        """
        get_uncertainties: Any = self.base_heuristic.get_uncertainties
        given = self._further(further)
        return np.asarray(get_uncertainties(predictions, target_predictions, **given))

    def get_uncertainties_generator(
        self, predictions: Any, target_predictions: Any = None, **further: Any
    ) -> Array:
        """The other heuristic's scores, for an iterable of batches.

        Args:
            predictions: Batches `[B, C, ..., K]`.
            target_predictions: As that one takes them.
            **further: As for `get_uncertainties`.

        Returns:
            `[N]`.
        """
        if further:
            return self.get_uncertainties(predictions, target_predictions, **further)
        return self.base_heuristic.get_uncertainties_generator(predictions, target_predictions)

    def reorder_indices(self, scores: Any) -> IntArray:
        """Draw the ranks.

        Args:
            scores: `[N]`, or a list of arrays, which are joined. They stay as they are.

        Returns:
            `[N]` int64, a permutation.

        Raises:
            InvalidArgumentError: More than one dimension.
            InvalidTypeError: These are no numbers.
        """
        ranks = self.base_heuristic.reorder_indices(scores)
        return self._draw(ranks, read_scores(scores))

    def get_ranks(
        self, predictions: Any = None, target_predictions: Any = None, **further: Any
    ) -> tuple[IntArray, Array]:
        """Score each item, and draw the ranks.

        Args:
            predictions: As the other heuristic takes them.
            target_predictions: As the other heuristic takes them.
            **further: What the other heuristic takes beside, as for `get_uncertainties`.

        Returns:
            `(ranks [N], scores [N])`: `ranks` is a permutation with the first that was drawn
            first, `scores[i]` is the other heuristic's score of item `i`.

        Raises:
            InvalidArgumentError: It does not take what was given, or as it raises them.
        """
        get_ranks: Any = self.base_heuristic.get_ranks
        ranks, scores = get_ranks(predictions, target_predictions, **self._further(further))
        return self._draw(ranks, scores), scores

    def __call__(
        self, predictions: Any = None, target_predictions: Any = None, **further: Any
    ) -> IntArray:
        """The ranks alone, as `get_ranks` draws them with the same arguments."""
        return self.get_ranks(predictions, target_predictions, **further)[0]

    def _further(self, given: dict[str, Any]) -> dict[str, Any]:
        return further_for(self.base_heuristic, given)

    def _draw(self, ranks: IntArray, scores: Array) -> IntArray:
        """Ranks `[N]`, the most uncertain first, to ranks that were drawn."""
        in_order = scores[ranks].astype(np.float64)
        n_finite = int(np.isfinite(in_order).sum())  # the others come last
        keys = np.full(len(ranks), -np.inf)
        keys[:n_finite] = self.log_weights(in_order[:n_finite])
        keys[:n_finite] += self.rng.gumbel(size=n_finite)
        return ranks[np.argsort(-keys, kind="stable")]  # stable: no weight, no change of order


class _Tempered(StochasticHeuristic):
    """With a temperature: at 0 the draws would be the other's ranks, at infinity uniform."""

    def __init__(
        self,
        base_heuristic: AbstractHeuristic,
        query_size: int,
        temperature: float = 1.0,
        *,
        seed: int | None = None,
    ) -> None:
        super().__init__(base_heuristic, query_size, seed=seed)
        self.temperature = check_temperature(temperature)


class PowerSampling(_Tempered):
    r"""Draws items by a power of their scores: what tells nothing is not drawn.

    $$P(i) \propto s_i^{1/T}$$

    Kirsch et al. (2023), https://arxiv.org/abs/2106.12059, and their advice where scores are like
    mutual information, at least zero and zero where there is nothing to learn. Negative scores
    weigh nothing, as zeros do. Where low scores are the uncertain ones (Margin, Certainty), what
    an item lacks of the highest score there can be stands in for it: `1 - s`, or the pool's
    highest less `s` if that exceeds one.

    Args:
        base_heuristic: Gives the scores.
        query_size: Items that will be labelled; see `StochasticHeuristic`.
        temperature: T, above 0: small ones come close to the top of the scores, large ones to
            uniform draws.
        seed: Of the draws. None draws from NumPy's global state.

    Raises:
        InvalidArgumentError: `query_size` is negative, or the temperature not above 0.
        InvalidTypeError: One of them is no number.

    Example:
        >>> from baal.active.heuristics.baselines import Precomputed
        >>> heuristic = PowerSampling(Precomputed(reverse=True), query_size=2, seed=0)
        >>> heuristic([0.0, 0.25, 0.0]).tolist()
        [1, 0, 2]
    """

    def log_weights(self, scores: Array) -> Array:
        """`ln(s) / T`.

        Args:
            scores: `[n]`, finite, the most uncertain first.

        Returns:
            `[n]`, -inf for scores of zero or less.
        """
        if not self.reversed:
            scores = scores.max(initial=1.0) - scores
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.maximum(scores, 0.0)) / self.temperature)


class GibbsSampling(_Tempered):
    r"""Draws items by the exponential of their scores (softmax): also those of score zero.

    $$P(i) \propto e^{\pm s_i/T}$$

    With a minus where low scores are the uncertain ones. Kirsch et al. (2023),
    https://arxiv.org/abs/2106.12059. The unit of the temperature is that of the scores.

    Args:
        base_heuristic: Gives the scores.
        query_size: Items that will be labelled; see `StochasticHeuristic`.
        temperature: T, above 0: small ones come close to the top of the scores, large ones to
            uniform draws.
        seed: Of the draws. None draws from NumPy's global state.

    Raises:
        InvalidArgumentError: `query_size` is negative, or the temperature not above 0.
        InvalidTypeError: One of them is no number.

    Example:
        >>> from baal.active.heuristics.baselines import Precomputed
        >>> heuristic = GibbsSampling(Precomputed(), query_size=2, temperature=0.001, seed=0)
        >>> heuristic([0.5, 0.25, 0.75]).tolist()
        [1, 0, 2]
    """

    def log_weights(self, scores: Array) -> Array:
        """`s / T`, or `-s / T` where low scores are the uncertain ones.

        Args:
            scores: `[n]`, finite, the most uncertain first.

        Returns:
            `[n]`.
        """
        return np.asarray(scores / (self.temperature if self.reversed else -self.temperature))


class RankBasedSampling(_Tempered):
    r"""Draws items by a power of their ranks (soft-rank): whatever the scale of the scores.

    $$P(i) \propto r_i^{-1/T}$$

    With `r` 1 for the most uncertain. Kirsch et al. (2023), https://arxiv.org/abs/2106.12059.

    Args:
        base_heuristic: Gives the ranks.
        query_size: Items that will be labelled; see `StochasticHeuristic`.
        temperature: T, above 0: small ones come close to the other's ranks, large ones to uniform
            draws.
        seed: Of the draws. None draws from NumPy's global state.

    Raises:
        InvalidArgumentError: `query_size` is negative, or the temperature not above 0.
        InvalidTypeError: One of them is no number.

    Example:
        >>> from baal.active.heuristics.baselines import Precomputed
        >>> heuristic = RankBasedSampling(Precomputed(), query_size=2, temperature=0.01, seed=0)
        >>> heuristic([500.0, 250.0, 1000.0]).tolist()
        [1, 0, 2]
    """

    def log_weights(self, scores: Array) -> Array:
        """`-ln(r) / T`.

        Args:
            scores: `[n]`, finite, the most uncertain first.

        Returns:
            `[n]`.
        """
        return np.asarray(-np.log(np.arange(1.0, len(scores) + 1)) / self.temperature)
