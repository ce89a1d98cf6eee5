"""The joint distribution of several items' labels, as weighted configurations.

A *configuration* is one outcome of the labels of the items chosen so far. It is known by two
things: its probability, and what it would teach, that is the posterior weights over the K samples
once these labels were seen. The second is all it takes to predict any further item, so that the
labels themselves need not be kept.

All configurations are kept as long as they fit a budget, and everything is exact. After that some
are drawn, with weights that leave every expectation unbiased.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "Configurations",
    "conditional_gains",
    "extend",
    "no_labels",
    "resample",
    "sample_entropies",
]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]

# So many float32 and their logarithms stay inside a core's caches.
BLOCK_ELEMENTS = 2**17


@dataclass(frozen=True, eq=False)
class Configurations:
    """What the labels of the items chosen so far could be.

    Attributes:
        weights: `[M]`, the probability of each configuration; they sum to one.
        posterior: `[M, K]`, the weights of the posterior samples given each; rows sum to one.

    Example:
        >>> no_labels(4).posterior.tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """

    weights: FloatArray
    posterior: FloatArray
    _by_sample: dict[Any, Array] = field(default_factory=dict, init=False, repr=False)

    def by_sample(self, dtype: Any) -> Array:
        """The posterior weights as `[K, M]`, contiguous; kept, since a choice asks often.

        Args:
            dtype: Of the result.
        """
        if dtype not in self._by_sample:
            self._by_sample[dtype] = np.ascontiguousarray(self.posterior.T, dtype=dtype)
        return self._by_sample[dtype]


def no_labels(n_samples: int) -> Configurations:
    """The one configuration of no label at all: the samples weigh the same.

    Args:
        n_samples: K.

    Returns:
        One configuration.

    Example:
        >>> no_labels(2).weights.tolist()
        [1.0]
    """
    return Configurations(np.ones(1), np.full((1, n_samples), 1 / n_samples))


def extend(
    configurations: Configurations,
    probabilities: Array,
    max_configurations: int,
    rng: np.random.Generator,
) -> Configurations:
    """The configurations once another item has a label too.

    Each is split by the outcomes of the new label, with the probability that it predicts itself
    and the posterior weights of Bayes' rule; outcomes of no probability are left out. Those beyond
    the budget are drawn from, see `resample`.

    Args:
        configurations: Of the items chosen so far.
        probabilities: Predictions on the new item, `[C, K]` with C >= 2.
        max_configurations: How many to keep.
        rng: Where the draws come from.

    Returns:
        At most `max_configurations`; exact if there are no more.

    Example:
        >>> item = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> both = extend(no_labels(2), item, 10, np.random.default_rng(0))
        >>> both.weights.tolist(), both.posterior.tolist()
        ([0.5, 0.5], [[1.0, 0.0], [0.0, 1.0]])
    """
    p = np.maximum(probabilities, 0.0, dtype=np.float64)
    predicted = configurations.posterior @ p.T  # [M, C]
    # By probability, and not by the number of the class: its name has no effect on the draws.
    outcomes = np.argsort(-predicted, axis=1, kind="stable")
    weights = np.take_along_axis(predicted, outcomes, axis=1)
    weights = (configurations.weights[:, np.newaxis] * weights).ravel()  # [M * C]
    possible = np.flatnonzero(weights > 0)
    weights = weights[possible] / weights[possible].sum()
    kept, weights = resample(weights, max_configurations, rng)
    parents, columns = np.divmod(possible[kept], len(p))
    labels = outcomes[parents, columns]
    posterior = configurations.posterior[parents] * p[labels]
    return Configurations(weights, posterior / posterior.sum(axis=1, keepdims=True))


def resample(
    weights: FloatArray, n: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Draw from weighted things so that every weighted sum over them stays unbiased.

    The heaviest keep their place and their weight; the others are drawn in proportion to their
    weights, one from each stratum of equal weight, and share what they weigh together. Where no
    thing weighs more than its parent's stratum, that is one draw for each parent from its own
    predictive distribution. Fearnhead and Clifford (2003), https://doi.org/10.1111/1467-9868.00421.

    Args:
        weights: `[M]`, positive, of sum one.
        n: How many to keep, at least one.
        rng: Where the draws come from.

    Returns:
        Indices in ascending order (one drawn twice comes twice) and their weights: all of them
        unchanged if `M <= n`, else `n`.

    Example:
        >>> resample(np.array([0.9, 0.05, 0.05]), 2, np.random.default_rng(0))
        (array([0, 2]), array([0.9, 0.1]))
    """
    if len(weights) <= n:
        return np.arange(len(weights)), weights
    order = np.argsort(-weights, kind="stable")
    descending = weights[order]
    tails = np.cumsum(descending[::-1])[::-1]  # [M]: what is left from each on
    places = n - np.arange(n)
    # The first that weighs no more than its share of what is left: from it on they are drawn.
    n_heavy = int(np.argmax(descending[:n] * places <= tails[:n]))
    light = np.sort(order[n_heavy:])
    share = tails[n_heavy] / (n - n_heavy)
    bounds = np.cumsum(weights[light]) / share
    strata = np.arange(n - n_heavy) + rng.random(n - n_heavy)
    drawn = light[np.minimum(np.searchsorted(bounds, strata, side="right"), len(light) - 1)]
    kept = np.concatenate([order[:n_heavy], drawn])
    new_weights = np.concatenate([descending[:n_heavy], np.full(n - n_heavy, share)])
    by_place = np.argsort(kept, kind="stable")
    return kept[by_place], new_weights[by_place]


