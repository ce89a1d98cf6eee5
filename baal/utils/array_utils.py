"""Small helpers on batches and predictions."""

from typing import Any

from baal.exceptions import InvalidArgumentError
from baal.utils.iterutils import map_on_tensor

__all__ = ["stack_in_memory"]


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
