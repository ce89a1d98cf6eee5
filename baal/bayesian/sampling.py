"""Posterior samples of a model: K predictions for each item."""

from typing import Any

import torch
from torch import nn

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.utils.array_utils import stack_in_memory
from baal.utils.iterutils import map_on_tensor

__all__ = ["sample_posterior"]


def sample_posterior(
    model: nn.Module, data: Any, iterations: int, *, stack_inputs: bool = True
) -> Any:
    """Draw `iterations` posterior samples of a model's output on one batch.

    The model is called as it is, in the mode it is in, without gradients.

    Args:
        model: A stochastic module, such as one patched by `baal.bayesian.dropout.patch_module`.
        data: Its input: a tensor `[B, ...]`, or a nested structure of them.
        iterations: Number of posterior samples `K`, at least 1.
        stack_inputs: Repeat the inputs K times and make one pass, rather than K passes.

    Returns:
        What the model returns, with each tensor `[B, C, ...]` become `[B, C, ..., K]`.

    Raises:
        InvalidArgumentError: `iterations` is below 1.
        InvalidTypeError: `iterations` is no whole number.

    Example:
        >>> net = nn.Linear(3, 2)
        >>> sample_posterior(net, torch.zeros(4, 3), iterations=5).shape
        torch.Size([4, 2, 5])
    """
    check_iterations(iterations)
    with torch.no_grad():
        if stack_inputs:
            stacked = model(stack_in_memory(data, iterations))
            return map_on_tensor(
                lambda out: out.reshape(iterations, -1, *out.shape[1:]).movedim(0, -1), stacked
            )
        samples = [model(data) for _ in range(iterations)]
        return _stack_last(samples)


def check_iterations(iterations: int) -> None:
    """Refuse a number of posterior samples that is none.

    Args:
        iterations: Number of posterior samples `K`.

    Raises:
        InvalidArgumentError: It is below 1.
        InvalidTypeError: It is no whole number.

    Example:
        >>> check_iterations(20)
    """
    if isinstance(iterations, bool) or not hasattr(iterations, "__index__"):
        raise InvalidTypeError(f"Expected `iterations` to be an int, but got {iterations!r}.")
    if iterations < 1:
        raise InvalidArgumentError(f"Expected `iterations` to be at least 1, but got {iterations}.")


def _stack_last(samples: list[Any]) -> Any:
    """Nested outputs, one a sample -> one nested output whose tensors end in the axis K."""
    columns: list[list[torch.Tensor]] = []
    for sample in samples:
        leaves: list[torch.Tensor] = []
        map_on_tensor(leaves.append, sample)
        columns.append(leaves)
    leaf = iter(zip(*columns, strict=True))
    return map_on_tensor(lambda _: torch.stack(next(leaf), dim=-1), samples[0])
