"""The batch that leaves the least variance of predictions in a last layer."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, eigh, solve_triangular

from baal.active.heuristics.functional.distances import lowest_of_the_highest
from baal.active.heuristics.functional.fisher import (
    fisher_columns,
    fisher_factors,
    fisher_sum,
    semidefinite_root,
)
from baal.active.heuristics.functional.fisher_updates import ROUNDING, FisherUpdates
from baal.active.heuristics.functional.leaving import EQUAL, dispensable
from baal.exceptions import InvalidArgumentError

__all__ = ["MAX_PRODUCTS", "fisher_batch"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

MAX_PRODUCTS = 2**27
"""Most values of `[N, C, C]`, of which there are six arrays in memory at a time."""

LARGEST_RATIO = 1e13
"""Of squared lengths to the ridge: beside longer ones float64 has too few digits for the latter."""

_ROWS = 4096  # looked at in one go


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

    Where embeddings are long beside the root of the ridge, gains of all but the leaders have few
    digits; those who may be the best are then compared by exact ones, at a higher cost. So what is
    chosen is what traces in more digits would choose, up to `LARGEST_RATIO`.

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
            `LARGEST_RATIO` times the ridge is less than the squared length of an embedding, or than
            their sum over what is labelled.

    Example:
        >>> p, h = np.full((3, 2), 0.5), np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
        >>> indices, gains, _ = fisher_batch(p, h, 2, ridge=0.1)
        >>> indices.tolist(), gains.round(3).tolist()
        ([0, 2], [12.698, 1.389])
    """
    _check_lengths(embeddings, labelled_embeddings, ridge)
    factors = _checked_factors(probabilities, binary)
    width = max(1, max_parameters // (1 if binary else probabilities.shape[1]))
    # In units in which the ridge is one.
    h, seen = _narrowed(embeddings, labelled_embeddings, width, 1 / np.sqrt(ridge))
    target = fisher_sum(factors, h) / max(1, len(h))
    root = np.eye(len(target))
    if seen is not None and labelled_probabilities is not None and len(seen):
        known = fisher_sum(fisher_factors(labelled_probabilities, binary), seen)
        # Of the inverse: that of the upper factor.
        root = solve_triangular(cholesky(root + known), root)
    updates = FisherUpdates(factors, h, root, semidefinite_root(target), target)
    indices = _forward(updates.copy(), min(2 * n, len(h)))
    indices = _backward(updates, indices, min(n, len(h)))
    gains = np.zeros(len(indices))
    for step, item in enumerate(indices):
        gains[step] = updates.join(int(item))
    return indices, gains, _rest(updates)


def _check_lengths(embeddings: Array, labelled: Array | None, ridge: float) -> None:
    longest = float(_squares(embeddings).max(initial=0.0))
    total = 0.0 if labelled is None else float(_squares(labelled).sum())
    if not max(longest, total) <= LARGEST_RATIO * ridge:
        name = "embeddings" if longest >= total else "labelled_embeddings"
        value = max(longest, total)
        raise InvalidArgumentError(
            "Expected squared lengths of `embeddings`, and their sum over `labelled_embeddings`, "
            f"of at most {LARGEST_RATIO:g} times `ridge`, but got {value:.3g} for `{name}` with "
            f"ridge {ridge:g}: scale them down, or raise `ridge`."
        )


def _squares(embeddings: Array) -> FloatArray:
    with np.errstate(over="ignore"):  # infinite is too long
        return np.asarray(np.einsum("nd,nd->n", embeddings, embeddings, dtype=np.float64))


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
    embeddings: Array, labelled: Array | None, width: int, scale: float
) -> tuple[FloatArray, FloatArray | None]:
    """Both in float64, along the pool's first principal directions where there are too many."""
    n_features = embeddings.shape[1]
    if n_features <= width:
        seen = None if labelled is None else labelled.astype(np.float64) * scale
        return embeddings.astype(np.float64) * scale, seen
    moments = np.zeros((n_features, n_features))
    for start in range(0, len(embeddings), _ROWS):
        part = embeddings[start : start + _ROWS].astype(np.float64) * scale
        moments += part.T @ part
    # Not centred: the last layer sees how far from zero they are.
    some = (n_features - width, n_features - 1)
    directions = eigh(moments, subset_by_index=some)[1] * scale
    h = np.concatenate(
        [
            embeddings[start : start + _ROWS].astype(np.float64) @ directions
            for start in range(0, max(1, len(embeddings)), _ROWS)
        ]
    )
    return h, None if labelled is None else labelled @ directions


def _forward(updates: FisherUpdates, n: int) -> IntArray:
    indices = np.zeros(n, np.int64)
    is_free = np.ones(len(updates.embeddings), dtype=np.bool_)
    for step in range(n):
        items = np.flatnonzero(is_free)
        indices[step] = winner = items[_best(updates, items)]
        is_free[winner] = False
        updates.join(int(winner))
    return indices


def _best(updates: FisherUpdates, items: IntArray) -> int:
    """The place of the item that leaves the lowest trace, told by exact gains where it takes them.

    Ties are of what is left, which may be a small part of what the best gain takes away.
    """
    gains, errors = updates.gains()[items], updates.errors[items]
    sure = float((gains - errors).max())
    tie = EQUAL * max(0.0, updates.trace - sure)
    leaders = np.flatnonzero(gains + errors >= sure - tie)
    gains = gains[leaders]
    if len(leaders) > 1 and errors[leaders].max() > tie:
        gains = updates.exact_gains(items[leaders])
        tie = EQUAL * max(0.0, updates.trace - gains.max()) + ROUNDING * gains.max()
    return int(leaders[lowest_of_the_highest(gains, tie)])


def _rest(updates: FisherUpdates) -> FloatArray:
    """Gains of all, with as many digits as it takes to tell one from another."""
    gains = updates.gains()
    if len(gains) and updates.errors.max() > EQUAL * gains.max():
        return updates.exact_gains(np.arange(len(gains)))
    return gains


def _backward(updates: FisherUpdates, indices: IntArray, n: int) -> IntArray:
    if len(indices) == n:
        return indices
    factors = updates.factors[indices]
    seen = updates.root.T @ fisher_columns(factors, updates.embeddings[indices])
    reach = updates.target_root.T @ updates.root
    return indices[dispensable(seen, reach, factors.shape[2], n)]
