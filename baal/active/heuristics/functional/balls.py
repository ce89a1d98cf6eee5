"""Batches of balls that cover as much of a pool as they can."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.functional.clustering import cluster_means
from baal.active.heuristics.functional.coverage import k_center
from baal.active.heuristics.functional.distances import CentredRows, lowest_of_the_highest

__all__ = ["ball_cover", "cluster_spread", "pure_radius"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]

_POINTS = 2048  # looked at in one go
_SAMPLE = 2000  # items that the radius is estimated by


def ball_cover(
    embeddings: Array, n: int, radius: float, covered: Array | None = None
) -> tuple[IntArray, Floats, Floats]:
    r"""Choose items one by one, each of them with the most uncovered items around it.

    $$i_b = \arg\max_i |\{j: |x_i - x_j| \leq r\} \setminus
    \bigcup_{s \in S} \{j: |x_s - x_j| \leq r\}|$$

    ProbCover, Yehuda et al. (2022), https://arxiv.org/abs/2205.11320. The greedy choice covers at
    least 1 - 1/e of what the best n balls can cover. Of items with as many around them the one
    nearest to the mean is taken. Once all is covered, the others follow by k-center.

    No graph is kept: an item's neighbours are looked up when it is covered, which happens once. So
    the memory is that of a block, and the time at most that of all distances twice.

    Args:
        embeddings: `[N, D]`, float32 or float64.
        n: How many items to choose; more than N are N.
        radius: r, in the units of the embeddings.
        covered: `[M, D]`, points with a ball around them already, such as labelled items.

    Returns:
        `(indices [n], gains [n], rest [N])`: in order of selection, how many items each of them
        newly covered; and how many more each item of the pool could still cover.

    Example:
        >>> x = np.array([[0.0], [1.0], [2.0], [7.0], [8.0]])
        >>> indices, gains, rest = ball_cover(x, 1, radius=1.0)
        >>> indices.tolist(), gains.tolist(), rest.tolist()
        ([1], [3.0], [0.0, 0.0, 0.0, 2.0, 2.0])
    """
    rows = CentredRows(embeddings)
    n = min(n, len(embeddings))
    # Of the item that a ball may hold, whatever item is in its middle.
    limits = rows.rounding_at(np.full_like(rows.squares, radius**2)) + radius**2
    covered = embeddings[:0] if covered is None else covered
    is_open = rows.to_nearest(covered) > limits
    degrees = _count(rows, embeddings, np.flatnonzero(is_open), limits)
    is_free = np.ones(len(embeddings), dtype=np.bool_)
    indices, gains = np.zeros(n, np.int64), np.zeros(n)
    step = 0
    while step < n and is_open.any():
        best = is_free & (degrees == degrees[is_free].max())
        winner = lowest_of_the_highest(-rows.squares, rows.rounding, best)
        newly = is_open & (rows.to(embeddings[winner]) <= limits)
        newly[winner] = is_open[winner]  # whatever rounding says
        indices[step], gains[step] = winner, newly.sum()
        is_open &= ~newly
        is_free[winner] = False
        degrees -= _count(rows, embeddings, np.flatnonzero(newly), limits)
        step += 1
    if step < n:
        centres = np.concatenate([covered, embeddings[indices[:step]]])
        others = np.flatnonzero(is_free)
        indices[step:] = others[k_center(embeddings[others], n - step, centres)[0]]
    return indices, gains, degrees.astype(np.float64)


def _count(rows: CentredRows, embeddings: Array, items: IntArray, limits: Array) -> IntArray:
    """How many of some items each row has around it, `[N]`."""
    counts = np.zeros(len(embeddings), np.int64)
    for start in range(0, len(items), _POINTS):
        some = items[start : start + _POINTS]
        for part, distances in rows.blocks(embeddings[some]):
            counts[part] += np.count_nonzero(distances <= limits[some], axis=1)
    return counts


def pure_radius(embeddings: Array, labels: IntArray, purity: float = 0.95) -> float:
    """The largest radius of balls of which nearly all hold items of one class alone.

    As in ProbCover (Yehuda et al. 2022, https://arxiv.org/abs/2205.11320). A ball is pure while it
    ends before the nearest item of another class: so the radius is a quantile of the distances to
    those.

    Args:
        embeddings: `[N, D]`, float32 or float64. Of more than 2,000 items as many are looked at,
            evenly spaced by their distance to the mean.
        labels: Each item's class, `[N]`; where nobody knows it, its cluster (`k_means`).
        purity: The share of balls that are to be pure.

    Returns:
        The radius, in the units of the embeddings. With a single class: the distance of the
        farthest item to the mean.

    Example:
        >>> pure_radius(np.array([[0.0], [1.0], [5.0], [6.0]]), np.array([0, 0, 1, 1]))
        4.0
    """
    rows = CentredRows(embeddings)
    if not len(labels) or (labels == labels[0]).all():
        return math.sqrt(rows.squares.max(initial=0.0))
    order = np.argsort(rows.squares, kind="stable")
    places = np.linspace(0, len(order) - 1, min(_SAMPLE, len(order))).round().astype(np.int64)
    nearest = [
        _to_other_classes(rows, embeddings, labels, order[places[start : start + _POINTS]])
        for start in range(0, len(places), _POINTS)
    ]
    n_impure = min(int((1 - purity) * len(places) + 1e-9), len(places) - 1)
    return math.sqrt(np.sort(np.concatenate(nearest))[n_impure])


def cluster_spread(embeddings: Array, labels: IntArray) -> float:
    """How far items are from the mean of their cluster: the root of the mean squared distance.

    Args:
        embeddings: `[N, D]`, float32 or float64.
        labels: Each item's cluster, `[N]`, from 0.

    Returns:
        The distance, in the units of the embeddings.

    Example:
        >>> cluster_spread(np.array([[0.0], [2.0], [9.0], [11.0]]), np.array([0, 0, 1, 1]))
        1.0
    """
    if not len(labels):
        return 0.0
    rows = CentredRows(embeddings)
    sizes = np.bincount(labels)
    offsets = cluster_means(embeddings, labels, len(sizes)) - rows.mean
    between = sizes @ np.einsum("kd,kd->k", offsets, offsets) / len(labels)
    return math.sqrt(max(0.0, rows.squares.mean(dtype=np.float64) - between))


def _to_other_classes(
    rows: CentredRows, embeddings: Array, labels: IntArray, items: IntArray
) -> Array:
    """Squared distances of some items to the nearest one that is not of their class."""
    nearest = np.full(len(items), np.inf, embeddings.dtype)
    for part, distances in rows.blocks(embeddings[items]):  # [n, m]
        distances[labels[part, np.newaxis] == labels[items]] = np.inf
        np.minimum(nearest, distances.min(axis=0), out=nearest)
    return nearest
