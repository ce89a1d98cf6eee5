"""Batches for regression, by kernels of the last layer, and by inputs and outputs."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.functional.distances import CentredRows, lowest_of_the_highest

__all__ = ["largest_cluster", "max_determinant", "spread_in_both"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]


def largest_cluster(
    embeddings: Array, n: int, labelled: Array | None = None
) -> tuple[IntArray, Floats, Floats]:
    r"""Choose items one by one, the farthest from its centre in the cluster of largest size.

    Each item belongs to the nearest of what is chosen or labelled, and the size of a cluster is the
    sum of its squared distances, `s(c) = sum_i |x_i - c|^2`: LCMD, Holzmueller et al. (2022),
    https://arxiv.org/abs/2203.09410. Unlike the farthest item of all, an outlier has to wait until
    no other cluster weighs more. One matrix-vector product a step.

    Args:
        embeddings: `[N, D]`, float32 or float64.
        n: How many items to choose; more than N are N.
        labelled: `[M, D]`, centres from the start. Without any, the first item is the longest.

    Returns:
        `(indices [n], gains [n], distances [N])`: in order of selection, the distance of each to
        what was there before it (of the first where nothing was: to zero); and the distance of each
        item of the pool to the nearest centre in the end.

    Example:
        >>> x = np.array([[0.0], [1.0], [2.0], [3.0], [8.0], [11.5]])
        >>> indices, gains, _ = largest_cluster(x, 2, labelled=np.array([[0.0], [8.0]]))
        >>> indices.tolist(), gains.tolist()
        ([3, 5], [3.0, 3.5])
    """
    rows = CentredRows(embeddings)
    n = min(n, len(embeddings))
    nearest, clusters = _nearest(rows, embeddings[:0] if labelled is None else labelled)
    n_clusters = 0 if labelled is None else len(labelled)
    is_free = np.ones(len(embeddings), dtype=np.bool_)
    indices, gains = np.zeros(n, np.int64), np.zeros(n, embeddings.dtype)
    for step in range(n):
        if n_clusters == 0:
            lengths = np.einsum("nd,nd->n", embeddings, embeddings)
            winner = _first_of_largest(lengths)
            gains[step] = lengths[winner]
        else:
            sizes = np.bincount(clusters, nearest, n_clusters)
            largest = clusters == _first_of_largest(sizes)
            if not (largest & is_free).any():  # nothing is far from anything
                largest = is_free
            winner = lowest_of_the_highest(nearest, rows.rounding_at(nearest), largest & is_free)
            gains[step] = nearest[winner]
        indices[step] = winner
        is_free[winner] = False
        distances = rows.to_item(winner)
        distances[winner] = 0
        closer = distances < nearest
        nearest[closer], clusters[closer] = distances[closer], n_clusters
        n_clusters += 1
    return indices, np.sqrt(gains), np.sqrt(nearest)


def _nearest(rows: CentredRows, points: Array) -> tuple[Array, IntArray]:
    """Squared distances to the nearest points, and which ones these are."""
    nearest = np.full(len(rows.squares), np.inf, rows.squares.dtype)
    which = np.zeros(len(nearest), np.int64)
    for some, distances in rows.blocks(points) if len(points) else ():
        which[some] = distances.argmin(axis=1)
        nearest[some] = distances.min(axis=1)
    nearest[nearest <= rows.rounding] = 0
    return nearest, which


def _first_of_largest(values: Array, among: npt.NDArray[np.bool_] | None = None) -> int:
    """With sums of many numbers, whose rounding grows with their size."""
    rounding = 8 * float(np.finfo(values.dtype).eps) * abs(float(values.max()))
    return lowest_of_the_highest(values, rounding, among)


def max_determinant(
    embeddings: Array,
    n: int,
    labelled: Array | None = None,
    noise: float = 1e-6,
    bias: bool = True,
) -> tuple[IntArray, FloatArray, FloatArray]:
    r"""Choose items one by one, such that the determinant of their kernel matrix is the largest.

    $$i_b = \arg\max_i k(i,i) - k(i,S)\,(k(S,S) + \sigma^2 I)^{-1}\,k(S,i), \quad k(i,j) = h_i h_j$$

    The item whose prediction varies most, given the labels of all that is chosen or labelled: that
    is the greedy maximisation of `det(k(S,S) + sigma^2 I)`, also known as P-greedy. Holzmueller et
    al. (2022), https://arxiv.org/abs/2203.09410. The matrix is never formed: with
    `A = sigma^2 I + H_S^T H_S` the variance is `sigma^2 h^T A^-1 h`, and each item changes the
    inverse by a matrix of rank one. A step costs one matrix-vector product.

    Args:
        embeddings: `[N, D]`.
        n: How many items to choose; more than N are N.
        labelled: `[M, D]`, which are conditioned on first.
        noise: Variance of the labels' noise `sigma^2`, as a share of the mean of `k(i,i)`; above 0.
        bias: Append a one to each embedding: the last layer has a bias.

    Returns:
        `(indices [n], gains [n], variances [N])`: in order of selection, the variance of each given
        what was there before it; and the variances in the end, in units of `k`.

    Example:
        >>> h = np.array([[3.0, 0.0], [2.9, 0.0], [0.0, 1.0]])
        >>> indices, gains, _ = max_determinant(h, 2, bias=False)
        >>> indices.tolist(), gains.round(3).tolist()
        ([0, 2], [9.0, 1.0])
    """
    h = _features(embeddings, bias)
    n = min(n, len(h))
    squares = np.einsum("nd,nd->n", h, h)
    scale = noise * (float(squares.mean()) if squares.any() else 1.0)
    inverse, variances = np.eye(h.shape[1]) / scale, squares.copy()  # of A
    if labelled is not None and len(labelled):
        seen = _features(labelled, bias)
        # Not by Cholesky, which fails where the noise is nothing beside what is labelled.
        strengths, directions = np.linalg.eigh(seen.T @ seen)
        inverse = (directions / (np.maximum(strengths, 0) + scale)) @ directions.T
        variances = scale * np.einsum("nd,nd->n", h @ inverse, h)
    is_free = np.ones(len(h), dtype=np.bool_)
    indices, gains = np.zeros(n, np.int64), np.zeros(n)
    # What sets variances apart that differ by less is rounding.
    rounding = 64 * float(np.finfo(np.float64).eps) * squares
    for step in range(n):
        winner = lowest_of_the_highest(variances, rounding, is_free)
        indices[step], gains[step] = winner, variances[winner]
        is_free[winner] = False
        direction = inverse @ h[winner]
        direction /= np.sqrt(1 + h[winner] @ direction)
        inverse -= np.outer(direction, direction)
        variances -= scale * (h @ direction) ** 2
        np.maximum(variances, 0, out=variances)
    return indices, gains, variances


def _features(embeddings: Array, bias: bool) -> FloatArray:
    """`[N, D]` or `[N, D + 1]`, in float64: the variances of copies are small differences."""
    h = embeddings.astype(np.float64)
    return np.concatenate([h, np.ones((len(h), 1))], axis=1) if bias else h


def spread_in_both(
    embeddings: Array, predictions: Array, n: int, labelled: Array, targets: Array
) -> tuple[IntArray, Floats, Floats]:
    r"""Choose items one by one, far from all that is labelled or chosen in inputs and outputs.

    $$i_b = \arg\max_i \min_{j \in S} |x_i - x_j|\, |y_i - y_j|$$

    iGS, Wu et al. (2019), https://arxiv.org/abs/1808.04245. An output of the pool is the model's
    prediction, and once it is chosen it stands for the label.

    Args:
        embeddings: `[N, D]`, float32 or float64.
        predictions: `[N, O]`, means.
        n: How many items to choose; more than N are N.
        labelled: `[M, D]` with M >= 1.
        targets: `[M, O]`.

    Returns:
        `(indices [n], gains [n], products [N])`: in order of selection, the product of each when it
        was chosen; and the products in the end.

    Example:
        >>> x, y = np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [5.0], [1.0]])
        >>> indices, gains, _ = spread_in_both(x, y, 1, labelled=x[:1] * 0, targets=y[:1] * 0)
        >>> indices.tolist(), gains.tolist()
        ([1], [10.0])
    """
    inputs, outputs = CentredRows(embeddings), CentredRows(predictions)
    n = min(n, len(embeddings))
    smallest = _smallest_products(inputs, outputs, labelled, targets)
    is_free = np.ones(len(embeddings), dtype=np.bool_)
    indices, gains = np.zeros(n, np.int64), np.zeros(n, smallest.dtype)
    for step in range(n):
        winner = _first_of_largest(smallest, is_free)
        indices[step], gains[step] = winner, smallest[winner]
        is_free[winner] = False
        products = inputs.to_item(winner) * outputs.to_item(winner)
        np.minimum(smallest, products, out=smallest)
        smallest[winner] = 0
    return indices, np.sqrt(gains), np.sqrt(smallest)


def _smallest_products(
    inputs: CentredRows, outputs: CentredRows, labelled: Array, targets: Array
) -> Array:
    """Of squared distances, `[N]`; what is next to nothing but rounding counts as nothing."""
    smallest = []
    for (part, x), (_, y) in zip(inputs.blocks(labelled), outputs.blocks(targets), strict=True):
        x[x <= inputs.rounding[part, np.newaxis]] = 0
        y[y <= outputs.rounding[part, np.newaxis]] = 0
        smallest.append((x * y).min(axis=1))
    return np.concatenate(smallest)