def sample_entropies(probabilities: Array) -> Array:
    """The entropy of each item's label by each posterior sample alone.

    Args:
        probabilities: `[n, C, K]` with C >= 2.

    Returns:
        `[n, K]`, in nats, in the input's precision.

    Example:
        >>> sample_entropies(np.array([[[1.0, 0.5], [0.0, 0.5]]])).round(6).tolist()
        [[0.0, 0.693147]]
    """
    n_items, n_classes, n_samples = probabilities.shape
    entropies = np.empty((n_items, n_samples), probabilities.dtype)
    step = max(1, BLOCK_ELEMENTS // (n_classes * n_samples))
    for start in range(0, n_items, step):
        entropies[start : start + step] = _entropy_sum(probabilities[start : start + step])
    return entropies


def conditional_gains(
    probabilities: Array, entropies: Array, configurations: Configurations
) -> FloatArray:
    r"""What each item's label would still teach once the labels chosen so far are known.

    $$I[y;\theta|Y] = \sum_m w_m \left( H\Big[\sum_k \pi_{mk} p_k\Big]
                     - \sum_k \pi_{mk} H[p_k] \right)$$

    Both terms are averaged with the same posterior weights. Where configurations are drawn, their
    errors cancel and no gain is negative; the mean over all K samples instead of the second term
    would have the same expectation, and noise where nothing is left to learn.

    Args:
        probabilities: `[n, C, K]` with C >= 2; products and logarithms are in its precision, sums
            over configurations in float64.
        entropies: `[n, K]`, the `sample_entropies` of these items.
        configurations: Of the items chosen so far, Y.

    Returns:
        `[n]`, in nats; below zero by no more than rounding.

    Example:
        >>> item = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> known = extend(no_labels(2), item, 10, np.random.default_rng(0))
        >>> for configurations in (no_labels(2), known):  # the first label tells the second
        ...     conditional_gains(item[None], np.zeros((1, 2)), configurations).round(6).tolist()
        [0.693147]
        [0.0]
    """
    n_items, n_classes, n_samples = probabilities.shape
    weights = configurations.weights
    gains = np.asarray(-(entropies @ (weights @ configurations.posterior)))
    posterior = configurations.by_sample(probabilities.dtype)
    step = min(len(weights), max(1, BLOCK_ELEMENTS // n_classes))
    item_step = max(1, BLOCK_ELEMENTS // (n_classes * step))
    for start in range(0, n_items, item_step):
        rows = probabilities[start : start + item_step].reshape(-1, n_samples)
        for first in range(0, len(weights), step):
            q = rows @ posterior[:, first : first + step]  # [n * C, m]
            by_configuration = _entropy_sum(q.reshape(-1, n_classes, q.shape[1]))  # [n, m]
            gains[start : start + item_step] += by_configuration @ weights[first : first + step]
    return gains


def _entropy_sum(p: Array) -> Array:
    """`[n, C, m]` to `[n, m]`: the sum of `-p ln p`, with `0 ln 0 = 0`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(p)
        total = np.einsum("ncm,ncm->nm", p, logs)
        if not np.isfinite(total).all():  # a zero somewhere: its logarithm is to be finite
            np.maximum(logs, np.log(np.finfo(p.dtype).tiny), out=logs)
            total = np.einsum("ncm,ncm->nm", p, logs)
    return np.asarray(0.0 - total)  # 0.0 -: no negative zero
