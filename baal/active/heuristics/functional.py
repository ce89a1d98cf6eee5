"""The scores as pure functions on probabilities, exact in what they compute and free of guesses.

Every function takes probabilities `[N, C, ..., K]` (items, classes, further output dimensions,
posterior samples) and reduces the axes of classes and samples. A single class is a Bernoulli
probability: it stands for two outcomes, `p` and `1 - p`. Entropies are in nats.

Logarithms are taken in the precision of the input (float32 for half precision), sums in float64:
samples that are all alike then have a mutual information of zero, and not of float32's rounding.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError

__all__ = [
    "certainty",
    "expected_entropy",
    "margin",
    "mutual_information",
    "predictive_entropy",
    "variance",
]

Array = npt.NDArray[Any]


def predictive_entropy(probabilities: npt.ArrayLike) -> Array:
    r"""Total uncertainty: the entropy of the mean prediction.

    $$H[y|x] = -\sum_c \bar p_c \ln \bar p_c, \qquad \bar p = \tfrac 1K \sum_k p_k$$

    Shannon (1948), https://doi.org/10.1002/j.1538-7305.1948.tb01338.x; as an acquisition function
    Settles (2009), https://minds.wisconsin.edu/handle/1793/60660.

    Args:
        probabilities: `[N, C, ..., K]`.

    Returns:
        `[N, ...]` float64, in nats, from 0 to ln C.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no class or no sample.

    Example:
        >>> predictive_entropy([[[1.0, 0.0], [0.0, 1.0]]]).round(6).tolist()  # ln 2
        [0.693147]
    """
    p = _as_probabilities(probabilities)
    return _entropy_sum(_with_both_outcomes(_mean_over_samples(p)), (1,))


def expected_entropy(probabilities: npt.ArrayLike) -> Array:
    r"""Aleatoric uncertainty: the mean over the posterior samples of each one's entropy.

    $$E_\theta\, H[y|x,\theta] = -\tfrac 1K \sum_k \sum_c p_{kc} \ln p_{kc}$$

    Depeweg et al. (2018), https://arxiv.org/abs/1710.07283.

    Args:
        probabilities: `[N, C, ..., K]`.

    Returns:
        `[N, ...]` float64, in nats, from 0 to ln C.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no class or no sample.

    Example:
        >>> expected_entropy([[[1.0, 0.0], [0.0, 1.0]]]).tolist()  # each sample is certain
        [0.0]
    """
    p = _with_both_outcomes(_as_probabilities(probabilities))
    return np.asarray(_entropy_sum(p, (1, -1)) / p.shape[-1])


def mutual_information(probabilities: npt.ArrayLike) -> Array:
    r"""Epistemic uncertainty (BALD): what the label would tell about the model's parameters.

    $$I[y;\theta|x] = H[y|x] - E_\theta\, H[y|x,\theta]$$

    Houlsby et al. (2011), https://arxiv.org/abs/1112.5745; with posterior samples of a network
    Gal et al. (2017), https://arxiv.org/abs/1703.02910.

    Args:
        probabilities: `[N, C, ..., K]`.

    Returns:
        `[N, ...]` float64, in nats, from 0 to ln C.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no class or no sample.

    Example:
        >>> mutual_information([[[1.0, 0.0], [0.0, 1.0]]]).round(6).tolist()  # samples disagree
        [0.693147]
        >>> mutual_information([[[0.5, 0.5], [0.5, 0.5]]]).tolist()  # they agree on not knowing
        [0.0]
    """
    information = predictive_entropy(probabilities) - expected_entropy(probabilities)
    return np.asarray(np.maximum(information, 0.0))  # never negative, but for rounding


def margin(probabilities: npt.ArrayLike) -> Array:
    r"""The mean prediction's lead of the first class over the second; *low* is uncertain.

    $$\bar p_{(1)} - \bar p_{(2)}$$

    Scheffer et al. (2001), https://doi.org/10.1007/3-540-44816-0_31.

    Args:
        probabilities: `[N, C, ..., K]`.

    Returns:
        `[N, ...]` float64, from 0 to 1.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no class or no sample.

    Example:
        >>> margin([[[0.5], [0.25], [0.25]]]).tolist()
        [0.25]
    """
    p = _with_both_outcomes(_mean_over_samples(_as_probabilities(probabilities)))
    best = np.partition(p.astype(np.float64), -2, axis=1)  # [N, C, ...]; NaN goes last
    return np.asarray(best[:, -1] - best[:, -2])


def certainty(probabilities: npt.ArrayLike) -> Array:
    r"""The mean prediction's highest probability (least confidence); *low* is uncertain.

    $$\max_c \bar p_c$$

    Lewis and Gale (1994), https://arxiv.org/abs/cmp-lg/9407020.

    Args:
        probabilities: `[N, C, ..., K]`.

    Returns:
        `[N, ...]` float64, from 1/C to 1.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no class or no sample.

    Example:
        >>> certainty([[[0.5, 0.75], [0.5, 0.25]]]).tolist()
        [0.625]
    """
    p = _with_both_outcomes(_mean_over_samples(_as_probabilities(probabilities)))
    return np.asarray(p.max(axis=1).astype(np.float64))


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
    return np.asarray(_as_probabilities(outputs).var(axis=-1, dtype=np.float64))


def _as_probabilities(values: npt.ArrayLike) -> Array:
    """The array in float32 or float64, its shape checked: `[N, C, ..., K]`."""
    array = np.asarray(values)
    if array.ndim < 3 or 0 in array.shape[1:]:
        raise InvalidArgumentError(
            "Expected `probabilities` to be [N, C, ..., K] with at least one class and one "
            f"posterior sample, but got shape {array.shape}."
        )
    if array.dtype == np.float32:
        return array
    return array.astype(np.float32 if array.dtype == np.float16 else np.float64, copy=False)


def _mean_over_samples(p: Array) -> Array:
    """`[N, C, ..., K]` to `[N, C, ...]`, summed in float64 and rounded once."""
    # With the samples summed in float64, the mean of equal values is exactly that value.
    mean = np.einsum("...k->...", p.astype(np.float64, copy=False)) / p.shape[-1]
    return np.asarray(mean.astype(p.dtype, copy=False))


def _with_both_outcomes(p: Array) -> Array:
    """`[N, 1, ...]` to `[N, 2, ...]`, a Bernoulli's two outcomes; more classes stay as they are."""
    return np.concatenate([p, 1 - p], axis=1) if p.shape[1] == 1 else p


def _entropy_sum(p: Array, axes: tuple[int, ...]) -> Array:
    """Sum of `-p ln p` over axes, with `0 ln 0 = 0`."""
    terms = np.maximum(p, np.finfo(p.dtype).tiny)  # ln of it is finite, and 0 times it is 0
    np.log(terms, out=terms)
    terms *= p
    return np.asarray(0.0 - terms.sum(axis=axes, dtype=np.float64))  # 0.0 -: no negative zero
