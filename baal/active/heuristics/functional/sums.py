"""Sums and logarithms behind the scores: fast where that shows, exact where that does.

Logarithms are taken, and samples averaged, in the precision of the input (float32 for half
precision), by sums whose order depends on the shape alone: never on an item's place among others,
nor on threads. Classes are summed in float64.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError

__all__: list[str] = []

Array = npt.NDArray[Any]

# Of so many terms, summed several at a time, float32 keeps a sum within a few units of its last
# place; and of so many classes, which are summed one after the other.
MOST_TERMS = 4096
MOST_CLASSES = 64


def checked(values: npt.ArrayLike, name: str = "probabilities") -> Array:
    """The array in float32 or float64, its shape checked: `[N, C, ..., K]`."""
    array = np.asarray(values)
    if array.ndim < 3 or 0 in array.shape[1:]:
        raise InvalidArgumentError(
            f"Expected `{name}` to be [N, C, ..., K] with at least one class and one "
            f"posterior sample, but got shape {array.shape}."
        )
    if array.dtype == np.float32:
        return array
    return array.astype(np.float32 if array.dtype == np.float16 else np.float64, copy=False)


def mean_over_samples(p: Array) -> Array:
    """`[N, C, ..., K]` to `[C, N, ...]` of the same dtype; classes first.

    So all that follows, which compares or sums classes, walks along rows of items and positions.
    """
    n_samples = p.shape[-1]
    with np.errstate(invalid="ignore"):  # inf - inf: a broken item
        if n_samples > MOST_TERMS:
            wide = p.mean(axis=-1, dtype=np.float64)
            return np.asarray(np.moveaxis(wide, 1, 0), dtype=p.dtype)
        mean = np.ascontiguousarray(np.einsum("nc...k->cn...", p))
        mean /= n_samples
    return mean


def with_both_outcomes(p: Array, axis: int = 1) -> Array:
    """A single class along `axis` gets its opposite, a Bernoulli's; more stay as they are."""
    return np.concatenate([p, 1 - p], axis=axis) if p.shape[axis] == 1 else p


def entropy(p: Array) -> Array:
    """`-sum_c p ln p` of `[C, N, ...]`, to `[N, ...]` float64, with `0 ln 0 = 0`."""

    def summed(logs: Array) -> Array:
        return np.asarray(np.multiply(p, logs, out=logs).sum(axis=0, dtype=np.float64))

    with np.errstate(divide="ignore", invalid="ignore"):
        total = summed(np.log(p))
        if not np.isfinite(total).all():  # a zero somewhere, or a broken value
            total = summed(_floored(np.log(p)))
    return np.asarray(0.0 - total)  # 0.0 -: no negative zero


def mean_entropy(p: Array) -> Array:
    """The entropy of each sample of `[N, C, ..., K]`, averaged over them, to `[N, ...]` float64."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(p)
        total = _sum_of_products(p, logs)
        if not np.isfinite(total).all():
            total = _sum_of_products(p, _floored(logs))
    return np.asarray(0.0 - total / p.shape[-1])


def _floored(logs: Array) -> Array:
    """Ln of the smallest number instead of -inf, in place: 0 times it is 0."""
    floor = np.log(np.finfo(logs.dtype).tiny)
    return np.asarray(np.maximum(logs, floor, out=logs))


def _sum_of_products(p: Array, logs: Array) -> Array:
    """`[N, C, ..., K]` times their logarithms, to `[N, ...]` float64."""
    n_items, n_classes, *positions, n_samples = p.shape
    n_terms = n_classes * n_samples
    if int(np.prod(positions)) == 1 and n_terms <= MOST_TERMS:  # an item is one row
        rows = (n_items, n_terms)
        sums = np.einsum("nj,nj->n", p.reshape(rows), logs.reshape(rows))
        return np.asarray(sums, dtype=np.float64).reshape(n_items, *positions)
    by_sample = np.zeros((n_items, *positions, n_samples))
    for first in range(0, n_classes, MOST_CLASSES):
        some = slice(first, first + MOST_CLASSES)
        by_sample += np.einsum("nc...,nc...->n...", p[:, some], logs[:, some])
    return np.asarray(np.einsum("...k->...", by_sample))
