"""Walking over nested batches."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

__all__ = ["map_on_tensor"]

# Sequences that hold no tensors.
_WHOLE = (str, bytes, bytearray, memoryview, range)


def map_on_tensor(fn: Callable[[torch.Tensor], Any], x: Any) -> Any:
    """Apply a function to every tensor of a nested batch.

    Args:
        fn: Applied to each tensor.
        x: A tensor, or mappings, sequences and named tuples of them, nested as deep as it likes.
            Whatever is none of these (strings, bytes, ranges and numbers among them) stays as it
            is.

    Returns:
        The same structure, with `fn(tensor)` in the place of each tensor. It is new, with dicts
        for mappings, and lists for sequences that are no tuples.

    Example:
        >>> map_on_tensor(lambda t: t.shape[0], {"x": torch.zeros(3, 2), "names": ["a"]})
        {'x': 3, 'names': ['a']}
    """
    if isinstance(x, torch.Tensor):
        return fn(x)
    if isinstance(x, Mapping):
        return {key: map_on_tensor(fn, value) for key, value in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(map_on_tensor(fn, value) for value in x))
    if isinstance(x, Sequence) and not isinstance(x, _WHOLE):
        mapped = [map_on_tensor(fn, value) for value in x]
        return tuple(mapped) if isinstance(x, tuple) else mapped
    return x
