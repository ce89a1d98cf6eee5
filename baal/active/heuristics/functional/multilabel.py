"""Scores of independent labels: each of them a Bernoulli probability, summing to nothing.

Every function takes probabilities `[N, L, ..., K]` with `L` labels and keeps the labels apart. The
entropy of all labels together, which are independent given the model, is the sum of theirs.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.functional import classification
from baal.active.heuristics.functional.sums import checked

__all__ = [
    "label_entropy",
    "label_expected_entropy",
    "label_margin",
    "label_mutual_information",
]

Array = npt.NDArray[Any]


def label_entropy(probabilities: npt.ArrayLike) -> Array:
    r"""Total uncertainty of each label: the entropy of its mean probability.

    $$-\bar p_l \ln \bar p_l - (1 - \bar p_l) \ln (1 - \bar p_l)$$

    Shannon (1948), https://doi.org/10.1002/j.1538-7305.1948.tb01338.x.

    Args:
        probabilities: `[N, L, ..., K]`.

    Returns:
        `[N, L, ...]` float64, in nats, from 0 to ln 2.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no label or no sample.

    Example:
        >>> label_entropy([[[1.0, 0.0], [1.0, 1.0]]]).round(6).tolist()
        [[0.693147, 0.0]]
    """
    return classification.predictive_entropy(_apart(probabilities))


def label_expected_entropy(probabilities: npt.ArrayLike) -> Array:
    r"""Aleatoric uncertainty of each label: the mean over the posterior samples of its entropy.

    $$-\tfrac 1K \sum_k p_{kl} \ln p_{kl} + (1 - p_{kl}) \ln (1 - p_{kl})$$

    Depeweg et al. (2018), https://arxiv.org/abs/1710.07283.

    Args:
        probabilities: `[N, L, ..., K]`.

    Returns:
        `[N, L, ...]` float64, in nats, from 0 to ln 2.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no label or no sample.

    Example:
        >>> label_expected_entropy([[[1.0, 0.0], [0.5, 0.5]]]).round(6).tolist()
        [[0.0, 0.693147]]
    """
    return classification.expected_entropy(_apart(probabilities))


def label_mutual_information(probabilities: npt.ArrayLike) -> Array:
    r"""Epistemic uncertainty of each label (BALD): its entropy less the expected one.

    $$I[y_l;\theta|x] = H[y_l|x] - E_\theta\, H[y_l|x,\theta]$$

    Houlsby et al. (2011), https://arxiv.org/abs/1112.5745.

    Args:
        probabilities: `[N, L, ..., K]`.

    Returns:
        `[N, L, ...]` float64, in nats, from 0 to ln 2. Their sum over the labels bounds from above
        what all labels together tell of the parameters.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no label or no sample.

    Example:
        >>> label_mutual_information([[[1.0, 0.0], [0.5, 0.5]]]).round(6).tolist()
        [[0.693147, 0.0]]
    """
    return classification.mutual_information(_apart(probabilities))


def label_margin(probabilities: npt.ArrayLike) -> Array:
    r"""The lead of each label's likelier outcome over the other; *low* is uncertain.

    $$|2 \bar p_l - 1|$$

    Scheffer et al. (2001), https://doi.org/10.1007/3-540-44816-0_31.

    Args:
        probabilities: `[N, L, ..., K]`.

    Returns:
        `[N, L, ...]` float64, from 0 to 1.

    Raises:
        InvalidArgumentError: Fewer than three dimensions, no label or no sample.

    Example:
        >>> label_margin([[[1.0, 0.0], [0.75, 0.75]]]).tolist()
        [[0.0, 0.5]]
    """
    return classification.margin(_apart(probabilities))


def _apart(probabilities: npt.ArrayLike) -> Array:
    """`[N, L, ..., K]` to `[N, 1, L, ..., K]`: a label is a position with one output column."""
    return np.asarray(checked(probabilities)[:, np.newaxis])
