"""How much a label would change a model's last layer, and what that does to the pool."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["expected_gradient_length", "expected_squared_products", "residual_lengths"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_ROWS = 1024  # looked at in one go


def residual_lengths(probabilities: Array) -> FloatArray:
    r"""Lengths of the residuals of the cross-entropy, for each label that an item could have.

    $$|p - e_c| = \sqrt{(1 - p_c)^2 + \sum_{k \ne c} p_k^2}$$

    Args:
        probabilities: `[N, C]` with C >= 2.

    Returns:
        `[N, C]`. Times the lengths of the inputs of the last layer they are the lengths of its
        gradients.

    Example:
        >>> residual_lengths(np.array([[1.0, 0.0], [0.5, 0.5]])).round(3).tolist()
        [[0.0, 1.414], [0.707, 0.707]]
    """
    p = probabilities.astype(np.float64)
    squares = p**2
    others = squares.sum(axis=1, keepdims=True) - squares
    # Where one class has nearly all, nothing but rounding would be left of that difference.
    first = squares.argmax(axis=1)
    rows = np.arange(len(p))
    squares[rows, first] = 0
    others[rows, first] = squares.sum(axis=1)
    return np.asarray(np.sqrt((1 - p) ** 2 + others))


def expected_gradient_length(probabilities: Array, lengths: Array) -> FloatArray:
    r"""Expected length of the gradient of the loss, over the label by the model's own prediction.

    $$\sum_c p_c\, |\nabla \ell(x, c)|$$

    Settles, Craven & Ray (2007), "Multiple-instance active learning", NeurIPS 20. Settles' survey
    of active learning tells of it in section 3.3:
    http://burrsettles.com/pub/settles.activelearning.pdf.

    Args:
        probabilities: `[N, C]`.
        lengths: Of the gradient if the label were `c`, `[N, C]`.

    Returns:
        `[N]`.

    Example:
        >>> expected_gradient_length(np.array([[0.5, 0.5]]), np.array([[3.0, 5.0]])).tolist()
        [4.0]
    """
    return np.asarray(np.einsum("nc,nc->n", probabilities, lengths, dtype=np.float64))


def expected_squared_products(
    probabilities: Array,
    embeddings: Array,
    pool_probabilities: Array | None = None,
    pool_embeddings: Array | None = None,
    items: IntArray | None = None,
) -> FloatArray:
    r"""Expected squares of the inner products of last-layer gradients with those of a pool.

    $$\frac{1}{M_i} \sum_{j \ne i} \sum_{y,y'} p_i(y)\, p_j(y')\, (g_i(y) \cdot g_j(y'))^2
      = \frac{1}{M_i} \sum_{j \ne i} (h_i \cdot h_j)^2\, tr(C_i C_j), \quad
      C_i = diag(p_i) - p_i p_i^T$$

    Since `g(y)` is the outer product of `p - e_y` and `h`, whose covariance over the label is
    `C (x) h h^T`. What an item would tell of itself is left out: it grows with the fourth power of
    its length, whatever the rest is like. `M_i` is the number of the others, M - 1 for an item of
    the pool and M for another one; where there are none the mean is 0. In blocks of rows, and in
    time `N M (C + D)`: no sum over pairs of classes is ever made.

    Args:
        probabilities: Of the candidates, `[N, C]` with C >= 2.
        embeddings: Inputs of the last layer, `[N, D]`.
        pool_probabilities: `[M, C]`; None: the candidates themselves.
        pool_embeddings: `[M, D]`.
        items: Which candidates the pool's items are, `[M]`, each at most once; None: none of them,
            if there is a pool.

    Returns:
        `[N]`.

    Example:
        >>> p, h = np.full((2, 2), 0.5), np.array([[2.0], [1.0]])
        >>> expected_squared_products(p, h).tolist()
        [1.0, 1.0]
        >>> expected_squared_products(p, h, p[:1], h[:1], items=np.array([0])).tolist()
        [0.0, 1.0]
        >>> expected_squared_products(p, h, p[:1], h[:1]).tolist()
        [4.0, 1.0]
    """
    p, h = probabilities.astype(np.float64), embeddings
    q = p if pool_probabilities is None else pool_probabilities.astype(np.float64)
    k = embeddings if pool_embeddings is None else pool_embeddings
    if pool_embeddings is None:
        items = np.arange(len(p))
    scores, n_others = np.zeros(len(p)), np.full(len(p), len(q))
    if items is not None:
        n_others[items] -= 1
    for start in range(0, len(p), _ROWS):
        some = slice(start, start + _ROWS)
        for begin in range(0, len(q), _ROWS):
            others = slice(begin, begin + _ROWS)
            products = (h[some] @ k[others].T).astype(np.float64)  # [rows, rows]
            if items is not None:
                rows = items[others] - start
                itself = np.flatnonzero((rows >= 0) & (rows < len(products)))
                products[rows[itself], itself] = 0
            traces = _traces(p[some], q[others])
            scores[some] += np.einsum("nm,nm,nm->n", products, products, traces)
    return np.asarray(scores / np.maximum(1, n_others))


def _traces(p: FloatArray, q: FloatArray) -> FloatArray:
    """`tr(C_i C_j)` of all pairs, `[N, M]`, as a sum of two parts that are not negative."""
    on_diagonal = (p * (1 - p)) @ (q * (1 - q)).T
    beside = (p @ q.T) ** 2 - (p**2) @ (q**2).T
    return np.asarray(on_diagonal + np.maximum(beside, 0))
