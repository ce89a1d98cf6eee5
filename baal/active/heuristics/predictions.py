"""Reading what a model predicted: arrays, tensors of any framework, iterables of batches.

No framework is imported: a tensor is known by its methods.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.utils.probabilities import tensor_to_numpy

__all__ = [
    "BLOCK_ELEMENTS",
    "as_array",
    "is_batches",
    "items_per_block",
    "join",
    "read_whole",
    "reblock",
]

# A block of float32 takes 2 MiB: it stays inside a core's caches while it is looked at. With half
# as much, the calls into NumPy would cost a tenth of the time more.
BLOCK_ELEMENTS = 2**19


def is_batches(predictions: Any) -> TypeGuard[Iterable[Any]]:
    """Whether this is an iterable of batches, rather than one array in whatever form.

    Args:
        predictions: Whatever a user gave. Lists and tuples are arrays, spelled out or wrapped.

    Returns:
        True for generators, data loaders and other iterables.

    Example:
        >>> is_batches(iter([np.zeros((2, 3))])), is_batches([[0.5, 0.5]])
        (True, False)
    """
    if isinstance(predictions, list | tuple | str | bytes | Mapping):
        return False
    return hasattr(predictions, "__iter__") and not _is_array(predictions)


def as_array(predictions: Any, name: str = "predictions") -> npt.NDArray[Any]:
    """Read one array; nothing is copied that NumPy can look at as it is.

    Args:
        predictions: An array, a tensor (also one that requires gradients, lies on an accelerator,
            or is of bfloat16), a list with one of these, or nested lists of numbers.
        name: What the caller calls the argument, for the error's message.

    Returns:
        The same shape, in float16, float32 or float64. It may share memory with the input.

    Raises:
        InvalidArgumentError: A list of several arrays, or nested lists of unequal lengths.
        InvalidTypeError: Not numbers.

    Example:
        >>> as_array([np.array([[1, 0]])]).tolist()
        [[1.0, 0.0]]
    """
    # 0-dimensional arrays and tensors in a list stand for its numbers.
    if isinstance(predictions, list | tuple) and any(
        _is_array(part) and part.shape for part in predictions
    ):
        if len(predictions) > 1:
            raise InvalidArgumentError(
                f"Expected `{name}` to be one array, a list with one array, or an iterator of "
                f"batches, but got a list of {len(predictions)} arrays. Pass batches as "
                "`iter(batches)`; the outputs of a model with several are scored one by one."
            )
        predictions = predictions[0]
    if hasattr(predictions, "detach") and hasattr(predictions, "numpy"):
        return _as_floats(tensor_to_numpy(predictions), name)
    if isinstance(predictions, str | bytes | Mapping) or predictions is None:
        raise InvalidTypeError(
            f"Expected `{name}` to be an array, a tensor or an iterable of batches, "
            f"but got {type(predictions).__name__}."
        )
    try:
        return _as_floats(np.asarray(predictions), name)
    except ValueError as error:
        raise InvalidArgumentError(
            f"Expected `{name}` to be a rectangular array, but got nested lists of unequal lengths."
        ) from error


def reblock(
    batches: Iterable[Any], name: str = "predictions", block_size: int | None = None
) -> Iterator[npt.NDArray[Any]]:
    """Cut batches of any sizes anew into blocks of one size, so that their cuts have no effect.

    Args:
        batches: Each of them `[B, ...]`, whatever `as_array` reads; `B` may vary and be 0.
        name: What the caller calls the argument, for the error's message.
        block_size: Items of a block; by default `items_per_block` of the items' shape.

    Yields:
        Blocks of as many items, the last one shorter; a block without items if there
        were batches and none held any; nothing if there were no batches. A block never shares
        memory with a batch.

    Raises:
        InvalidArgumentError: The batches' items differ in shape, or a batch has no axis of items.
        InvalidTypeError: A batch does not hold numbers.

    Example:
        >>> [block.tolist() for block in reblock(iter([np.zeros(1), np.ones(2)]))]
        [[0.0, 1.0, 1.0]]
    """
    block: npt.NDArray[Any] | None = None
    filled = total = 0
    for number, batch in enumerate(batches):
        array = as_array(batch, name)
        if block is None:
            size = _batch_block_size(array, name, block_size)
            block = np.empty((size, *array.shape[1:]), array.dtype)
        elif array.shape[1:] != block.shape[1:] or array.ndim != block.ndim:
            raise InvalidArgumentError(
                f"Expected every batch of `{name}` to hold items of shape {block.shape[1:]} like "
                f"the first, but got batch {number} of shape {array.shape}."
            )
        if not np.can_cast(array.dtype, block.dtype):  # float16 first, and then float32
            wider = np.empty(block.shape, np.promote_types(array.dtype, block.dtype))
            wider[:filled] = block[:filled]  # the rest holds no values yet
            block = wider
        start = 0
        while start < len(array):
            piece = array[start : start + len(block) - filled]
            block[filled : filled + len(piece)] = piece
            start, filled, total = start + len(piece), filled + len(piece), total + len(piece)
            if filled == len(block):
                full, block = block, None
                yield full
                # A new one: whoever scored the last may have kept a view of it. Let go of it first.
                shape, dtype = full.shape, full.dtype
                del full
                block, filled = np.empty(shape, dtype), 0
    if block is not None and (filled or not total):
        yield block[:filled]


def join(batches: Iterable[Any], name: str = "predictions") -> npt.NDArray[Any]:
    """All batches as one array, for whatever needs the whole of them at once.

    Args:
        batches: Each of them `[B, ...]`.
        name: What the caller calls the argument, for the error's message.

    Returns:
        `[N, ...]`, the batches one after the other.

    Raises:
        InvalidArgumentError: No batch at all, or as for `reblock`.
        InvalidTypeError: A batch does not hold numbers.

    Example:
        >>> join(iter([np.zeros(1), np.ones(2)])).tolist()
        [0.0, 1.0, 1.0]
    """
    blocks = list(reblock(batches, name))
    if not blocks:
        raise InvalidArgumentError(f"Expected `{name}` to yield at least one batch, but got none.")
    return np.concatenate(blocks)


def read_whole(predictions: Any, name: str = "predictions") -> npt.NDArray[Any]:
    """Read an array or an iterable of batches, in one piece.

    Args:
        predictions: `[N, ...]`, or batches of it.
        name: What the caller calls the argument, for the error's message.

    Returns:
        `[N, ...]`.

    Raises:
        InvalidArgumentError: As for `as_array` and `join`.
        InvalidTypeError: These are no numbers.

    Example:
        >>> read_whole([1.0, 2.0]).tolist(), read_whole(iter([np.ones(1)])).tolist()
        ([1.0, 2.0], [1.0])
    """
    return join(predictions, name) if is_batches(predictions) else as_array(predictions, name)


def items_per_block(item_shape: tuple[int, ...]) -> int:
    """How many items of a shape make a block: as many as fit, at least one.

    Args:
        item_shape: `(C, ..., K)`.

    Returns:
        The number of items.

    Example:
        >>> items_per_block((10, 20)), items_per_block((21, 256, 256, 20))
        (2621, 1)
    """
    return max(1, BLOCK_ELEMENTS // max(1, int(np.prod(item_shape))))


def _batch_block_size(first: npt.NDArray[Any], name: str, wanted: int | None) -> int:
    if first.ndim == 0:
        raise InvalidArgumentError(
            f"Expected each batch of `{name}` to be [B, ...], but got a single number."
        )
    return wanted or items_per_block(first.shape[1:])


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and (hasattr(value, "__array__") or hasattr(value, "detach"))


def _as_floats(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    if array.dtype in (np.float16, np.float32, np.float64):
        return array
    if array.dtype.kind in "iubf":
        return array.astype(np.float64)
    if array.dtype.name == "bfloat16":  # arrays of JAX
        return array.astype(np.float32)
    raise InvalidTypeError(
        f"Expected `{name}` to hold real numbers, but got an array of dtype {array.dtype}."
    )
