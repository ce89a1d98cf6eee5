"""What items would do to the inverse of a sum of Fisher information, and to a trace with it."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.linalg import svd

from baal.active.heuristics.functional.fisher import fisher_columns

__all__ = ["ROUNDING", "FisherUpdates"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

ROUNDING = 16 * float(np.finfo(np.float64).eps)
"""Of sums of products, beside the largest that they could be."""

_ROWS = 1024  # looked at in one go
_FEW_ROWS = 128  # where each has [R, C D] values


class FisherUpdates:
    r"""By how much N items would lower `tr(M^-1 T)` if their Fisher information joined `M`.

    With `V` the factor of an item's information, `V V^T`, that is
    `tr((I + V^T M^-1 V)^-1 V^T M^-1 T M^-1 V)`, by Woodbury's identity. Both products are kept for
    every item, `[R, R]` each, and changed by what an item that joins `M` changes in them: no
    inverse is taken for a candidate.

    These differences have rounding of the size of the first products, which is far above what is
    left where information is large beside that in `M` at first. So there are `errors` that tell
    how far off gains may be, and `exact_gains` for where that matters: from a root of `M^-1`, which
    an item that joins shrinks along its own directions, and in which half as many digits are lost.

    Args:
        factors: `[N, C, R]`.
        embeddings: `[N, D]`.
        root: `B` with `M^-1 = B B^T`, `[C D, C D]`.
        target_root: `G` with `T = G G^T`, `[C D, rank]`.
        target: `T`, `[C D, C D]`.

    Attributes:
        root: `B` as it is now.
        errors: By how much `gains` may be wrong for rounding, `[N]`.
        trace: `tr(M^-1 T)` as it is now.

    Example:
        >>> eye, t = np.eye(2), np.diag([2.0, 1.0])
        >>> updates = FisherUpdates(np.ones((2, 1, 1)), eye, eye, t, t @ t)
        >>> updates.gains().tolist()
        [2.0, 0.5]
        >>> round(updates.join(0), 3), round(updates.trace, 3)
        (2.0, 3.0)
        >>> updates.gains().round(3).tolist()
        [0.667, 0.5]
    """

    def __init__(
        self,
        factors: FloatArray,
        embeddings: FloatArray,
        root: FloatArray,
        target_root: FloatArray,
        target: FloatArray,
    ) -> None:
        self.factors, self.embeddings = factors, embeddings
        self.root, self.target_root, self.target = root, target_root, target
        inverse = root @ root.T
        self._spans = self._products(inverse)  # V^T M^-1 V
        self.trace = float(np.einsum("ab,ab->", inverse, target))
        reaching = inverse @ target @ inverse
        self._reaches = self._products(reaching)  # V^T M^-1 T M^-1 V
        lengths = np.einsum("ncr,ncr->n", factors, factors)
        lengths *= np.einsum("nd,nd->n", embeddings, embeddings)
        self.errors = ROUNDING * float(np.linalg.norm(reaching)) * lengths

    def copy(self) -> "FisherUpdates":
        """The same as it is now; what joins one of the two does not join the other."""
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        other._spans, other._reaches = self._spans.copy(), self._reaches.copy()
        return other

    def _blocks(self) -> Iterator[slice]:
        return (slice(i, i + _ROWS) for i in range(0, len(self.embeddings), _ROWS))

    def _products(self, matrix: FloatArray) -> FloatArray:
        """`V^T matrix V` of each item, `[N, R, R]`, for a symmetric matrix."""
        n_items, n_classes, n_factors = self.factors.shape
        n_features = self.embeddings.shape[1]
        blocks = matrix.reshape(n_classes, n_features, n_classes, n_features)
        products = np.empty((n_items, n_factors, n_factors))
        for some in self._blocks():
            h, factors = self.embeddings[some], self.factors[some]
            kernels = np.empty((len(h), n_classes, n_classes))
            for a in range(n_classes):
                for b in range(a + 1):
                    kernels[:, a, b] = np.einsum("nd,nd->n", h @ blocks[a, :, b], h)
                    kernels[:, b, a] = kernels[:, a, b]
            products[some] = np.swapaxes(factors, 1, 2) @ kernels @ factors
        return products

    def _projected(self, columns: FloatArray, items: slice | IntArray) -> FloatArray:
        """`V^T columns` of items, `[N, R, K]`, for `[C D, K]`."""
        n_classes, h = self.factors.shape[1], self.embeddings[items]
        parts = columns.reshape(n_classes, h.shape[1], -1)
        flat = h @ parts.transpose(1, 0, 2).reshape(h.shape[1], -1)
        flat = flat.reshape(len(h), n_classes, -1)
        return np.asarray(np.swapaxes(self.factors[items], 1, 2) @ flat)

    def gains(self) -> FloatArray:
        """By how much each item would lower the trace if it joined, give or take `errors`.

        Returns:
            `[N]`, at least 0.
        """
        gains = np.empty(len(self.embeddings))
        for some in self._blocks():
            gains[some] = _traces(self._spans[some], self._reaches[some])
        return gains

    def exact_gains(self, items: IntArray) -> FloatArray:
        """The same for some items, from the root: slower by far, and without these errors.

        Args:
            items: `[n]`.

        Returns:
            `[n]`, at least 0.
        """
        gains = np.empty(len(items))
        reaching = self.root @ (self.root.T @ self.target_root)
        for start in range(0, len(items), _FEW_ROWS):
            some = slice(start, start + _FEW_ROWS)
            u = self._projected(self.root, items[some])
            y = self._projected(reaching, items[some])
            gains[some] = _traces(u @ np.swapaxes(u, 1, 2), y @ np.swapaxes(y, 1, 2))
        return gains

    def join(self, item: int) -> float:
        """Let an item join.

        Args:
            item: Which one.

        Returns:
            By how much that lowers the trace, without these errors.
        """
        some = slice(item, item + 1)
        factor = fisher_columns(self.factors[some], self.embeddings[some])
        self.root, columns = _joined(self.root, factor)
        seen = self.target @ columns
        # What leaves M^-1 T M^-1 is a product with the columns, and its transpose.
        halved = self.root @ (self.root.T @ seen)
        halved += columns @ (columns.T @ seen) / 2
        for block in self._blocks():
            u, y = self._projected(columns, block), self._projected(halved, block)
            self._spans[block] -= u @ np.swapaxes(u, 1, 2)
            cross = u @ np.swapaxes(y, 1, 2)
            self._reaches[block] -= cross
            self._reaches[block] -= np.swapaxes(cross, 1, 2)
        gain = float(np.square(self.target_root.T @ columns).sum())
        self.trace -= gain
        return gain


def _traces(spans: FloatArray, reaches: FloatArray) -> FloatArray:
    solved = np.linalg.solve(np.eye(spans.shape[1]) + spans, reaches)
    return np.asarray(np.maximum(np.trace(solved, axis1=1, axis2=2), 0))


def _joined(root: FloatArray, factor: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A root of the inverse after an item joined, and columns whose products the inverse lost.

    Smaller along what it tells, `B (I - Q (1 - (1 + s^2)^-1/2) Q^T)` with `B^T V = Q s P^T`: there
    is no way for it to become negative.
    """
    q, s, _ = svd(root.T @ factor, full_matrices=False)
    t = np.hypot(1, s)
    along = root @ q
    return root - (along * (s / t * (s / (t + 1)))) @ q.T, along * (s / t)
