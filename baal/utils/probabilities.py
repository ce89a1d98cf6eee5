"""Telling probabilities from logits, and turning logits into probabilities, with NumPy alone."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

__all__ = [
    "are_probabilities",
    "in_unit_range",
    "logits_to_probabilities",
    "sums_to_one",
    "tensor_to_numpy",
    "to_probabilities",
]

# A bfloat16 softmax is off by up to two units of 2^-7 in its sum. NumPy has no bfloat16, so such
# probabilities arrive here as float32 or float64: the dtype is no upper bound on their precision.
SUM_TOLERANCE = 2.0**-6
# Averaging ones can give one and a few units in the last place. For a single output column the
# range is all there is to see, hence a tolerance as small as the dtype allows.
RANGE_ULPS = 4
# How far from the truth a weighted sum over columns that sum to one in float32 may be, as a part of
# itself; coarser values are looked at column by column.
PROJECTION_TOLERANCE = 2.0**-18
SMALL_WIDTH = 128  # columns of an item; the sums of more are rows long enough to be fast
SMALL_PRODUCT = 8192  # values; no BLAS spreads so small a product over threads


def in_unit_range(values: npt.NDArray[Any], eps: float | None = None) -> bool:
    """Whether every value could be a probability, judged by its range alone.

    NaN and +inf stand for broken items and are passed over, so that one of them does not decide
    how all others are read; -inf is how logits rule a class out, and never a probability.

    Args:
        values: Floating-point values of any shape.
        eps: Machine epsilon of the precision in which they were computed; by default that of their
            dtype, or of float32 where that is larger.

    Returns:
        True if all lie in [0, 1], within a few `eps`.

    Example:
        >>> in_unit_range(np.array([0.0, 1 + 1e-7])), in_unit_range(np.array([0.5, 1.1]))
        (True, False)
    """
    if values.size == 0:
        return True
    tolerance = RANGE_ULPS * (eps or precision(values))
    if _bits_in_range(values, 1 + tolerance):
        return True
    lowest, highest = values.min(), values.max()
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        judged = values[~np.isnan(values) & (values != np.inf)]
        lowest, highest = judged.min(initial=0), judged.max(initial=0)
    return bool(lowest >= -tolerance and highest <= 1 + tolerance)


def sums_to_one(values: npt.NDArray[Any]) -> bool:
    """Whether every column along axis 1 sums to one, within what low precision makes of a sum.

    Args:
        values: Floating-point values `[N, C, ...]`. Columns with NaN or +inf are passed over.

    Returns:
        True if all do. The tolerance is 2^-6, two units of bfloat16.

    Example:
        >>> sums_to_one(np.array([[0.3, 0.7]])), sums_to_one(np.array([[0.3, 0.5]]))
        (True, False)
    """
    if values.size == 0:
        return True
    small = values[0, 0].size < SMALL_WIDTH and values[0].size <= SMALL_PRODUCT
    if small and _projections_sum_to_one(values):
        return True
    sums = values.sum(axis=1)  # [N, ...]
    if sums.min() >= 1 - SUM_TOLERANCE and sums.max() <= 1 + SUM_TOLERANCE:
        return True
    off = np.abs(sums - 1) > SUM_TOLERANCE  # False of NaN
    return not bool(np.any(off & (sums < np.inf)))


def are_probabilities(values: npt.NDArray[Any], eps: float | None = None) -> bool:
    """Whether values are probabilities of classes, by their range and their sums.

    Args:
        values: Floating-point values `[N, C, ...]`; a single column is that of a Bernoulli.
        eps: As for `in_unit_range`.

    Returns:
        True if they are.

    Example:
        >>> are_probabilities(np.array([[0.3, 0.7]])), are_probabilities(np.array([[0.3, 0.5]]))
        (True, False)
    """
    eps = eps or precision(values)
    wide = values.astype(np.float32) if values.dtype == np.float16 else values
    return in_unit_range(wide, eps) and (wide.shape[1] == 1 or sums_to_one(wide))


def to_probabilities(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Probabilities as they are; the softmax of anything else.

    Args:
        values: `[N, C, ...]`, see `baal.utils.array_utils.to_prob`.

    Returns:
        `[N, C, ...]`; of the dtype of `values`, float64 for integers.

    Example:
        >>> to_probabilities(np.array([[3, 3]])).tolist()
        [[0.5, 0.5]]
    """
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    if are_probabilities(values):
        return values
    wide = values.astype(np.float32) if values.dtype == np.float16 else values
    return logits_to_probabilities(wide).astype(values.dtype, copy=False)


