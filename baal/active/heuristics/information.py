"""Expected predictive information gain, as pure functions in bounded memory.

What a label would tell about predictions elsewhere, rather than about the parameters.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.joint_entropy import BLOCK_ELEMENTS
from baal.exceptions import InvalidArgumentError

__all__ = ["gaussian_predictive_information", "predictive_information"]

Array = npt.NDArray[Any]


def predictive_information(probabilities: npt.ArrayLike, targets: npt.ArrayLike) -> Array:
    r"""Mutual information of an item's label and that of a target item, averaged over targets.

    $$E_{x_*}\, I[y;y_*|x,x_*], \qquad p(y,y_*|x,x_*) = \tfrac 1K \sum_k p_k(y|x)\, p_k(y_*|x_*)$$

    Bickford Smith et al. (2023), https://arxiv.org/abs/2304.08151. `N * T * C**2` logarithms are
    taken in the precision of the input, sums in float64; memory does not grow with N or T.

    Args:
        probabilities: `[N, C, K]`.
        targets: `[T, C, K]` by the same posterior samples.

    Returns:
        `[N]` float64, in nats, from 0 to ln C.

    Raises:
        InvalidArgumentError: The shapes do not fit together.

    Example:
        >>> told_apart = [[[1.0, 0.0], [0.0, 1.0]]]
        >>> predictive_information(told_apart, told_apart).round(6).tolist()  # ln 2
        [0.693147]
        >>> predictive_information(told_apart, [[[0.5, 0.5], [0.5, 0.5]]]).tolist()
        [0.0]
    """
    p, q = _pair(probabilities, targets)
    if p.shape[1] == 1:  # a Bernoulli's two outcomes
        p, q = np.concatenate([p, 1 - p], axis=1), np.concatenate([q, 1 - q], axis=1)
    n_classes, n_samples = p.shape[1:]
    # One item at a time, so that an item's score has the same bits in whatever company.
    step = max(1, BLOCK_ELEMENTS // n_classes**2)
    blocks = [
        np.ascontiguousarray((q[i : i + step] / n_samples).reshape(-1, n_samples).T)  # [K, t * C]
        for i in range(0, len(q), step)
    ]
    marginal = np.einsum("tck->tc", q.astype(np.float64)) / n_samples
    of_targets = _entropy(marginal) / len(q)
    information = np.empty(len(p))
    for i, item in enumerate(p):
        marginal = np.einsum("ck->c", item.astype(np.float64)) / n_samples
        joint = sum(_entropy(item @ block) for block in blocks) / len(q)
        information[i] = _entropy(marginal) + of_targets - joint
    return np.maximum(information, 0.0)  # never negative, but for rounding


def gaussian_predictive_information(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> Array:
    r"""Mutual information of an item's value and that of a target item, for regression.

    $$E_{x_*}\, I[y;y_*|x,x_*] = -\tfrac 12 E_{x_*} \ln(1 - \rho^2), \qquad
      \rho^2 = \frac{\mathrm{Cov}_k(\mu, \mu_*)^2}{v\, v_*}, \quad
      v = \mathrm{Var}_k(\mu) + \tfrac 1K \sum_k \sigma^2_k$$

    Both values are taken as jointly Gaussian, with the moments that the posterior samples give.
    Several outputs are summed, as if independent. Bickford Smith et al. (2023),
    https://arxiv.org/abs/2304.08151.

    Args:
        predictions: `[N, 2 D, K]`: each sample's D means, and then their variances (the noise).
        targets: `[T, 2 D, K]` by the same posterior samples.

    Returns:
        `[N]` float64, in nats; infinite where there is no noise and the samples of two items lie
        on a line.

    Raises:
        InvalidArgumentError: The shapes do not fit together.

    Example:
        >>> item, other = [[-1.0, 1.0], [1.0, 1.0]], [[3.0, 3.0], [1.0, 1.0]]
        >>> gaussian_predictive_information([item, other], [item]).round(6).tolist()
        [0.143841, 0.0]
    """
    p, q = (array.astype(np.float64) for array in _pair(predictions, targets))
    if p.shape[1] % 2:
        raise InvalidArgumentError(
            "Expected `predictions` to be [N, 2 D, K], each sample's means and their variances, "
            f"but got shape {p.shape}."
        )
    (p_means, p_variances), (q_means, q_variances) = _moments(p), _moments(q)
    information = np.zeros(len(p))
    step = max(1, BLOCK_ELEMENTS // (len(q) * p_means.shape[1]))
    for start in range(0, len(p), step):
        items = slice(start, start + step)
        covariance = np.einsum("ndk,tdk->ntd", p_means[items], q_means) / p.shape[-1]
        product = p_variances[items, np.newaxis] * q_variances
        # Where nothing varies there is nothing to tell.
        squared = np.divide(covariance**2, product, out=np.zeros_like(product), where=product != 0)
        with np.errstate(divide="ignore"):
            logs = np.log1p(-np.minimum(squared, 1.0))  # [n, T, D]
        information[items] = -0.5 * logs.mean(axis=1).sum(axis=1)
    return np.maximum(information, 0.0)


def _moments(p: Array) -> tuple[Array, Array]:
    """Centred means `[N, D, K]`, and the total variances `[N, D]`."""
    means, noise = np.split(p, 2, axis=1)
    centred = means - means.mean(axis=-1, keepdims=True)
    return centred, (centred**2).mean(axis=-1) + noise.mean(axis=-1)


def _entropy(p: Array) -> float:
    """The sum of `-p ln p`, with `0 ln 0 = 0`."""
    terms = np.maximum(p, np.finfo(p.dtype).tiny)
    np.log(terms, out=terms)
    terms *= p
    return -float(terms.sum(dtype=np.float64))


def _pair(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[Array, Array]:
    p, q = np.asarray(predictions), np.asarray(targets)
    if p.ndim != 3 or 0 in p.shape[1:] or p.shape[1:] != q.shape[1:] or not len(q):
        raise InvalidArgumentError(
            "Expected predictions and targets to be [N, C, K] and [T, C, K] by the same posterior "
            f"samples, with at least one target, but got shapes {p.shape} and {q.shape}."
        )
    dtype = np.float32 if {p.dtype, q.dtype} <= {np.dtype("f4"), np.dtype("f2")} else np.float64
    return p.astype(dtype, copy=False), q.astype(dtype, copy=False)
