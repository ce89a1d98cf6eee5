"""Distances between rows of a large matrix, by one matrix-vector product each and no copy."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CentredRows"]

Array = npt.NDArray[Any]

_ROWS = 4096  # looked at in one go


class CentredRows:
    """Rows of a matrix, to measure squared Euclidean distances to.

    By |a - b|^2 = |a|^2 - 2 ab + |b|^2, which costs a matrix-vector product for each b. Where the
    rows are far from zero and close to each other, little would be left of it: so lengths and
    products are those of the rows less their mean. The matrix is copied only where its mean is
    farther from zero than any row is from the mean.

    Args:
        rows: `[N, D]`, float32 or float64.

    Attributes:
        squares: Squared distances to the mean, `[N]`.
        rounding: Squared distances that differ by less are equal: what sets them apart is rounding.

    Example:
        >>> rows = CentredRows(np.array([[0.0, 0.0], [3.0, 4.0]]))
        >>> rows.to(np.array([0.0, 0.0])).tolist(), rows.squares.tolist()
        ([0.0, 25.0], [6.25, 6.25])
    """

    def __init__(self, rows: Array) -> None:
        total = rows.sum(axis=0, dtype=np.float64)
        self.mean = (total / max(1, len(rows))).astype(rows.dtype)
        self.squares = np.empty(len(rows), rows.dtype)
        for start in range(0, len(rows), _ROWS):
            block = rows[start : start + _ROWS] - self.mean
            self.squares[start : start + _ROWS] = np.einsum("nd,nd->n", block, block)
        farthest = float(self.squares.max(initial=0.0)) ** 0.5
        shift = float(np.linalg.norm(self.mean))
        if shift > farthest:
            self.rows, self.origin = rows - self.mean, np.zeros_like(self.mean)
            shift = 0.0
        else:
            self.rows, self.origin = rows, self.mean
        self.rounding = 8 * float(np.finfo(rows.dtype).eps) * farthest * (farthest + shift)

    def to(self, point: Array) -> Array:
        """Squared distances of all rows to a point.

        Args:
            point: `[D]`.

        Returns:
            `[N]`, at least 0.
        """
        offset = (point - self.mean).astype(self.rows.dtype, copy=False)
        distances: Array = self.rows @ offset
        distances *= -2
        distances += self.squares
        # What the products have too much, since the rows in them are not centred.
        distances += 2 * self.origin @ offset + offset @ offset
        return np.maximum(distances, 0, out=distances)

    def to_nearest(self, points: Array) -> Array:
        """Squared distances of all rows to the nearest of several points.

        Args:
            points: `[M, D]`.

        Returns:
            `[N]`; infinite where there are no points.
        """
        nearest = np.full(len(self.rows), np.inf, self.rows.dtype)
        if not len(points):
            return nearest
        offsets = (points - self.mean).astype(self.rows.dtype, copy=False)
        squares = np.einsum("md,md->m", offsets, offsets) + 2 * offsets @ self.origin
        step = max(1, _ROWS * 256 // max(1, len(points)))
        for start in range(0, len(self.rows), step):
            products = self.rows[start : start + step] @ offsets.T  # [step, M]
            products *= -2
            products += squares
            nearest[start : start + step] = products.min(axis=1)
        nearest += self.squares
        return np.maximum(nearest, 0, out=nearest)
