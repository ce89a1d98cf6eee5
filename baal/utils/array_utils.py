"""Small helpers on batches and predictions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from baal.exceptions import InvalidArgumentError
from baal.utils.iterutils import map_on_tensor

__all__ = ["concatenate_batches", "stack_in_memory", "to_numpy"]


def stack_in_memory(data: Any, iterations: int) -> Any:
    """Repeat a batch along its first axis, once for each posterior sample.

    Args:
        data: A tensor `[B, ...]`, or a nested structure of them.
        iterations: Number of posterior samples `K`, at least 1.

    Returns:
        The same structure of tensors `[K * B, ...]`; row `k * B + b` is item `b` for sample `k`.

    Raises:
        InvalidArgumentError: `iterations` is below 1.

    Example:
        >>> import torch
        >>> stack_in_memory(torch.tensor([[1, 2], [3, 4]]), 2).tolist()
        [[1, 2], [3, 4], [1, 2], [3, 4]]
    """
    if iterations < 1:
        raise InvalidArgumentError(f"Expected `iterations` to be at least 1, but got {iterations}.")
    return map_on_tensor(lambda tensor: tensor.repeat(iterations, *([1] * (tensor.ndim - 1))), data)


def to_numpy(tensor: torch.Tensor, half: bool = False) -> npt.NDArray[Any]:
    """A tensor as an array on the CPU.

    Args:
        tensor: Any shape, on any device.
        half: Give float16 rather than the tensor's own type.

    Returns:
        The same shape; bfloat16, which NumPy does not have, becomes float32.

    Example:
        >>> to_numpy(torch.ones(2, dtype=torch.bfloat16)).dtype
        dtype('float32')
    """
    if half:
        tensor = tensor.half()
    elif tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return tensor.cpu().numpy()


def concatenate_batches(batches: list[Any]) -> Any:
    """Put batches of predictions together.

    Args:
        batches: Arrays `[B, ...]`, or lists or dicts of them, nested as deep as it likes; at least
            one batch.

    Returns:
        One of them, with arrays `[N, ...]`. What a dict holds beside arrays (no loss, a cache)
        belongs to a batch and is left out.

    Example:
        >>> import numpy as np
        >>> concatenate_batches([{"x": np.zeros((2, 3)), "loss": None}] * 2)["x"].shape
        (4, 3)
    """
    first = batches[0]
    if isinstance(first, Mapping):
        return {
            key: concatenate_batches([batch[key] for batch in batches])
            for key, value in first.items()
            if isinstance(value, Mapping | list | tuple | np.ndarray)
        }
    if isinstance(first, list | tuple):
        return [concatenate_batches(list(parts)) for parts in zip(*batches, strict=True)]
    return np.concatenate(batches)
