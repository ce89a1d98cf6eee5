"""Batches of typical items: from dense places, each from a cluster of its own."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.functional.clustering import k_means
from baal.active.heuristics.functional.distances import CentredRows

__all__ = ["neighbour_distances", "typical_of_clusters"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]

_SMALL = 5  # a cluster of as many items or fewer is one of outliers


def neighbour_distances(embeddings: Array, n_neighbours: int) -> Floats:
    r"""The mean distance of each item to its nearest neighbours: short for what is typical.

    $$\frac{1}{k} \sum_{j \in \mathrm{kNN}(i)} |x_i - x_j|$$

    Typicality is its inverse (Hacohen et al. 2022, https://arxiv.org/abs/2202.02794).

    Args:
        embeddings: `[N, D]`, float32 or float64.
        n_neighbours: k; more than N - 1 are N - 1.

    Returns:
        `[N]`; 0 where there are no neighbours.

    Example:
        >>> neighbour_distances(np.array([[0.0], [1.0], [5.0]]), 1).tolist()
        [1.0, 1.0, 4.0]
    """
    k = min(n_neighbours, len(embeddings) - 1)
    means = np.zeros(len(embeddings), embeddings.dtype)
    if k < 1:
        return means
    for part, distances in CentredRows(embeddings).blocks(embeddings):  # [n, N]
        own = np.arange(part.start, part.start + len(distances))
        distances[np.arange(len(own)), own] = np.inf
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        # Once more from the differences: what is left of near ones is rounding otherwise.
        offsets = embeddings[nearest] - embeddings[own][:, np.newaxis]  # [n, k, D]
        means[part] = np.sqrt(np.einsum("nkd,nkd->nk", offsets, offsets)).mean(axis=1)
    return means


def typical_of_clusters(
    embeddings: Array,
    n: int,
    labelled: Array | None = None,
    *,
    max_clusters: int = 500,
    n_neighbours: int = 20,
    seed: int = 0,
) -> tuple[IntArray, Floats, Floats]:
    """Choose the most typical item of each of the largest clusters that has no label yet.

    TypiClust, Hacohen et al. (2022), https://arxiv.org/abs/2202.02794. The pool and the M labelled
    items are put into M + n clusters by k-means, so that at least n of them hold no labelled item.
    They come in the order of their size, those of 5 items or fewer at the end, and clusters that
    hold labelled items after them. (The authors leave small clusters out, and go through the others
    once more.) Neighbours are those in the cluster and the pool.

    Args:
        embeddings: `[N, D]`, float32 or float64.
        n: How many items to choose; more than N are N.
        labelled: `[M, D]`.
        max_clusters: There are not more of them. Where that is fewer than it takes, clusters are
            gone through again, for the next typical item of each.
        n_neighbours: Whose mean distance is looked at; fewer in a cluster that is smaller.
        seed: Of the clusters.

    Returns:
        `(indices [n], gains [n], scores [N])`: in order of selection; the gains are the scores of
        those, and scores are minus the mean distance to the neighbours. An item that is alone in
        its cluster has minus its distance to the mean of the pool.

    Example:
        >>> x = np.array([[0.0], [0.4], [1.0], [9.0], [9.1]])
        >>> typical_of_clusters(x, 2)[0].tolist()
        [1, 3]
    """
    n, n_labelled = min(n, len(embeddings)), 0 if labelled is None else len(labelled)
    everything = np.concatenate([labelled, embeddings]) if n_labelled else embeddings
    labels = k_means(everything, min(max(n, 1) + n_labelled, max_clusters), seed)
    sizes = np.bincount(labels, minlength=1)
    n_known = np.bincount(labels[:n_labelled], minlength=len(sizes))
    members = _members(labels[n_labelled:], len(sizes))
    scores = _scores(embeddings, members, n_neighbours)
    queues = [
        members[cluster][np.argsort(-scores[members[cluster]], kind="stable")]
        for cluster in np.lexsort((-sizes, sizes <= _SMALL, n_known))
    ]
    # The best of each cluster in turn, and then the second best of each.
    turn = np.concatenate([np.arange(len(queue)) for queue in queues])
    indices = np.concatenate(queues)[np.argsort(turn, kind="stable")][:n]
    return indices, scores[indices], scores


def _members(labels: IntArray, n_clusters: int) -> list[IntArray]:
    """The items of each cluster, in their order."""
    sizes = np.bincount(labels, minlength=n_clusters)
    return np.split(np.argsort(labels, kind="stable"), np.cumsum(sizes)[:-1])


def _scores(embeddings: Array, members: list[IntArray], n_neighbours: int) -> Floats:
    scores = np.empty(len(embeddings), embeddings.dtype)
    for items in members:
        scores[items] = -neighbour_distances(embeddings[items], n_neighbours)
    alone = [items[0] for items in members if len(items) == 1]
    if alone:
        mean = embeddings.mean(axis=0, dtype=np.float64)
        scores[alone] = -np.linalg.norm(embeddings[alone] - mean, axis=1)
    return scores
