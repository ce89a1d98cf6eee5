"""Valid positions: what is padding, or a region to ignore, has no say in an item's score."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.predictions import as_array, is_batches, items_per_block, reblock
from baal.exceptions import InvalidArgumentError

__all__ = ["masked_blocks", "valid_positions"]

Array = npt.NDArray[Any]


def masked_blocks(predictions: Any, mask: Any) -> Iterator[tuple[Array, Array]]:
    """Walk over predictions and their mask in step, block by block.

    Args:
        predictions: `[N, C, ..., K]`, or batches of it.
        mask: `[N, ...]`, True (or 1) where a position is valid, or batches of it; their cuts need
            not be those of the predictions.

    Yields:
        `(block [n, C, ..., K], valid [n, ...])`. Positions that are not valid hold one and the same
        value, which is a probability of equal classes and as good a logit, so that whatever stood
        there decides nothing.

    Raises:
        InvalidArgumentError: The mask's shape does not fit, or it holds other values than 0 and 1.
        InvalidTypeError: These are no numbers.

    Example:
        >>> p = np.array([[[0.9, 0.0], [0.1, 0.0]]])[..., None]  # [N=1, C=2, L=2, K=1]
        >>> [(block, valid)] = masked_blocks(p, [[True, False]])
        >>> block[0, :, :, 0].tolist(), valid.tolist()
        ([[0.9, 0.5], [0.1, 0.5]], [[True, False]])
    """
    masks: Iterator[Array] | None = None
    for block in reblock(_batches(predictions, "predictions")):
        if masks is None:  # as many items in a block as the predictions have
            size = items_per_block(block.shape[1:])
            masks = reblock(_batches(mask, "mask"), "mask", size)
        valid = _check_mask(next(masks, None), block)
        values = 1 / block.shape[1] if block.ndim > 1 and block.shape[1] > 1 else 0.5
        if block.ndim > 1:
            classes_last = np.moveaxis(block, 1, -1)  # [n, ..., K, C], a view
            classes_last[~valid] = values
        yield block, valid
    if masks is not None and any(len(rest) for rest in masks):
        raise InvalidArgumentError(
            "Expected `mask` to have as many items as `predictions`, but got more."
        )


def valid_positions(predictions: Any) -> npt.NDArray[np.bool_]:
    """The mask of predictions that have padding marked, as those of Hugging Face trainers.

    Args:
        predictions: `[N, C, ..., K]`; padding is NaN in all classes and samples.

    Returns:
        `[N, ...]`, False where it is padding.

    Example:
        >>> p = np.array([[[0.9, np.nan], [0.1, np.nan]]])[..., None]  # [N=1, C=2, L=2, K=1]
        >>> valid_positions(p).tolist()
        [[True, False]]
    """
    array = as_array(predictions)
    mask: npt.NDArray[np.bool_] = ~np.isnan(array).all(axis=(1, -1))
    return mask


def _batches(given: Any, name: str) -> Iterable[Any]:
    return given if is_batches(given) else [as_array(given, name)]


def _check_mask(mask: Array | None, block: Array) -> Array:
    positions = block.shape[:1] + block.shape[2:-1]
    if mask is None or mask.shape != positions:
        raise InvalidArgumentError(
            f"Expected `mask` to be [N, ...] with as many items as `predictions`, here "
            f"{positions}, but got {'no more items' if mask is None else f'shape {mask.shape}'}."
        )
    if not np.isin(mask, (0, 1)).all():
        raise InvalidArgumentError(
            "Expected `mask` to be True (or 1) where a position is valid and False (or 0) where "
            f"not, but got values from {mask.min()} to {mask.max()}."
        )
    return mask.astype(bool)
