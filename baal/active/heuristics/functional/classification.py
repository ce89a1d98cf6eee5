"""Scores of class probabilities."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.functional.sums import (
    checked,
    entropy,
    mean_entropy,
    mean_over_samples,
    with_both_outcomes,
)

__all__ = [
    "certainty",
    "expected_entropy",
    "margin",
    "mutual_information",
    "predictive_entropy",
]

Array = npt.NDArray[Any]

# Below this part of the entropy, mutual information in float32 is mostly rounding.
CLOSE = 2.0**-10
# So many values are then computed again at a time: in float64 they take a multiple of the memory.
AT_ONCE = 2**15


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
    p = checked(probabilities)
    return entropy(with_both_outcomes(mean_over_samples(p), axis=0))


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
    p = with_both_outcomes(checked(probabilities))
    return mean_entropy(p)


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
    p = with_both_outcomes(checked(probabilities))
    total = entropy(mean_over_samples(p))
    information = total - mean_entropy(p)
    if p.dtype == np.float32:
        # Where the two are almost equal float32 would leave nothing but its rounding.
        places = np.nonzero(information < CLOSE * total)
        columns = np.moveaxis(p, 1, -2)  # [N, ..., C, K]
        step = max(1, AT_ONCE // (p.shape[1] * p.shape[-1]))
        for start in range(0, len(places[0]), step):
            some = tuple(place[start : start + step] for place in places)
            information[some] = _mean_divergence(columns[some].astype(np.float64))
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
    p = with_both_outcomes(mean_over_samples(checked(probabilities)), axis=0)  # [C, N, ...]
    first, second = _two_highest(p)
    with np.errstate(invalid="ignore"):  # inf - inf: a broken item
        return np.asarray(first.astype(np.float64) - second)


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
    p = with_both_outcomes(mean_over_samples(checked(probabilities)), axis=0)
    return np.asarray(p.max(axis=0).astype(np.float64))


def _two_highest(first: Array) -> tuple[Array, Array]:
    """Of `[C, N, ...]`, which is overwritten, to `[N, ...]` each; NaN where there is one.

    A knock-out tournament of the classes: rows of items meet, which is faster than sorting columns.
    """
    second = np.full_like(first, -np.inf)
    n_left = len(first)
    while n_left > 1:
        n_pairs = n_left // 2
        n_next = n_left - n_pairs  # the one in the middle of an odd number waits
        lower = np.minimum(first[:n_pairs], first[n_next:n_left])
        for best in (first, second):
            np.maximum(best[:n_pairs], best[n_next:n_left], out=best[:n_pairs])
        np.maximum(second[:n_pairs], lower, out=second[:n_pairs])
        n_left = n_next
    return first[0], second[0]


def _mean_divergence(p: Array) -> Array:
    """Mutual information of `[M, C, K]` term by term: where samples are equal each term is 0."""
    tiny = np.finfo(p.dtype).tiny
    mean = mean_over_samples(p).T[..., np.newaxis]
    terms = np.log(np.maximum(p, tiny)) - np.log(np.maximum(mean, tiny))
    terms *= p
    return np.asarray(terms.sum(axis=(1, 2)) / p.shape[-1])
