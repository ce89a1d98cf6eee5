"""The batch that leaves the least variance of predictions in a last layer."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, eigh

from baal.active.heuristics.functional.distances import lowest_of_the_highest
from baal.active.heuristics.functional.fisher import FisherUpdates, fisher_factors, fisher_sum
from baal.exceptions import InvalidArgumentError

__all__ = ["MAX_PRODUCTS", "fisher_batch"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

MAX_PRODUCTS = 2**27
"""Most values of `[N, C, C]`, of which there are six arrays in memory at a time."""

# Beside longer ones, float64 has no digits left for the ridge.
LARGEST_RATIO = 1e15

# Gains that differ by a smaller part have a tie.
_EQUAL = 1e-9


def fisher_batch(
    probabilities: Array,
    embeddings: Array,
    n: int,
    labelled_probabilities: Array | None = None,
    labelled_embeddings: Array | None = None,
    *,
    ridge: float = 1.0,
    binary: bool = False,
    max_parameters: int = 2048,
) -> tuple[IntArray, FloatArray, FloatArray]:
    r"""Choose the batch after which the pool's predictions vary least, by Fisher information.

    $$\min_B\; tr((\lambda I + \sum_{i \in L \cup B} F_i)^{-1}
      \frac{1}{N} \sum_j F_j), \quad F = (diag(p) - p p^T) \otimes h h^T$$

    BAIT, Ash et al. (2021), https://arxiv.org/abs/2106.09675: twice as many items as asked for are
    chosen one by one, each for the lowest trace, and then half of them removed one by one, each for
    the smallest rise. A step costs `N (2 D C^2 + 3 C^3)` and a product of `[C D, C D]` and
    `[C D, C]`. The binary form is that of Huseljic et al. (2024), https://arxiv.org/abs/2404.08981.

    Matrices are `[C D, C D]`. Where that is more than `max_parameters`, embeddings are replaced by
    their coordinates along as many of the pool's principal directions as there is room for.

    Args:
        probabilities: `[N, C]` with C >= 2.
        embeddings: Inputs of the last layer, `[N, D]`.
        n: How many items to choose; more than N are N.
        labelled_probabilities: `[M, C]`.
        labelled_embeddings: `[M, D]`.
        ridge: `lambda`, the precision of the weights before any label; above 0.
        binary: Ask of the most probable class against all others, `F = p (1 - p) h h^T`.
        max_parameters: Most weights to reckon with, C D, or D if binary.

    Returns:
        `(indices [n], gains [n], rest [N])`: in the order in which they were chosen, by how much
        each lowers the trace after those before it; and by how much others would after all of them.

    Raises:
        InvalidArgumentError: There are more than `MAX_PRODUCTS` values in `[N, C, C]`, or
            embeddings are so long that beside them nothing is left of the ridge.

    Example:
        >>> p, h = np.full((3, 2), 0.5), np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
        >>> indices, gains, _ = fisher_batch(p, h, 2, ridge=0.1)
        >>> indices.tolist(), gains.round(3).tolist()
        ([0, 2], [12.698, 1.389])
    """
    factors = _checked_factors(probabilities, binary)
    width = max(1, max_parameters // factors.shape[1])
    h, seen = _narrowed(embeddings, labelled_embeddings, width)
    _check_lengths(h, ridge)
    target = fisher_sum(factors, h) / max(1, len(h))
    precision = ridge * np.eye(len(target))
    if seen is not None and labelled_probabilities is not None:
        precision += fisher_sum(fisher_factors(labelled_probabilities, binary), seen)
    inverse = cho_solve(cho_factor(precision), np.eye(len(target)))
    updates = FisherUpdates(factors, h, inverse, target)
    indices = _forward(updates, min(2 * n, len(h)))
    indices = _backward(updates, indices, min(n, len(h)))
    chosen = FisherUpdates(factors[indices], h[indices], inverse, target)
    gains = np.zeros(len(indices))
    for step in range(len(indices)):
        gains[step] = chosen.gains()[step]
        chosen.change(step)
    return indices, gains, updates.gains()


def _check_lengths(h: FloatArray, ridge: float) -> None:
    longest = float(np.einsum("nd,nd->n", h, h).max(initial=0.0))
    if longest > LARGEST_RATIO * ridge:
        raise InvalidArgumentError(
            f"Expected `embeddings` with squared lengths of at most {LARGEST_RATIO:g} times "
            f"`ridge`, but got {longest:.3g} with ridge {ridge:g}: scale them down, or raise "
            "`ridge`."
        )


def _checked_factors(probabilities: Array, binary: bool) -> FloatArray:
    n_items, n_classes = probabilities.shape
    if not binary and n_items * n_classes**2 > MAX_PRODUCTS:
        raise InvalidArgumentError(
            f"Expected a pool of at most {MAX_PRODUCTS // n_classes**2} items with {n_classes} "
            f"classes, since BAIT keeps [C, C] values for each, but got {n_items}: choose from "
            "fewer (`max_sample` in the loop), or set `binary=True`."
        )
    return fisher_factors(probabilities, binary)


def _narrowed(
    embeddings: Array, labelled: Array | None, width: int
) -> tuple[FloatArray, FloatArray | None]:
    """Both in float64, along the pool's first principal directions where there are too many."""
    n_features = embeddings.shape[1]
    if n_features <= width:
        seen = None if labelled is None else labelled.astype(np.float64)
        return embeddings.astype(np.float64), seen
    moments = (embeddings.T @ embeddings).astype(np.float64)
    # Not centred: the last layer sees how far from zero they are.
    some = (n_features - width, n_features - 1)
    directions = eigh(moments, subset_by_index=some)[1]
    h = embeddings @ directions
    return h, None if labelled is None else labelled @ directions


def _forward(updates: FisherUpdates, n: int) -> IntArray:
    indices = np.zeros(n, np.int64)
    is_free = np.ones(len(updates.embeddings), dtype=np.bool_)
    for step in range(n):
        gains = np.where(is_free, updates.gains(), -1)
        winner = lowest_of_the_highest(gains, _EQUAL * float(gains.max()))
        indices[step] = winner
        is_free[winner] = False
        updates.change(winner)
    return indices


def _backward(updates: FisherUpdates, indices: IntArray, n: int) -> IntArray:
    while len(indices) > n:
        losses = updates.losses(indices)
        # Of copies the one goes that was chosen last.
        least = np.flatnonzero(losses <= losses.min() * (1 + _EQUAL))[-1]
        updates.change(int(indices[least]), leaves=True)
        indices = np.delete(indices, least)
    return indices
