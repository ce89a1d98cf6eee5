r"""Scores of real outputs: a value from each posterior sample, or a Gaussian from each.

A model that predicts a Gaussian gives a mean and a variance for each of `D` outputs in each
posterior sample. The mixture of these Gaussians over the samples has no entropy in closed form. It
is taken to be that of the Gaussian with the mixture's mean and variance (moment matching): the
highest entropy that a distribution with this variance can have, so that the mutual information that
follows from it is an upper bound. The D outputs are independent given the parameters; their scores
are kept apart.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.functional.sums import checked
from baal.exceptions import InvalidArgumentError

__all__ = [
    "gaussian_entropy",
    "gaussian_expected_entropy",
    "gaussian_mutual_information",
    "predictive_variance",
    "variance",
]

Array = npt.NDArray[Any]


def variance(outputs: npt.ArrayLike) -> Array:
    r"""The variance over the posterior samples of each output, classes kept apart.

    $$\tfrac 1K \sum_k (y_{kc} - \bar y_c)^2$$

    Cohn et al. (1996), https://arxiv.org/abs/cs/9603104.

    Args:
        outputs: `[N, C, ..., K]`, probabilities or any other real outputs.

    Returns:
        `[N, C, ...]` float64, in the square of the outputs' unit.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no class or no sample.

    Example:
        >>> variance([[[0.0, 2.0], [5.0, 5.0]]]).tolist()
        [[1.0, 0.0]]
    """
    return np.asarray(checked(outputs).var(axis=-1, dtype=np.float64))


def predictive_variance(means: npt.ArrayLike, variances: npt.ArrayLike) -> Array:
    r"""Total uncertainty as a variance: the expected variance and the variance of the mean.

    $$\tfrac 1K \sum_k \sigma_k^2 + \tfrac 1K \sum_k (\mu_k - \bar \mu)^2$$

    The first part is aleatoric (`variances.mean(-1)`), the second epistemic (`variance(means)`).
    Depeweg et al. (2018), https://arxiv.org/abs/1710.07283; Kendall and Gal (2017),
    https://arxiv.org/abs/1703.04977.

    Args:
        means: `[N, D, ..., K]`.
        variances: `[N, D, ..., K]`.

    Returns:
        `[N, D, ...]` float64, in the square of the outputs' unit; NaN where a variance is negative.

    Raises:
        InvalidArgumentError: Wrong or different shapes.

    Example:
        >>> predictive_variance([[[0.0, 2.0]]], [[[0.5, 0.5]]]).tolist()
        [[1.5]]
    """
    mu, sigma2 = _gaussians(means, variances)
    return np.asarray(sigma2.mean(axis=-1) + mu.var(axis=-1))


def gaussian_entropy(means: npt.ArrayLike, variances: npt.ArrayLike) -> Array:
    r"""Total uncertainty: the entropy of the mixture over the samples, by moment matching.

    $$\tfrac 12 \ln (2 \pi e\, \sigma^2)$$

    with the predictive variance. MacKay (1992), https://doi.org/10.1162/neco.1992.4.4.590.

    Args:
        means: `[N, D, ..., K]`.
        variances: `[N, D, ..., K]`, above 0.

    Returns:
        `[N, D, ...]` float64, in nats (of a density: it can be negative).

    Raises:
        InvalidArgumentError: Wrong or different shapes.

    Example:
        >>> gaussian_entropy([[[0.0]]], [[[1.0]]]).round(6).tolist()
        [[1.418939]]
    """
    return _entropy_of(predictive_variance(means, variances))


def gaussian_expected_entropy(variances: npt.ArrayLike) -> Array:
    r"""Aleatoric uncertainty: the mean over the posterior samples of each Gaussian's entropy.

    $$\tfrac 1K \sum_k \tfrac 12 \ln (2 \pi e\, \sigma_k^2)$$

    Depeweg et al. (2018), https://arxiv.org/abs/1710.07283.

    Args:
        variances: `[N, D, ..., K]`, above 0.

    Returns:
        `[N, D, ...]` float64, in nats.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no output or no sample.

    Example:
        >>> gaussian_expected_entropy([[[1.0, 1.0]]]).round(6).tolist()
        [[1.418939]]
    """
    sigma2 = checked(variances, "variances").astype(np.float64)
    return np.asarray(_entropy_of(sigma2).mean(axis=-1))


def gaussian_mutual_information(means: npt.ArrayLike, variances: npt.ArrayLike) -> Array:
    r"""Epistemic uncertainty (BALD): the entropy of the mixture less the expected entropy.

    $$\tfrac 12 \ln \sigma^2 - \tfrac 1K \sum_k \tfrac 12 \ln \sigma_k^2$$

    Houlsby et al. (2011), https://arxiv.org/abs/1112.5745; the mixture's entropy by moment
    matching, hence an upper bound.

    Args:
        means: `[N, D, ..., K]`.
        variances: `[N, D, ..., K]`, above 0.

    Returns:
        `[N, D, ...]` float64, in nats, from 0.

    Raises:
        InvalidArgumentError: Wrong or different shapes.

    Example:
        >>> means, variances = [[[-1.0, 1.0]]], [[[1.0, 1.0]]]
        >>> gaussian_mutual_information(means, variances).round(6).tolist()  # ln(2) / 2
        [[0.346574]]
    """
    information = gaussian_entropy(means, variances) - gaussian_expected_entropy(variances)
    return np.asarray(np.maximum(information, 0.0))  # never negative, but for rounding


def _gaussians(means: npt.ArrayLike, variances: npt.ArrayLike) -> tuple[Array, Array]:
    mu, sigma2 = checked(means, "means"), checked(variances, "variances")
    if mu.shape != sigma2.shape:
        raise InvalidArgumentError(
            f"Expected `variances` to have the shape of `means`, {mu.shape}, "
            f"but got shape {sigma2.shape}."
        )
    sigma2 = sigma2.astype(np.float64)
    return mu.astype(np.float64), np.where(sigma2 < 0, np.nan, sigma2)


def _entropy_of(sigma2: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):  # no variance: reported where it is ranked
        return np.asarray(0.5 * np.log(2 * np.pi * np.e * sigma2))
