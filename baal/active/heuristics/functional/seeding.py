"""Batches drawn far apart: k-means++ seeding, on rows that need not be formed."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.functional.distances import FactoredRows

__all__ = ["draw_apart", "k_means_plus_plus"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]
Rng = np.random.Generator | np.random.RandomState


class _Rows(Protocol):
    squares: Array

    def to_item(self, item: int) -> Array: ...


def k_means_plus_plus(
    residuals: Array, embeddings: Array, n: int, rng: Rng
) -> tuple[IntArray, Floats, Floats]:
    r"""Draw items one by one, by their squared distance to the nearest one drawn before.

    $$P(i) \propto \min_{j \in S} |g_i - g_j|^2,\quad g_i = r_i \otimes h_i$$

    The seeding of k-means++ (Arthur & Vassilvitskii 2007,
    https://dl.acm.org/doi/10.5555/1283383.1283494) on gradients of a last layer, which is the
    choice of BADGE (Ash et al. 2020, https://arxiv.org/abs/1906.03671). As in its authors' code,
    the first is not drawn: it is the longest gradient. Gradients `[N, C, D]` are never formed: a
    step costs a product of a matrix `[N, D]` and a vector, and one of `[N, C]`.

    Args:
        residuals: `[N, C]`, float32 or float64.
        embeddings: `[N, D]`, likewise.
        n: How many items to draw; more than N are N.
        rng: Draws, one number an item.

    Returns:
        `(indices [n], gains [n], distances [N])`: in order of selection, the distance of each to
        the nearest one before it (of the first to zero, its length); and the distance of each item
        to the nearest of all. Once every item is a copy of a chosen one, the lowest indices follow.

    Example:
        >>> r, h = np.array([[1.0], [2.0], [2.0]]), np.ones((3, 1))
        >>> indices, gains, _ = k_means_plus_plus(r, h, 3, np.random.default_rng(0))
        >>> indices.tolist(), gains.tolist()
        ([1, 0, 2], [2.0, 1.0, 0.0])
    """
    rows = FactoredRows(residuals, embeddings)
    if not len(embeddings):
        return np.zeros(0, np.int64), rows.squares, rows.squares
    indices, gains, nearest = draw_apart(rows, n, int(np.argmax(rows.squares)), rng)
    return indices, np.sqrt(gains), np.sqrt(nearest)


def draw_apart(
    rows: _Rows, n: int, first: int, rng: Rng, order: IntArray | None = None
) -> tuple[IntArray, Floats, Floats]:
    """Draw rows one by one, by their squared distance to the nearest one drawn before.

    Args:
        rows: N rows that tell distances: `squares` `[N]`, and `to_item(i)` `[N]`.
        n: How many to draw; more than N are N.
        first: What is there at the beginning.
        rng: Draws.
        order: `[N]`, the order in which the items stand in line to be drawn; by default their own.
            With an order that belongs to the items, so does what is drawn.

    Returns:
        `(indices [n], gains [n], nearest [N])`: squared distances, those of the first to zero.

    Example:
        >>> from baal.active.heuristics.functional.distances import CentredRows
        >>> rows = CentredRows(np.array([[0.0], [0.0], [9.0]]))
        >>> draw_apart(rows, 2, 0, np.random.default_rng(0))[0].tolist()
        [0, 2]
    """
    n_items = len(rows.squares)
    n = min(n, n_items)
    nearest = np.full(n_items, np.inf, rows.squares.dtype)
    indices, gains = np.zeros(n, np.int64), np.zeros(n, rows.squares.dtype)
    is_free = np.ones(n_items, dtype=np.bool_)
    for step in range(n):
        winner = first if step == 0 else _draw(nearest, rng, order)
        if not is_free[winner]:  # nothing has a weight any more
            winner = int(np.argmax(is_free))
        indices[step] = winner
        gains[step] = rows.squares[winner] if step == 0 else nearest[winner]
        is_free[winner] = False
        if step == 0 or gains[step] > 0:  # a copy brings nothing closer
            np.minimum(nearest, rows.to_item(winner), out=nearest)
        nearest[winner] = 0
    return indices, gains, nearest


def _draw(weights: Array, rng: Rng, order: IntArray | None) -> int:
    """An item by its weight; any at all where none has one."""
    sums = np.cumsum(weights if order is None else weights[order], dtype=np.float64)
    place = np.searchsorted(sums, rng.random() * sums[-1], side="right")
    place = min(place, np.searchsorted(sums, sums[-1]))  # the last that has a weight
    return int(place if order is None else order[place])
