"""Heuristics for models that predict a Gaussian: a mean and a variance for each output."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics import functional
from baal.active.heuristics.pointwise import PointwiseHeuristic
from baal.active.heuristics.reductions import Reduction
from baal.active.heuristics.scoring import Reading
from baal.active.heuristics.shuffling import IGNORED, Ignored
from baal.exceptions import InvalidArgumentError

__all__ = [
    "GaussianBALD",
    "GaussianHeuristic",
    "PredictiveVariance",
    "check_gaussians",
    "split_gaussians",
]

Array = npt.NDArray[Any]


def check_gaussians(predictions: Array, heuristic: str) -> Array:
    """Refuse outputs that are not as many variances as means.

    Args:
        predictions: `[N, 2 D, ..., K]`.
        heuristic: Whose they are, for the error's message.

    Returns:
        They.

    Raises:
        InvalidArgumentError: Axis 1 is odd.

    Example:
        >>> check_gaussians(np.zeros((3, 2, 5)), "GaussianBALD").shape
        (3, 2, 5)
    """
    if predictions.shape[1] % 2:
        raise InvalidArgumentError(
            f"Expected `predictions` for {heuristic} to be [N, 2 D, ..., K], D means and then D "
            f"variances, but got shape {predictions.shape}."
        )
    return predictions


def split_gaussians(predictions: Array, *, log_variance: bool) -> tuple[Array, Array]:
    """Take means and variances apart.

    Args:
        predictions: `[N, 2 D, ..., K]`: D means, then D (log-)variances.
        log_variance: Whether these are logarithms.

    Returns:
        Means and variances, `[N, D, ..., K]` float64 each.

    Example:
        >>> means, variances = split_gaussians(np.array([[5.0, 0.0]]), log_variance=True)
        >>> means.tolist(), variances.tolist()
        ([[5.0]], [[1.0]])
    """
    means, variances = np.split(predictions.astype(np.float64), 2, axis=1)
    if log_variance:
        with np.errstate(over="ignore"):  # infinite: broken, and reported where it is ranked
            variances = np.exp(variances)
    return means, variances


class GaussianHeuristic(PointwiseHeuristic):
    """Base of heuristics on Gaussians, `[N, 2 D, ..., K]`: D means, then D (log-)variances.

    Subclasses define `score_gaussians`. The D outputs have a score each, and then are reduced.

    Args:
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle, from 0 to 1.
        reduction: From `[N, D, ...]` to `[N]`, any but "none".
        log_variance: Whether the model gives the logarithm of the variance, as most do.
        mode: Accepted for uniformity: outputs are scored as they come.
        seed: Of the shuffling. None draws from NumPy's global state.
        threads: How many threads score an array.

    Raises:
        InvalidArgumentError: The reduction is "none", or an argument is none of the above.

    Example:
        >>> class Noisiest(GaussianHeuristic):
        ...     def score_gaussians(self, means, variances):
        ...         return variances.mean(axis=-1)
        >>> Noisiest(log_variance=False).get_uncertainties([[[5.0], [0.25]]]).tolist()
        [0.25]
    """

    needs_probabilities = False
    needs_variances = True

    def __init__(
        self,
        shuffle_prop: float | Ignored = IGNORED,
        reduction: str | Reduction = "sum",
        *,
        log_variance: bool = True,
        mode: Reading = "auto",
        seed: int | None = None,
        threads: int = 1,
    ) -> None:
        if reduction == "none":
            raise InvalidArgumentError(
                f"Expected `reduction` of {type(self).__name__} to turn [N, D, ...] into [N], such "
                "as 'mean', but got 'none'."
            )
        super().__init__(shuffle_prop, reduction, mode=mode, seed=seed, threads=threads)
        self.log_variance = log_variance

    def score_gaussians(self, means: Array, variances: Array) -> Array:
        """Score a block of items, each output of each position on its own.

        Args:
            means: `[n, D, m, K]` float64.
            variances: `[n, D, m, K]` float64.

        Returns:
            `[n, D, m]`.

        Raises:
            NotImplementedError: A subclass did not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `score_gaussians`.")

    def score_probabilities(self, probabilities: Array) -> Array:
        """Split the outputs, and score them.

        Args:
            probabilities: Outputs `[n, 2 D, m, K]`.

        Returns:
            `[n, D, m]`.
        """
        means, variances = split_gaussians(probabilities, log_variance=self.log_variance)
        # An infinite mean or variance is broken, and not most uncertain.
        broken = ~(np.isfinite(means) & np.isfinite(variances)).all(axis=-1)
        return np.where(broken, np.nan, self.score_gaussians(means, variances))

    def _check_dims(self, predictions: Array) -> Array:
        return check_gaussians(super()._check_dims(predictions), type(self).__name__)

    def _reading(self) -> Reading:
        return "as_is"


class GaussianBALD(GaussianHeuristic):
    r"""Mutual information between a Gaussian output and the model's parameters; high is uncertain.

    $$\tfrac 12 \ln \sigma^2 - \tfrac 1K \sum_k \tfrac 12 \ln \sigma_k^2$$

    In nats: the entropy of the prediction less the expected, aleatoric, entropy. Houlsby et al.
    (2011), https://arxiv.org/abs/1112.5745. The prediction is a mixture of K Gaussians, whose
    entropy is taken to be that of the Gaussian with the mixture's variance (moment matching), the
    highest it can be: the score is an upper bound. Outputs are summed, as if independent.
    Predictions are `[N, 2 D, ..., K]`: it only exists with posterior samples. Arguments and errors
    are those of `GaussianHeuristic`.

    Example:
        >>> agree, disagree = [[0.0, 0.0], [0.0, 0.0]], [[-1.0, 1.0], [0.0, 0.0]]
        >>> GaussianBALD().get_uncertainties([agree, disagree]).round(6).tolist()  # 0, ln(2)/2
        [0.0, 0.346574]
    """

    reversed = True
    min_dims = 3

    def score_gaussians(self, means: Array, variances: Array) -> Array:
        """Apply `functional.gaussian_mutual_information` to a block.

        Args:
            means: `[n, D, m, K]`.
            variances: `[n, D, m, K]`.

        Returns:
            `[n, D, m]`, in nats.
        """
        return functional.gaussian_mutual_information(means, variances)


class PredictiveVariance(GaussianHeuristic):
    r"""Variance of the prediction, its noise and the model's doubt together; high is uncertain.

    $$\tfrac 1K \sum_k \sigma_k^2 + \tfrac 1K \sum_k (\mu_k - \bar \mu)^2$$

    Kendall and Gal (2017), https://arxiv.org/abs/1703.04977. Outputs are summed. Predictions are
    `[N, 2 D, ..., K]`, or `[N, 2 D]` from a single model. For a model without variances there is
    Variance. Arguments and errors are those of `GaussianHeuristic`.

    Example:
        >>> sure, unsure = [[-1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [5.0, 5.0]]
        >>> PredictiveVariance(log_variance=False).get_uncertainties([sure, unsure]).tolist()
        [1.0, 5.0]
    """

    reversed = True

    def score_gaussians(self, means: Array, variances: Array) -> Array:
        """Apply `functional.predictive_variance` to a block.

        Args:
            means: `[n, D, m, K]`.
            variances: `[n, D, m, K]`.

        Returns:
            `[n, D, m]`, in the square of the outputs' unit.
        """
        return functional.predictive_variance(means, variances)
