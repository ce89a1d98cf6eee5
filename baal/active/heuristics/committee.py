"""Heuristics of a committee: how much its members, the posterior samples, disagree."""

from typing import Any, Literal

import numpy.typing as npt

from baal.active.heuristics import functional
from baal.active.heuristics.pointwise import PointwiseHeuristic
from baal.active.heuristics.reductions import Reduction
from baal.active.heuristics.scoring import Reading
from baal.active.heuristics.shuffling import IGNORED, Ignored
from baal.exceptions import InvalidArgumentError

__all__ = ["ConsensusKL", "MeanSTD", "VariationRatio", "VoteEntropy"]

Array = npt.NDArray[Any]


class VariationRatio(PointwiseHeuristic):
    r"""Share of the posterior samples that do not vote as most of them do; high is uncertain.

    $$1 - \max_c V_c$$

    Freeman (1965), Elementary Applied Statistics; Gal (2016),
    http://mlg.eng.cam.ac.uk/yarin/thesis/thesis.pdf. Predictions are `[N, C, ..., K]`: it only
    exists with posterior samples, and with few of them many items tie. Arguments and errors are
    those of `PointwiseHeuristic`.

    Example:
        >>> ranks, scores = VariationRatio().get_ranks([[[0.9, 0.8], [0.1, 0.2]], [[1, 0], [0, 1]]])
        >>> ranks.tolist(), scores.tolist()
        ([1, 0], [0.0, 0.5])
    """

    reversed = True
    is_continuous = False
    min_dims = 3

    def score_probabilities(self, probabilities: Array) -> Array:
        """Apply `functional.variation_ratio` to a block.

        Args:
            probabilities: Probabilities `[n, C, m, K]`.

        Returns:
            `[n, m]`.
        """
        return functional.variation_ratio(probabilities)


class MeanSTD(PointwiseHeuristic):
    r"""Standard deviation over the posterior samples, mean of the classes; high is uncertain.

    $$\tfrac 1C \sum_c \sqrt{\tfrac 1K \sum_k (p_{kc} - \bar p_c)^2}$$

    Kampffmeyer et al. (2016), https://doi.org/10.1109/CVPRW.2016.90. Predictions are
    `[N, C, ..., K]`: it only exists with posterior samples. Arguments and errors are those of
    `PointwiseHeuristic`.

    Example:
        >>> ranks, scores = MeanSTD().get_ranks([[[0.5, 0.5], [0.5, 0.5]], [[1, 0], [0, 1]]])
        >>> ranks.tolist(), scores.tolist()
        ([1, 0], [0.0, 0.5])
    """

    reversed = True
    min_dims = 3

    def score_probabilities(self, probabilities: Array) -> Array:
        """Apply `functional.mean_standard_deviation` to a block.

        Args:
            probabilities: Probabilities `[n, C, m, K]`.

        Returns:
            `[n, m]`.
        """
        return functional.mean_standard_deviation(probabilities)


class VoteEntropy(PointwiseHeuristic):
    r"""Entropy of the committee's votes; high is uncertain.

    $$-\sum_c V_c \ln V_c$$

    In nats. Dagan and Engelson (1995), https://doi.org/10.1016/B978-1-55860-377-6.50027-X. With
    hard votes each posterior sample votes for its most probable class; with soft votes it gives
    its probabilities, and the score is that of Entropy. Predictions are `[N, C, ..., K]`: it only
    exists with posterior samples.

    Args:
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle, from 0 to 1.
        reduction: From `[N, ...]` to `[N]`, as for `PointwiseHeuristic`.
        votes: "hard" or "soft".
        mode: What predictions are: "probabilities", "logits", or "auto".
        seed: Of the shuffling. None draws from NumPy's global state.
        threads: How many threads score an array.

    Raises:
        InvalidArgumentError: An argument is none of the above.

    Example:
        >>> items = [[[0.9, 0.6], [0.1, 0.4]], [[0.9, 0.4], [0.1, 0.6]]]
        >>> VoteEntropy().get_uncertainties(items).round(3).tolist()
        [0.0, 0.693]
        >>> VoteEntropy(votes="soft").get_uncertainties(items).round(3).tolist()
        [0.562, 0.647]
    """

    reversed = True
    is_continuous = False
    min_dims = 3

    def __init__(
        self,
        shuffle_prop: float | Ignored = IGNORED,
        reduction: str | Reduction = "none",
        *,
        votes: Literal["hard", "soft"] = "hard",
        mode: Reading = "auto",
        seed: int | None = None,
        threads: int = 1,
    ) -> None:
        if votes not in {"hard", "soft"}:
            raise InvalidArgumentError(f"Expected `votes` to be 'hard' or 'soft', got {votes!r}.")
        super().__init__(shuffle_prop, reduction, mode=mode, seed=seed, threads=threads)
        self.votes = votes
        self.is_continuous = votes == "soft"

    def score_probabilities(self, probabilities: Array) -> Array:
        """Apply `functional.vote_entropy` or `functional.soft_vote_entropy` to a block.

        Args:
            probabilities: Probabilities `[n, C, m, K]`.

        Returns:
            `[n, m]`, in nats.
        """
        if self.votes == "hard":
            return functional.vote_entropy(probabilities)
        return functional.soft_vote_entropy(probabilities)


class ConsensusKL(PointwiseHeuristic):
    r"""Mean divergence of the posterior samples from their mean; high is uncertain.

    $$\tfrac 1K \sum_k \sum_c p_{kc} \ln \frac{p_{kc}}{\bar p_c}$$

    In nats. McCallum and Nigam (1998), http://www.kamalnigam.com/papers/emactive-icml98.pdf. It is
    BALD by another name: the two formulas are equal. Predictions are `[N, C, ..., K]`: it only
    exists with posterior samples. Arguments and errors are those of `PointwiseHeuristic`.

    Example:
        >>> ConsensusKL().get_uncertainties([[[1, 0], [0, 1]]]).round(6).tolist()
        [0.693147]
    """

    reversed = True
    min_dims = 3

    def score_probabilities(self, probabilities: Array) -> Array:
        """Apply `functional.mean_kl_to_consensus` to a block.

        Args:
            probabilities: Probabilities `[n, C, m, K]`.

        Returns:
            `[n, m]`, in nats.
        """
        return functional.mean_kl_to_consensus(probabilities)
