"""How uncertain a model is of each item: of its label, or of itself."""

from typing import Any

import numpy.typing as npt

from baal.active.heuristics import functional
from baal.active.heuristics.pointwise import PointwiseHeuristic
from baal.active.heuristics.reductions import Reduction
from baal.active.heuristics.scoring import Reading
from baal.active.heuristics.shuffling import IGNORED, Ignored
from baal.exceptions import InvalidArgumentError

__all__ = ["BALD", "Certainty", "Entropy", "Margin", "Variance"]

Array = npt.NDArray[Any]


class BALD(PointwiseHeuristic):
    r"""Mutual information between the label and the model's parameters; high is uncertain.

    $$I[y;\theta|x] = H[y|x] - E_\theta\, H[y|x,\theta]$$

    In nats. Houlsby et al. (2011), https://arxiv.org/abs/1112.5745; Gal et al. (2017),
    https://arxiv.org/abs/1703.02910. Predictions are `[N, C, ..., K]`: it only exists with
    posterior samples. Arguments and errors are those of `PointwiseHeuristic`.

    Example:
        >>> agree, disagree = [[1.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]
        >>> ranks, scores = BALD().get_ranks([agree, disagree])
        >>> ranks.tolist(), scores.round(6).tolist()
        ([1, 0], [0.0, 0.693147])
    """

    reversed = True
    min_dims = 3

    def score_probabilities(self, probabilities: Array) -> Array:
        """Apply `functional.mutual_information` to a block.

        Args:
            probabilities: Probabilities `[n, C, m, K]`.

        Returns:
            `[n, m]`, in nats.
        """
        return functional.mutual_information(probabilities)


class Entropy(PointwiseHeuristic):
    r"""Entropy of the mean prediction; high is uncertain.

    $$H[y|x] = -\sum_c \bar p_c \ln \bar p_c$$

    In nats. Shannon (1948), https://doi.org/10.1002/j.1538-7305.1948.tb01338.x. Predictions are
    `[N, C, ..., K]` or `[N, C]`. Arguments and errors are those of `PointwiseHeuristic`.

    Example:
        >>> ranks, scores = Entropy().get_ranks([[1.0, 0.0], [0.5, 0.5]])
        >>> ranks.tolist(), scores.round(6).tolist()
        ([1, 0], [0.0, 0.693147])
    """

    reversed = True

    def score_probabilities(self, probabilities: Array) -> Array:
        """Apply `functional.predictive_entropy` to a block.

        Args:
            probabilities: Probabilities `[n, C, m, K]`.

        Returns:
            `[n, m]`, in nats.
        """
        return functional.predictive_entropy(probabilities)


class Margin(PointwiseHeuristic):
    r"""Lead of the most probable class over the second; low is uncertain.

    $$\bar p_{(1)} - \bar p_{(2)}$$

    Scheffer et al. (2001), https://doi.org/10.1007/3-540-44816-0_31. Predictions are
    `[N, C, ..., K]` or `[N, C]`. Arguments and errors are those of `PointwiseHeuristic`.

    Example:
        >>> ranks, scores = Margin().get_ranks([[0.75, 0.25], [0.5, 0.5]])
        >>> ranks.tolist(), scores.tolist()
        ([1, 0], [0.5, 0.0])
    """

    def score_probabilities(self, probabilities: Array) -> Array:
        """Apply `functional.margin` to a block.

        Args:
            probabilities: Probabilities `[n, C, m, K]`.

        Returns:
            `[n, m]`.
        """
        return functional.margin(probabilities)


class Certainty(PointwiseHeuristic):
    r"""Probability of the most probable class (least confidence); low is uncertain.

    $$\max_c \bar p_c$$

    Lewis and Gale (1994), https://arxiv.org/abs/cmp-lg/9407020. Predictions are `[N, C, ..., K]`
    or `[N, C]`. Arguments and errors are those of `PointwiseHeuristic`.

    Example:
        >>> ranks, scores = Certainty().get_ranks([[0.75, 0.25], [0.5, 0.5]])
        >>> ranks.tolist(), scores.tolist()
        ([1, 0], [0.75, 0.5])
    """

    def score_probabilities(self, probabilities: Array) -> Array:
        """Apply `functional.certainty` to a block.

        Args:
            probabilities: Probabilities `[n, C, m, K]`.

        Returns:
            `[n, m]`.
        """
        return functional.certainty(probabilities)


class Variance(PointwiseHeuristic):
    r"""Variance of the outputs over the posterior samples; high is uncertain.

    $$\tfrac 1K \sum_k (y_{kc} - \bar y_c)^2$$

    Cohn et al. (1996), https://arxiv.org/abs/cs/9603104. Predictions are `[N, C, ..., K]`: it only
    exists with posterior samples. Outputs need not be probabilities (regression), so nothing is
    guessed: they are scored as they come, and turned into probabilities only by `mode="logits"`.

    Args:
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle, from 0 to 1.
        reduction: From `[N, C, ...]` to `[N]`, any but "none": the outputs have a variance each.
        mode: "logits" takes the variance of the probabilities; the others change nothing.
        seed: Of the shuffling. None draws from NumPy's global state.
        threads: How many threads score an array.

    Raises:
        InvalidArgumentError: The reduction is "none", or an argument is none of the above.

    Example:
        >>> ranks, scores = Variance().get_ranks([[[1.0, 1.0]], [[0.0, 4.0]]])
        >>> ranks.tolist(), scores.tolist()
        ([1, 0], [0.0, 4.0])
    """

    reversed = True
    needs_probabilities = False
    min_dims = 3

    def __init__(
        self,
        shuffle_prop: float | Ignored = IGNORED,
        reduction: str | Reduction = "mean",
        *,
        mode: Reading = "auto",
        seed: int | None = None,
        threads: int = 1,
    ) -> None:
        if reduction == "none":
            raise InvalidArgumentError(
                "Expected `reduction` of Variance to turn [N, C, ...] into [N], such as 'mean', "
                "but got 'none'."
            )
        super().__init__(shuffle_prop, reduction, mode=mode, seed=seed, threads=threads)

    def score_probabilities(self, probabilities: Array) -> Array:
        """Apply `functional.variance` to a block.

        Args:
            probabilities: Any outputs `[n, C, m, K]`.

        Returns:
            `[n, C, m]`.
        """
        return functional.variance(probabilities)

    def _reading(self) -> Reading:
        return "logits" if self.mode == "logits" else "as_is"
