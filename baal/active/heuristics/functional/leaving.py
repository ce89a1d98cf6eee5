"""Which of the items of a batch it can best do without."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import qr

__all__ = ["dispensable"]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]


# Losses that differ by a smaller part have a tie.
EQUAL = 1e-9

# Blocks of K^-1, which is at most one, have digits enough after differences if they are no smaller.
_SMALL = 1e-4


def dispensable(seen: FloatArray, reach: FloatArray, n_factors: int, n: int) -> list[int]:
    r"""Let items leave one by one, each the one whose leaving raises a trace least.

    $$tr(M^{-1} T), \quad M = M_0 + \sum_i V_i V_i^T$$

    With `W = B^T V`, where `M_0^-1 = B B^T`, and `K = I + W^T W`, what an item's leaving adds is
    `tr(d^-1 Y^T Y)`, with `d` its block of `K^-1` and `Y` its columns of `G^T B W K^-1`, where `T =
    G G^T`. For `d` the plain form is `I - V^T M^-1 V`, a difference of which nothing but rounding
    is left where an item is long and has no copy. Here both come from an orthogonal basis: with
    `[I; W] = [Q_1; Q_2] R` they are the blocks of `Q_1 Q_1^T`, and the columns of
    `G^T B Q_2 Q_1^T`.

    Args:
        seen: `W` of m items that are chosen, item beside item, `[P, m R]`.
        reach: `G^T B`, `[Q, P]`.
        n_factors: `R`.
        n: How many stay.

    Returns:
        The places of those that stay, in their order. Of copies the last one goes.

    Example:
        >>> w = np.array([[3.0, 3.0, 0.0], [0.0, 0.0, 1.0]])
        >>> dispensable(w, np.eye(2), 1, n=2), dispensable(w, np.eye(2), 1, n=1)
        ([0, 2], [0])
    """
    if seen.shape[0] > seen.shape[1]:  # the items lie in fewer directions
        basis, seen = qr(seen, mode="economic")
        reach = reach @ basis
    if reach.shape[0] > reach.shape[1]:  # only products of its columns count
        reach = qr(reach, mode="economic")[1]
    stay = list(range(seen.shape[1] // n_factors))
    losses, inverse, y = _afresh(seen, reach, n_factors)
    while len(stay) > n:
        least = int(np.flatnonzero(losses <= losses.min() * (1 + EQUAL))[-1])
        del stay[least]
        gone = slice(least * n_factors, (least + 1) * n_factors)
        seen = np.delete(seen, gone, axis=1)
        if len(stay) == n:
            break
        inverse, y = _without(inverse, y, gone)
        blocks = _blocks(inverse, n_factors)
        if np.linalg.eigvalsh(blocks).min() > _SMALL:
            losses = _losses(blocks, y)
        else:
            losses, inverse, y = _afresh(seen, reach, n_factors)
    return stay


def _afresh(
    seen: FloatArray, reach: FloatArray, n_factors: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Losses, `K^-1`, and all the columns `Y^T`, by an orthogonal basis."""
    size = seen.shape[1]
    basis = qr(np.concatenate([np.eye(size), seen]), mode="economic")[0]
    upper = basis[:size]
    y = upper @ (reach @ basis[size:]).T
    corners = np.linalg.qr(np.swapaxes(upper.reshape(-1, n_factors, size), 1, 2), mode="r")
    # Roots of the blocks of K^-1.
    scaled = np.linalg.solve(np.swapaxes(corners, 1, 2), y.reshape(-1, n_factors, len(reach)))
    return np.asarray(np.einsum("nrq,nrq->n", scaled, scaled)), upper @ upper.T, y


def _without(inverse: FloatArray, y: FloatArray, gone: slice) -> tuple[FloatArray, FloatArray]:
    """`K^-1` and `Y^T` without some columns of `W`."""
    shares = np.linalg.solve(inverse[gone, gone], inverse[gone])
    inverse, y = inverse - inverse[:, gone] @ shares, y - shares.T @ y[gone]
    return np.delete(np.delete(inverse, gone, axis=0), gone, axis=1), np.delete(y, gone, axis=0)


def _blocks(inverse: FloatArray, n_factors: int) -> FloatArray:
    n_items = len(inverse) // n_factors
    items = np.arange(n_items)
    return inverse.reshape(n_items, n_factors, n_items, n_factors)[items, :, items]


def _losses(blocks: FloatArray, y: FloatArray) -> FloatArray:
    parts = y.reshape(len(blocks), -1, y.shape[1])
    solved = np.linalg.solve(blocks, parts @ np.swapaxes(parts, 1, 2))
    return np.asarray(np.maximum(np.trace(solved, axis1=1, axis2=2), 0))
