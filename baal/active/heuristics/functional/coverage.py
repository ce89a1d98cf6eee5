"""Batches that cover a pool, whatever the model predicts."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.functional.distances import CentredRows, lowest_of_the_highest

__all__ = ["k_center"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]


def k_center(
    embeddings: Array, n: int, covered: Array | None = None
) -> tuple[IntArray, Floats, Floats]:
    r"""Choose items one by one, each of them the farthest from all that is chosen or covered.

    $$i_b = \arg\max_i \min_{j \in S} |x_i - x_j|$$

    The covering radius, that is the distance of the farthest item to the nearest of S, is at most
    twice the smallest that n items can have (Gonzalez 1985,
    https://doi.org/10.1016/0304-3975(85)90224-5). As core-set for active learning: Sener & Savarese
    (2018), https://arxiv.org/abs/1708.00489. One matrix-vector product a step.

    Args:
        embeddings: `[N, D]`, float32 or float64.
        n: How many items to choose; more than N are N.
        covered: `[M, D]`, points that are covered already, such as labelled items. Without any, the
            first is the item nearest to the mean.

    Returns:
        `(indices [n], gains [n], distances [N])`: in order of selection, the distance of each to
        what was there before it (of the first where nothing was: to the farthest item); and the
        distance of each item of the pool to the nearest of all.

    Example:
        >>> x = np.array([[0.0], [1.0], [5.0], [9.0]])
        >>> indices, gains, distances = k_center(x, 2, covered=np.array([[0.5]]))
        >>> indices.tolist(), gains.tolist(), distances.tolist()
        ([3, 2], [8.5, 4.0], [0.5, 0.5, 0.0, 0.0])
    """
    rows = CentredRows(embeddings)
    n = min(n, len(embeddings))
    nearest = rows.to_nearest(embeddings[:0] if covered is None else covered)
    is_free = np.ones(len(embeddings), dtype=np.bool_)
    indices, gains = np.zeros(n, np.int64), np.zeros(n, embeddings.dtype)
    for step in range(n):
        if np.isinf(nearest[0]):  # nothing is covered yet
            winner = lowest_of_the_highest(-rows.squares, rows.rounding)
            gains[step] = rows.to(embeddings[winner]).max()
        else:
            winner = lowest_of_the_highest(nearest, rows.rounding_at(nearest), is_free)
            gains[step] = nearest[winner]
        indices[step] = winner
        is_free[winner] = False
        np.minimum(nearest, rows.to(embeddings[winner]), out=nearest)
        nearest[winner] = 0
    return indices, np.sqrt(gains), np.sqrt(nearest)