def logits_to_probabilities(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Softmax over axis 1; the logistic function where that axis holds a single output.

    Args:
        logits: `[N, C, ...]`, float32 or float64.

    Returns:
        Probabilities of the same shape and dtype. A class with a logit of -inf gets 0.

    Example:
        >>> logits_to_probabilities(np.log([[1.0, 3.0]])).round(6).tolist()
        [[0.25, 0.75]]
        >>> logits_to_probabilities(np.zeros((1, 1))).tolist()
        [[0.5]]
    """
    if logits.shape[1] == 1:
        return np.asarray(expit(logits))
    # In place: this runs on blocks as large as the cache, which temporaries would push out of it.
    with np.errstate(invalid="ignore"):  # inf - inf: a broken item, reported where it is ranked
        probabilities = logits - logits.max(axis=1, keepdims=True)
        np.exp(probabilities, out=probabilities)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    return np.asarray(probabilities)


def tensor_to_numpy(tensor: Any) -> npt.NDArray[Any]:
    """A torch tensor, on any device and with a gradient or without, as an array.

    Args:
        tensor: Any shape.

    Returns:
        The same shape; types that NumPy does not have, bfloat16 say, become float32.

    Example:
        >>> import torch
        >>> tensor_to_numpy(torch.ones(2, dtype=torch.bfloat16, requires_grad=True)).dtype
        dtype('float32')
    """
    on_cpu = tensor.detach().cpu()
    try:
        return np.asarray(on_cpu.numpy())
    except TypeError:  # bfloat16 and the 8-bit floats have no NumPy dtype
        return np.asarray(on_cpu.float().numpy())


def precision(values: npt.NDArray[Any]) -> float:
    """Machine epsilon of the dtype, and no smaller than float32's: wider arrays are often casts.

    Example:
        >>> precision(np.zeros(1, np.float16)) == 2**-10, precision(np.zeros(1)) == 2**-23
        (True, True)
    """
    return float(max(np.finfo(values.dtype).eps, np.finfo(np.float32).eps))


def _bits_in_range(values: npt.NDArray[Any], highest: float) -> bool:
    """Whether all lie in [0, highest], by one pass; False as well if there is a -0.0."""
    # As unsigned integers, floats from 0 on come in their order, and before infinities, NaN, and
    # everything with a sign.
    unsigned = np.dtype(f"u{values.itemsize}")
    return bool(values.view(unsigned).max() <= np.array(highest, values.dtype).view(unsigned))


def _projections_sum_to_one(values: npt.NDArray[Any]) -> bool:
    """Whether a weighted sum over the columns of each item says that all of them sum to one.

    One pass of long rows, where the sums of short columns would be many short ones, three times as
    slow. A single column that is off is always seen. Several that make up for each other could only
    hide by a coincidence of their sums with the weights, in every item that has any. False: not
    known.
    """
    n_items, n_classes = values.shape[:2]
    weights, total = _weights(values[0, 0].size, n_classes, values.dtype.str)
    rows = values.reshape(n_items, -1)
    n_together = SMALL_PRODUCT // rows.shape[1]
    whole = n_items - n_items % n_together
    groups = rows[:whole].reshape(-1, n_together, rows.shape[1])
    slack = PROJECTION_TOLERANCE * total
    with np.errstate(invalid="ignore", over="ignore"):
        return all(
            sums.min(initial=total) >= total - slack and sums.max(initial=total) <= total + slack
            for sums in (groups @ weights, rows[whole:] @ weights)
        )


@lru_cache(maxsize=32)
def _weights(width: int, repeats: int, dtype: str) -> tuple[npt.NDArray[Any], float]:
    """A weight from 1 to 2 for each column, repeated for each class, and the sum of one round."""
    golden = (1 + 5**0.5) / 2  # its multiples are spread evenly
    weights = (1 + np.arange(1, width + 1) * golden % 1).astype(dtype)
    return np.tile(weights, repeats), float(weights.sum(dtype=np.float64))
