"""How alike items are, from 0 to 1, and how alike an item is to all others."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.functional.distances import CentredRows, lowest_of_the_highest

__all__ = ["Kind", "Similarity", "ranked_batch"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]
Kind = Literal["cosine", "rbf"]
"""By the cosine of two embeddings, or by their distance."""

_POINTS = 2048  # looked at in one go


class Similarity:
    r"""Similarities between items, from 0 to 1, as a function of squared distances.

    Cosine: `(1 + cos) / 2`, which is `1 - d^2 / 4` for rows of length one. RBF:
    `exp(-d^2 / (2 s^2))`, where `s` is by default the root of the mean squared distance to the
    mean.

    Args:
        embeddings: `[N, D]`, float32 or float64. A row of zeros keeps its length of zero.
        kind: "cosine" or "rbf".
        scale: `s`, in the units of the embeddings; for "rbf" alone.

    Attributes:
        points: What distances are measured between: the embeddings, for the cosine on the sphere.
        rows: The same, to measure distances to.

    Example:
        >>> similarity = Similarity(np.array([[1.0, 0.0], [0.0, 2.0]]), "cosine")
        >>> similarity.to_item(0).tolist(), similarity.mean().tolist()
        ([1.0, 0.5], [0.75, 0.75])
    """

    def __init__(self, embeddings: Array, kind: Kind, scale: float | None = None) -> None:
        self.kind = kind
        self.points = self._placed(embeddings)
        self.rows = CentredRows(self.points)
        if scale is None:
            scale = float(self.rows.squares.mean(dtype=np.float64)) ** 0.5 if len(embeddings) else 0
        self._scale = scale or 1.0  # with all items equal any will do

    def to_item(self, item: int) -> Array:
        """Similarities of all items to one of them.

        Args:
            item: Which.

        Returns:
            `[N]`.
        """
        return self._similar(self.rows.to_item(item))

    def to_nearest(self, points: Array) -> Array:
        """Similarities of all items to the most similar of several points.

        Args:
            points: `[M, D]`.

        Returns:
            `[N]`; 0 where there are no points.
        """
        if not len(points):
            return np.zeros(len(self.points), self.points.dtype)
        return self._similar(self.rows.to_nearest(self._placed(points)))

    def mean(self, items: IntArray | None = None) -> Floats:
        """The mean similarity of each item to all of them, itself included.

        For the cosine in one pass, by the mean of the rows; for RBF by all distances, in blocks.

        Args:
            items: `[n]`, to these instead of all; not looked at where one pass is enough.

        Returns:
            `[N]` float64.
        """
        rows = self.rows
        if self.kind == "cosine":  # mean |x - y|^2 = |x - mean|^2 + mean |y - mean|^2
            squares = rows.squares.astype(np.float64)
            return np.asarray(1 - (squares + squares.sum() / max(1, len(squares))) / 4)
        items = np.arange(len(self.points)) if items is None else items
        sums = np.zeros(len(self.points))
        for start in range(0, len(items), _POINTS):
            for part, distances in rows.blocks(self.points[items[start : start + _POINTS]]):
                sums[part] += self._similar(distances).sum(axis=1, dtype=np.float64)
        return sums / max(1, len(items))

    def _placed(self, points: Array) -> Array:
        """Where distances are measured: for the cosine on the unit sphere."""
        if self.kind == "rbf":
            return points
        lengths = np.sqrt(np.einsum("nd,nd->n", points, points))
        return np.asarray(points / np.where(lengths > 0, lengths, 1)[:, np.newaxis])

    def _similar(self, squares: Array) -> Array:
        """Squared distances to similarities, in their place."""
        if self.kind == "rbf":
            squares *= -0.5 / self._scale**2
            return np.exp(squares, out=squares)
        squares *= -0.25
        squares += 1
        return np.maximum(squares, 0, out=squares)


def ranked_batch(
    similarity: Similarity, uncertainties: Array, n: int, labelled: Array
) -> tuple[IntArray, Floats, Floats]:
    r"""Choose items one by one, by how unlike they are to what is labelled, and how uncertain.

    $$s_i = \alpha\, (1 - \max_{j \in L} \phi(x_i, x_j)) + (1 - \alpha)\, u_i,\quad
    \alpha = \frac{|U|}{|U| + |L|}$$

    Cardoso et al. (2017), https://doi.org/10.1016/j.ins.2016.10.037. A chosen item leaves the
    unlabelled ones U and joins the labelled ones L. So similarity counts for most as long as
    little is labelled, and uncertainty later on. Where nothing is labelled, the first is the item
    that is nearest to the mean.

    Args:
        similarity: Of the pool's N items.
        uncertainties: u, `[N]`, from 0 to 1.
        n: How many items to choose; more than N are N.
        labelled: `[M, D]`.

    Returns:
        `(indices [n], gains [n], rest [N])`: in order of selection, the score of each when it was
        chosen; and the scores of all in the end.

    Example:
        >>> alike = Similarity(np.array([[0.0], [0.1], [5.0]]), "rbf", scale=1.0)
        >>> ranked_batch(alike, np.array([0.5, 1.0, 0.0]), 2, np.zeros((0, 1)))[0].tolist()
        [1, 2]
    """
    n_items, n_labelled = len(uncertainties), len(labelled)
    n = min(n, n_items)
    nearest = similarity.to_nearest(labelled).astype(np.float64)
    is_free = np.ones(n_items, dtype=np.bool_)
    indices, gains = np.zeros(n, np.int64), np.zeros(n)
    rounding = 8 * float(np.finfo(similarity.points.dtype).eps)

    def scores(n_chosen: int) -> Floats:
        alpha = (n_items - n_chosen) / max(1, n_items + n_labelled)
        return np.asarray(alpha * (1 - nearest) + (1 - alpha) * uncertainties)

    for step in range(n):
        values = scores(step)
        winner = lowest_of_the_highest(values, rounding, is_free)
        if step == n_labelled == 0:
            winner = lowest_of_the_highest(-similarity.rows.squares, similarity.rows.rounding)
        indices[step], gains[step] = winner, values[winner]
        is_free[winner] = False
        np.maximum(nearest, similarity.to_item(winner), out=nearest)
    return indices, gains, scores(n)
