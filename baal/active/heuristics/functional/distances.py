"""Distances between rows of a large matrix, by few matrix-vector products each and no copy."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CentredRows", "FactoredRows", "lowest_of_the_highest"]

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
        rounding: What rounding does to the squared distance of each row to its copies, `[N]`.

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
        # For each row by itself: one that is far from all others must not make these equal.
        self._lengths = np.sqrt(self.squares)
        self._shift = rows.dtype.type(shift)
        self.rounding = self.rounding_at(np.zeros_like(self.squares))

    def rounding_at(self, distances: Array) -> Array:
        """What rounding may have done to squared distances.

        Args:
            distances: One for each row, `[N]`.

        Returns:
            `[N]`.
        """
        reach = self._lengths + np.sqrt(distances)  # no less than the length of the point
        eps = reach.dtype.type(8 * np.finfo(reach.dtype).eps)
        return np.asarray(eps * reach * (reach + self._shift))

    def to(self, point: Array) -> Array:
        """Squared distances of all rows to a point.

        Args:
            point: `[D]`.

        Returns:
            `[N]`, at least 0.
        """
        return self._to_offset((point - self.mean).astype(self.rows.dtype, copy=False))

    def to_item(self, item: int) -> Array:
        """Squared distances of all rows to one of them.

        Args:
            item: Which.

        Returns:
            `[N]`, at least 0; 0 to itself and to its copies.
        """
        distances = self._to_offset(self.rows[item] - self.origin)
        distances[distances <= self.rounding] = 0
        return distances

    def to_nearest(self, points: Array) -> Array:
        """Squared distances of all rows to the nearest of several points.

        Args:
            points: `[M, D]`.

        Returns:
            `[N]`; infinite where there are no points.
        """
        nearest = np.full(len(self.rows), np.inf, self.rows.dtype)
        if len(points):
            for part, distances in self.blocks(points):
                distances.min(axis=1, out=nearest[part])
        return nearest

    def blocks(self, points: Array) -> Iterator[tuple[slice, Array]]:
        """Squared distances of some rows after the other to several points.

        Args:
            points: `[M, D]`.

        Yields:
            Which rows, and `[n, M]`, at least 0. It may be written to.
        """
        offsets = (points - self.mean).astype(self.rows.dtype, copy=False)
        squares = np.einsum("md,md->m", offsets, offsets) + 2 * offsets @ self.origin
        step = max(1, _ROWS * 256 // max(1, len(points)))
        for start in range(0, len(self.rows), step):
            part = slice(start, start + step)
            distances = self.rows[part] @ offsets.T
            distances *= -2
            distances += squares
            distances += self.squares[part, np.newaxis]
            yield part, np.maximum(distances, 0, out=distances)

    def _to_offset(self, offset: Array) -> Array:
        distances: Array = self.rows @ offset
        distances *= -2
        distances += self.squares
        # What the products have too much, since the rows in them are not centred.
        distances += 2 * self.origin @ offset + offset @ offset
        return np.maximum(distances, 0, out=distances)


class FactoredRows:
    """Outer products, one for each item, to measure squared distances between without forming them.

    The product of `r` `[C]` and `h` `[D]` is a row of C D numbers. Lengths and products of such
    rows are those of their factors, multiplied: |r h|^2 = |r|^2 |h|^2 and <r h, s k> = <r, s> <h,
    k>. So the distances to one of them cost a product with a matrix `[N, C]` and one with `[N, D]`.

    Args:
        left: `[N, C]`, float32 or float64.
        right: `[N, D]`, likewise.

    Attributes:
        squares: Squared lengths, `[N]`.

    Example:
        >>> rows = FactoredRows(np.array([[1.0], [-1.0]]), np.array([[3.0, 4.0], [3.0, 4.0]]))
        >>> rows.squares.tolist(), rows.to_item(0).tolist()
        ([25.0, 25.0], [0.0, 100.0])
    """

    def __init__(self, left: Array, right: Array) -> None:
        self.left, self.right = left.astype(right.dtype, copy=False), right
        self.squares = np.einsum("nc,nc->n", self.left, self.left)
        self.squares *= np.einsum("nd,nd->n", right, right)
        self._rounding = 8 * np.finfo(right.dtype).eps

    def to_item(self, item: int) -> Array:
        """Squared distances of all rows to one of them.

        Args:
            item: Which.

        Returns:
            `[N]`, at least 0; 0 to itself and to its copies.
        """
        distances: Array = self.right @ self.right[item]
        distances *= self.left @ self.left[item]
        distances *= -2
        lengths = self.squares + self.squares[item]
        distances += lengths
        # Of two rows that are equal only rounding is left, which must not count as a distance.
        lengths *= self._rounding
        distances[distances <= lengths] = 0
        return distances


def lowest_of_the_highest(
    values: Array, rounding: float | Array = 0.0, among: npt.NDArray[np.bool_] | None = None
) -> int:
    """The first of the largest values.

    Args:
        values: `[N]`.
        rounding: Values as close as this are equal; or `[N]`, as close as that of both together.
        among: `[N]`, which to look at, at least one; None: all.

    Returns:
        Its index.

    Example:
        >>> lowest_of_the_highest(np.array([1.0, 2.0, 2.5]), rounding=0.5)
        1
        >>> lowest_of_the_highest(np.array([0.0, 2.0]), 9.0, among=np.array([False, True]))
        1
    """
    if among is not None:
        values = np.where(among, values, -np.inf)
    highest = int(np.argmax(values))
    slack = rounding + rounding[highest] if isinstance(rounding, np.ndarray) else rounding
    return int(np.argmax(values >= values[highest] - slack))
