"""Small helpers on batches and predictions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from baal.exceptions import InvalidArgumentError
from baal.utils.iterutils import map_on_tensor
from baal.utils.probabilities import are_probabilities, to_probabilities

__all__ = ["concatenate_batches", "stack_in_memory", "to_numpy", "to_prob"]


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


def to_prob(x: Any) -> Any:
    """Probabilities as they are; anything else is read as logits, of which the softmax is taken.

    Probabilities lie in [0, 1] and sum to one over the classes, within what their precision makes
    of it. A single output is a Bernoulli probability if all values lie in [0, 1], else its logit.
    One decision is made for all items; predictions that come in batches, of which one could look
    like probabilities, are read right by the `mode` of a heuristic.

    Args:
        x: Array, tensor or nested lists `[N, C, ...]`.

    Returns:
        `[N, C, ...]`, a tensor if `x` is one, on its device. Of the dtype of `x`; integers become
        floats. Probabilities are the very object that was given.

    Raises:
        InvalidArgumentError: `x` has fewer than two dimensions.

    Example:
        >>> import numpy as np
        >>> to_prob(np.log([[1.0, 3.0], [1.0, 1.0]])).round(6).tolist()
        [[0.25, 0.75], [0.5, 0.5]]
        >>> to_prob(np.array([[0.1, 0.9]])).tolist()
        [[0.1, 0.9]]
    """
    values = x if isinstance(x, torch.Tensor) else np.asarray(x)
    if values.ndim < 2:
        raise InvalidArgumentError(
            f"Expected `x` to be [N, C, ...], but got shape {list(values.shape)}"
        )
    if isinstance(values, np.ndarray):
        return to_probabilities(values)
    if not values.is_floating_point():
        values = values.to(torch.get_default_dtype())
    eps = max(torch.finfo(values.dtype).eps, torch.finfo(torch.float32).eps)
    if are_probabilities(to_numpy(values.detach()), eps):
        return values
    return values.sigmoid() if values.shape[1] == 1 else values.softmax(dim=1)
