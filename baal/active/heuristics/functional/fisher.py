"""Fisher information of a last layer, and what items would do to the inverse of its sum."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular

__all__ = ["FisherUpdates", "fisher_factors", "fisher_sum"]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]


def fisher_factors(probabilities: Array, binary: bool = False) -> FloatArray:
    r"""Factors of the covariance of the label, `S = diag(p) - p p^T = A A^T`.

    The Fisher information of an item with respect to the last layer's weights is the Kronecker
    product of `S` and `h h^T`.

    Args:
        probabilities: `[N, C]` with C >= 2.
        binary: Take the first class against all others, a covariance of a single number.

    Returns:
        `A`, `[N, C, C]`; `[N, 1, 1]` if binary.

    Example:
        >>> a = fisher_factors(np.array([[0.5, 0.5]]))[0]
        >>> (a @ a.T).round(6).tolist()
        [[0.25, -0.25], [-0.25, 0.25]]
    """
    p = probabilities.astype(np.float64)
    if binary:
        first = p.max(axis=1)
        return np.asarray(np.sqrt(first * np.maximum(1 - first, 0)))[:, None, None]
    # Column c is what label c would give, weighted by its probability.
    return np.asarray((np.eye(p.shape[1]) - p[:, :, None]) * np.sqrt(p)[:, None, :])


def fisher_sum(factors: FloatArray, embeddings: FloatArray) -> FloatArray:
    """Sum over items of their Fisher information.

    Args:
        factors: `[N, C, R]`.
        embeddings: `[N, D]`.

    Returns:
        `[C D, C D]`, of weights in the order of classes, then features.

    Example:
        >>> fisher_sum(np.array([[[2.0]], [[1.0]]]), np.eye(2)).tolist()
        [[4.0, 0.0], [0.0, 1.0]]
    """
    n_classes, n_features = factors.shape[1], embeddings.shape[1]
    total = np.empty((n_classes, n_features, n_classes, n_features))
    for a in range(n_classes):
        for b in range(a + 1):
            weights = np.einsum("nr,nr->n", factors[:, a], factors[:, b])
            total[a, :, b] = (embeddings * weights[:, None]).T @ embeddings
            total[b, :, a] = total[a, :, b]
    return total.reshape(n_classes * n_features, -1)


class FisherUpdates:
    r"""By how much N items would lower `tr(M^-1 T)` if their Fisher information joined `M`.

    With `V` the factor of an item's information, `V V^T`, that is
    `tr((I + V^T M^-1 V)^-1 V^T M^-1 T M^-1 V)`, by Woodbury's identity. Both products are kept for
    every item, `[C, C]` each, and changed by what an item that joins or leaves `M` changes in them:
    no inverse is taken for a candidate.

    Args:
        factors: `[N, C, R]`.
        embeddings: `[N, D]`.
        inverse: `M^-1`, `[C D, C D]`.
        target: `T`, `[C D, C D]`.

    Attributes:
        inverse: `M^-1` as it is now.

    Example:
        >>> updates = FisherUpdates(np.ones((2, 1, 1)), np.eye(2), np.eye(2), np.diag([4.0, 2.0]))
        >>> updates.gains().tolist()
        [2.0, 1.0]
        >>> updates.change(0)
        >>> updates.gains().round(3).tolist()
        [0.667, 1.0]
    """

    def __init__(
        self, factors: FloatArray, embeddings: FloatArray, inverse: FloatArray, target: FloatArray
    ) -> None:
        self.factors, self.embeddings = factors, embeddings
        self.inverse, self.target = inverse.copy(), target
        self._spans = self._products(inverse)  # V^T M^-1 V
        self._reaches = self._products(inverse @ target @ inverse)  # V^T M^-1 T M^-1 V

    def _products(self, matrix: FloatArray) -> FloatArray:
        """`V^T matrix V` of each item, `[N, R, R]`, for a symmetric matrix."""
        n_classes, h = self.factors.shape[1], self.embeddings
        blocks = matrix.reshape(n_classes, h.shape[1], n_classes, h.shape[1])
        kernels = np.empty((len(h), n_classes, n_classes))
        for a in range(n_classes):
            for b in range(a + 1):
                kernels[:, a, b] = np.einsum("nd,nd->n", h @ blocks[a, :, b], h)
                kernels[:, b, a] = kernels[:, a, b]
        return np.asarray(np.swapaxes(self.factors, 1, 2) @ kernels @ self.factors)

    def _projected(self, columns: FloatArray) -> FloatArray:
        """`V^T columns` of each item, `[N, R, R]`, for `[C D, R]`."""
        (n_classes, n_factors), h = self.factors.shape[1:], self.embeddings
        parts = columns.reshape(n_classes, h.shape[1], n_factors)
        flat = h @ parts.transpose(1, 0, 2).reshape(h.shape[1], -1)
        flat = flat.reshape(len(h), n_classes, n_factors)
        return np.asarray(np.swapaxes(self.factors, 1, 2) @ flat)

    def gains(self) -> FloatArray:
        """By how much each item would lower the trace if it joined.

        Returns:
            `[N]`, at least 0.
        """
        return self._traces(np.eye(self.factors.shape[2]) + self._spans, self._reaches)

    def losses(self, items: npt.NDArray[np.int64]) -> FloatArray:
        """By how much items that have joined would raise the trace if they left.

        Args:
            items: `[n]`.

        Returns:
            `[n]`, at least 0.
        """
        rest = np.eye(self.factors.shape[2]) - self._spans[items]
        return self._traces(rest, self._reaches[items])

    def _traces(self, a: FloatArray, b: FloatArray) -> FloatArray:
        traces = np.trace(np.linalg.solve(a, b), axis1=1, axis2=2)
        return np.asarray(np.maximum(traces, 0))

    def change(self, item: int, leaves: bool = False) -> None:
        """Let an item join, or leave.

        Args:
            item: Which one.
            leaves: It has joined before.
        """
        sign = -1.0 if leaves else 1.0
        factor = self.factors[item][:, None, :] * self.embeddings[item][None, :, None]  # [C, D, R]
        factor = factor.reshape(len(self.inverse), -1)
        columns = self.inverse @ factor
        core = cholesky(np.eye(factor.shape[1]) + sign * factor.T @ columns, lower=True)
        columns = np.ascontiguousarray(solve_triangular(core, columns.T, lower=True).T)
        seen = self.target @ columns
        u, y = self._projected(columns), self._projected(self.inverse @ seen)
        u_t = np.swapaxes(u, 1, 2)
        cross = u @ np.swapaxes(y, 1, 2)
        self._spans -= sign * u @ u_t
        self._reaches -= sign * (cross + np.swapaxes(cross, 1, 2))
        self._reaches += u @ (columns.T @ seen) @ u_t
        self.inverse -= sign * columns @ columns.T
