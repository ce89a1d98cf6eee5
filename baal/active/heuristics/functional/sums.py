"""Sums and logarithms behind the scores: fast where that shows, exact where that does.

Logarithms are taken in the precision of the input (float32 for half precision). Samples are summed
in float64, so that the mean of equal samples is exactly each of them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError

__all__: list[str] = []

Array = npt.NDArray[Any]

# Of so many terms float32 keeps a sum within a few units of its last place.
MOST_TERMS = 4096
MOST_CLASSES = 64  # summed one after the other


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
    """`[N, C, ..., K]` to `[N, C, ...]`, summed in float64 and rounded once."""
    mean = sum_over_samples(p)
    mean /= p.shape[-1]
    return mean.astype(p.dtype, copy=False)


def sum_over_samples(p: Array) -> Array:
    """`[N, C, ..., K]` to `[N, C, ...]` float64."""
    wide = p.astype(np.float64, order="C", copy=False)
    with np.errstate(invalid="ignore"):  # inf - inf: a broken item
        sums = wide.reshape(-1, p.shape[-1]) @ np.ones(p.shape[-1])
    return np.asarray(sums.reshape(p.shape[:-1]))


def with_both_outcomes(p: Array) -> Array:
    """`[N, 1, ...]` to `[N, 2, ...]`, a Bernoulli's two outcomes; more classes stay as they are."""
    return np.concatenate([p, 1 - p], axis=1) if p.shape[1] == 1 else p


def entropy(p: Array) -> Array:
    """`-sum_c p ln p` of `[N, C, ...]`, to `[N, ...]` float64, with `0 ln 0 = 0`."""
    return _minus_p_log_p(p, _sum_over_classes)


def mean_entropy(p: Array) -> Array:
    """The entropy of each sample of `[N, C, ..., K]`, averaged over them, to `[N, ...]` float64."""
    return np.asarray(_minus_p_log_p(p, _sum_over_classes_and_samples) / p.shape[-1])


def _minus_p_log_p(p: Array, summed: Any) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        total = summed(p, np.log(p))
        if not np.isfinite(total).all():  # a zero somewhere, or a broken value
            # ln of the smallest number is finite, and 0 times it is 0
            total = summed(p, np.log(np.maximum(p, np.finfo(p.dtype).tiny)))
    return np.asarray(0.0 - total)  # 0.0 -: no negative zero


def _sum_over_classes(p: Array, logs: Array) -> Array:
    products = np.multiply(p, logs, out=logs)
    if p.shape[-1] == 1 or p.ndim == 2:  # few positions: rows of classes
        return np.asarray(np.einsum("nc...->n...", products.astype(np.float64, copy=False)))
    return np.asarray(products.sum(axis=1, dtype=np.float64))


def _sum_over_classes_and_samples(p: Array, logs: Array) -> Array:
    """`[N, C, ..., K]` to `[N, ...]`; the order of summation never depends on the place."""
    n_items, n_classes, *positions, n_samples = p.shape
    if int(np.prod(positions)) == 1 and n_classes * n_samples <= MOST_TERMS:
        rows = (n_items, n_classes * n_samples)
        sums = np.einsum("nj,nj->n", p.reshape(rows), logs.reshape(rows)).astype(np.float64)
        return np.asarray(sums.reshape(n_items, *positions))
    if n_classes <= MOST_CLASSES:
        by_sample = np.einsum("nc...,nc...->n...", p, logs)
        return sum_over_samples(by_sample)
    by_class = np.einsum("nc...k,nc...k->nc...", p, logs)
    return np.asarray(by_class.sum(axis=1, dtype=np.float64))
