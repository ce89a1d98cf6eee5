"""Clusters of a pool that depend on nothing but where its items lie."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from baal.active.heuristics.functional.distances import CentredRows
from baal.active.heuristics.functional.seeding import draw_apart

__all__ = ["cluster_means", "k_means"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]

_STEPS = 30
_ROWS = 4096  # averaged in one go


def k_means(embeddings: Array, n_clusters: int, seed: int = 0) -> IntArray:
    """Put each item into one of k clusters, by Lloyd's algorithm from k-means++ seeds.

    At most 30 steps. A cluster that loses all its items takes the one farthest from its centre.
    The seeds are drawn along the items' distances to the mean: so with one `seed` the clusters are
    the same in whatever order the items come, and however the embedding is rotated. Distances are
    computed in blocks, never `[N, k]` at once.

    Args:
        embeddings: `[N, D]`, float32 or float64.
        n_clusters: k. Fewer there are where the pool has fewer distinct items.
        seed: Of the first centres.

    Returns:
        The number of its cluster for each item, `[N]`, from 0 and without gaps.

    Example:
        >>> k_means(np.array([[0.0], [0.1], [9.0]]), 2).tolist() in ([0, 0, 1], [1, 1, 0])
        True
    """
    if not len(embeddings):
        return np.zeros(0, np.int64)
    rows = CentredRows(embeddings)
    order = np.argsort(rows.squares, kind="stable")
    rng = np.random.default_rng(seed)
    first = int(order[rng.integers(len(order))])
    seeds, gains, _ = draw_apart(rows, n_clusters, first, rng, order)
    gains[:1] = 1
    centres = embeddings[seeds[gains > 0]]
    labels = np.full(len(embeddings), -1)
    for _ in range(_STEPS):
        before, labels = labels, _assign(rows, centres)
        if np.array_equal(before, labels):
            break
        centres = cluster_means(embeddings, labels, len(centres))
    return np.unique(labels, return_inverse=True)[1].reshape(-1).astype(np.int64, copy=False)


def _assign(rows: CentredRows, centres: Array) -> IntArray:
    """The nearest centre of each item; none is left without an item while there are enough."""
    labels = np.empty(len(rows.squares), np.int64)
    distances = np.empty_like(rows.squares)
    for part, block in rows.blocks(centres):  # [n, k]
        labels[part] = block.argmin(axis=1)
        distances[part] = np.take_along_axis(block, labels[part, np.newaxis], axis=1)[:, 0]
    sizes = np.bincount(labels, minlength=len(centres))
    for empty in np.flatnonzero(sizes == 0):
        farthest = int(np.argmax(np.where(sizes[labels] > 1, distances, -1)))
        if distances[farthest] <= rows.rounding[farthest]:
            break  # only copies are left
        sizes[labels[farthest]] -= 1
        sizes[empty] += 1
        labels[farthest], distances[farthest] = empty, 0
    return labels


def cluster_means(embeddings: Array, labels: IntArray, n_clusters: int) -> Array:
    """The mean of each cluster.

    Args:
        embeddings: `[N, D]`.
        labels: Each item's cluster, `[N]`.
        n_clusters: k.

    Returns:
        `[k, D]`; of a cluster without items the mean of all.

    Example:
        >>> x = np.array([[0.0], [2.0], [9.0]])
        >>> cluster_means(x, np.array([0, 0, 1]), 2).tolist()
        [[1.0], [9.0]]
    """
    sums = np.zeros((n_clusters, embeddings.shape[1]))
    for start in range(0, len(embeddings), _ROWS):
        block = embeddings[start : start + _ROWS].astype(np.float64)
        index = labels[start : start + _ROWS]
        entries = np.ones(len(block)), (index, np.arange(len(block)))
        sums += csr_matrix(entries, shape=(n_clusters, len(block))) @ block
    sizes = np.bincount(labels, minlength=n_clusters)[:, np.newaxis]
    means = np.where(sizes > 0, sums / np.maximum(sizes, 1), sums.sum(axis=0) / len(labels))
    return means.astype(embeddings.dtype)
