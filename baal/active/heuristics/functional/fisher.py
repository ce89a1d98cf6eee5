"""Fisher information of a last layer."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import get_lapack_funcs, helmert

__all__ = ["fisher_columns", "fisher_factors", "fisher_sum", "semidefinite_root"]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]


def fisher_factors(probabilities: Array, binary: bool = False) -> FloatArray:
    r"""Factors of the covariance of the label, `S = diag(p) - p p^T`, in contrasts of the classes.

    The Fisher information of an item with respect to the last layer's weights is the Kronecker
    product of `S` and `h h^T`. What all classes have in common changes no prediction, and `S` has
    nothing there: with `Q` an orthonormal basis of the rest (Helmert's), `Q S Q^T = A A^T` is all
    of it. `A` is `Q` times the Cholesky factor of `S`, which has a closed form (Tanabe & Sagae
    1992, https://doi.org/10.1111/j.2517-6161.1992.tb01875.x).

    Args:
        probabilities: `[N, C]` with C >= 2.
        binary: Take the first class against all others, a covariance of a single number.

    Returns:
        `A`, `[N, C - 1, C - 1]`; `[N, 1, 1]` if binary.

    Example:
        >>> a = fisher_factors(np.array([[0.5, 0.5], [1.0, 0.0]]))
        >>> (a @ a).round(6).tolist()  # contrasts are (1, -1) / sqrt(2)
        [[[0.5]], [[0.0]]]
    """
    p = probabilities.astype(np.float64)
    if binary:
        first = p.max(axis=1)
        return np.asarray(np.sqrt(first * np.maximum(1 - first, 0)))[:, None, None]
    # Sums from the end: 1 - p would leave nothing of a small rest.
    tails = np.cumsum(p[:, ::-1], axis=1)[:, ::-1]
    tails = tails / tails[:, :1]
    here, after = tails[:, :-1], tails[:, 1:]
    shares = np.sqrt(np.divide(p[:, :-1], here, out=np.zeros_like(here), where=here > 0))
    roots = np.sqrt(after)
    inverse = np.divide(1, roots, out=np.zeros_like(roots), where=roots > 0)
    lower = np.tril(np.ones((p.shape[1], p.shape[1] - 1)), -1)
    factors = -lower * p[:, :, None] * (shares * inverse)[:, None, :]
    diagonal = np.arange(p.shape[1] - 1)
    factors[:, diagonal, diagonal] = shares * roots
    return np.asarray(helmert(p.shape[1]) @ factors)


def fisher_sum(factors: FloatArray, embeddings: FloatArray) -> FloatArray:
    """Sum over items of their Fisher information.

    Args:
        factors: `[N, C, R]`.
        embeddings: `[N, D]`.

    Returns:
        `[C D, C D]`, of weights in the order of classes (or contrasts), then features.

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


def fisher_columns(factors: FloatArray, embeddings: FloatArray) -> FloatArray:
    """The factor `V` of the information of all items together, `V V^T`, item beside item.

    Args:
        factors: `[N, C, R]`.
        embeddings: `[N, D]`.

    Returns:
        `[C D, N R]`.

    Example:
        >>> fisher_columns(np.array([[[2.0]], [[1.0]]]), np.eye(2)).tolist()
        [[2.0, 0.0], [0.0, 1.0]]
    """
    columns = factors[:, :, None, :] * embeddings[:, None, :, None]  # [N, C, D, R]
    size = factors.shape[1] * embeddings.shape[1]
    return np.ascontiguousarray(columns.transpose(1, 2, 0, 3).reshape(size, -1))


def semidefinite_root(matrix: FloatArray) -> FloatArray:
    """A matrix `G` with `G G^T` a given one, which may be singular.

    By Cholesky's method with pivots, after scaling to a diagonal of ones: rounding is relative to
    the diagonal at each place, however much its values differ.

    Args:
        matrix: `[P, P]`, symmetric and positive semi-definite.

    Returns:
        `[P, rank]`.

    Example:
        >>> semidefinite_root(np.array([[4.0, 4.0], [4.0, 4.0]])).tolist()
        [[2.0], [2.0]]
    """
    lengths = np.sqrt(np.maximum(np.diag(matrix), 0))
    inverse = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    (pstrf,) = get_lapack_funcs(("pstrf",), (matrix,))
    factor, pivots, rank, _ = pstrf(inverse[:, None] * matrix * inverse, lower=1)
    rank = max(1, rank)  # of nothing, a column of zeros
    root = np.empty((len(matrix), rank))
    root[pivots - 1] = np.tril(factor)[:, :rank]
    return root * lengths[:, None]
