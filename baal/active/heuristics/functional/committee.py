"""Scores of a committee: each posterior sample is a member with a vote."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.functional.classification import mutual_information, predictive_entropy
from baal.active.heuristics.functional.sums import checked, entropy, with_both_outcomes

__all__ = [
    "mean_kl_to_consensus",
    "mean_standard_deviation",
    "soft_vote_entropy",
    "variation_ratio",
    "vote_entropy",
    "votes",
]

Array = npt.NDArray[Any]


def votes(probabilities: npt.ArrayLike) -> Array:
    """The share of the posterior samples that hold each class for the most probable.

    A sample that holds several classes for equally probable divides its vote among them.

    Args:
        probabilities: `[N, C, ..., K]`.

    Returns:
        `[N, C, ...]` float64, summing to one over the classes (two of them for a single column);
        NaN where a value is not finite.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no class or no sample.

    Example:
        >>> votes([[[0.9, 0.6, 0.2], [0.1, 0.4, 0.8]]]).round(6).tolist()
        [[0.666667, 0.333333]]
    """
    p = with_both_outcomes(checked(probabilities))
    highest = p.max(axis=1, keepdims=True)  # NaN where there is one
    chosen = (p == highest).astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        chosen /= np.where(np.isfinite(highest), chosen.sum(axis=1, keepdims=True), np.nan)
    return np.asarray(chosen.mean(axis=-1, dtype=np.float64))


def variation_ratio(probabilities: npt.ArrayLike) -> Array:
    r"""The share of the posterior samples that do not vote for the class with the most votes.

    $$1 - \max_c V_c$$

    Freeman (1965), Elementary Applied Statistics; with posterior samples Gal (2016), Uncertainty
    in Deep Learning, http://mlg.eng.cam.ac.uk/yarin/thesis/thesis.pdf.

    Args:
        probabilities: `[N, C, ..., K]`.

    Returns:
        `[N, ...]` float64, from 0 to 1 - 1/C.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no class or no sample.

    Example:
        >>> variation_ratio([[[0.9, 0.6, 0.8, 0.2], [0.1, 0.4, 0.2, 0.8]]]).tolist()
        [0.25]
    """
    return np.asarray(1.0 - votes(probabilities).max(axis=1))


def vote_entropy(probabilities: npt.ArrayLike) -> Array:
    r"""Entropy of the votes of the posterior samples (hard votes).

    $$-\sum_c V_c \ln V_c$$

    Dagan and Engelson (1995), https://doi.org/10.1016/B978-1-55860-377-6.50027-X.

    Args:
        probabilities: `[N, C, ..., K]`.

    Returns:
        `[N, ...]` float64, in nats, from 0 to ln C.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no class or no sample.

    Example:
        >>> vote_entropy([[[0.9, 0.4], [0.1, 0.6]]]).round(6).tolist()  # one vote each
        [0.693147]
    """
    return entropy(np.moveaxis(votes(probabilities), 1, 0))


def soft_vote_entropy(probabilities: npt.ArrayLike) -> Array:
    r"""Entropy of the consensus, to which each posterior sample gives its probabilities.

    $$-\sum_c \bar p_c \ln \bar p_c$$

    The same as `predictive_entropy`. Settles (2009), https://minds.wisconsin.edu/handle/1793/60660.

    Args:
        probabilities: `[N, C, ..., K]`.

    Returns:
        `[N, ...]` float64, in nats, from 0 to ln C.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no class or no sample.

    Example:
        >>> soft_vote_entropy([[[0.75, 0.25], [0.25, 0.75]]]).round(6).tolist()
        [0.693147]
    """
    return predictive_entropy(probabilities)


def mean_kl_to_consensus(probabilities: npt.ArrayLike) -> Array:
    r"""How far the posterior samples are from their mean: the mean Kullback-Leibler divergence.

    $$\tfrac 1K \sum_k \sum_c p_{kc} \ln \frac{p_{kc}}{\bar p_c}$$

    McCallum and Nigam (1998), http://www.kamalnigam.com/papers/emactive-icml98.pdf. It equals
    `mutual_information`: the logarithm of the quotient, written as a difference, gives the two
    entropies that BALD takes apart.

    Args:
        probabilities: `[N, C, ..., K]`.

    Returns:
        `[N, ...]` float64, in nats, from 0 to ln C.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no class or no sample.

    Example:
        >>> mean_kl_to_consensus([[[1.0, 0.0], [0.0, 1.0]]]).round(6).tolist()
        [0.693147]
    """
    return mutual_information(probabilities)


def mean_standard_deviation(probabilities: npt.ArrayLike) -> Array:
    r"""The standard deviation over the posterior samples, averaged over the classes.

    $$\tfrac 1C \sum_c \sqrt{\tfrac 1K \sum_k (p_{kc} - \bar p_c)^2}$$

    Kampffmeyer et al. (2016), https://doi.org/10.1109/CVPRW.2016.90.

    Args:
        probabilities: `[N, C, ..., K]`.

    Returns:
        `[N, ...]` float64, from 0 to 1/2.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no class or no sample.

    Example:
        >>> mean_standard_deviation([[[1.0, 0.0], [0.0, 1.0]]]).tolist()
        [0.5]
    """
    p = checked(probabilities)  # of a single column both outcomes deviate alike
    return np.asarray(p.std(axis=-1, dtype=np.float64).mean(axis=1))
