"""The three ways of drawing several posterior samples on one batch.

Each gives the nested outputs with each tensor `[B, C, ...]` become `[B, C, ..., count]`.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch

from baal.bayesian.sampling.attention import batched_attention
from baal.bayesian.sampling.context import vmapped
from baal.bayesian.sampling.passes import Pass, forward_pass
from baal.bayesian.sampling.prefix import Prefix
from baal.bayesian.sampling.trees import leaves_of, n_items, with_leaves
from baal.exceptions import StateError
from baal.utils.array_utils import stack_in_memory
from baal.utils.iterutils import map_on_tensor

__all__ = ["by_loop", "by_stack", "by_vmap", "join_samples"]

Model: TypeAlias = Callable[[Any], Any]


def by_vmap(
    model: Model, data: Any, count: int, prefix: Prefix | None = None, first: int = 0
) -> Any:
    """All samples in one pass, in which each operation is done once until the first random one.

    Args:
        model: A stochastic module.
        data: Its input, `[B, ...]` or a nested structure of such tensors.
        count: Number of samples.
        prefix: Shares what comes before the randomness with other calls on the same batch.
        first: Number of the first sample.

    Returns:
        The outputs with an axis of `count` samples at the end.

    Raises:
        StateError: `torch.autocast` is enabled, which does not reach into vmap.
        Exception: Whatever `torch.func.vmap` makes of what the model does.

    Example:
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5))
        >>> by_vmap(net, torch.ones(4, 3), count=5).shape
        torch.Size([4, 2, 5])
    """
    if torch.is_autocast_enabled(_device_of(data).type):
        raise StateError(
            "Expected vmap to be used outside of torch.autocast, which it would ignore from the "
            "first random operation on, but got autocast enabled: use 'stack', 'loop' or 'auto'."
        )
    items = n_items(data)
    trees: list[Any] = []

    def one_sample(index: torch.Tensor) -> tuple[torch.Tensor, ...]:
        this = Pass(first, count, index, items=items)
        with forward_pass(this), batched_attention(index):
            tree = model(data) if prefix is None else prefix.run(lambda: model(data))
        trees.append(tree)
        return tuple(leaves_of(tree))

    # Made outside, so that a prefix does not take it for a part of the model.
    samples = torch.arange(count, device=_device_of(data))
    token = vmapped.set(True)
    try:
        leaves = torch.func.vmap(one_sample, randomness="different")(samples)
    finally:
        vmapped.reset(token)
    # Not by `out_dims=-1`: what does not differ between samples would come out in a wrong shape.
    # What does not differ is one sample seen K times: each is to have memory of its own.
    moved = (leaf.movedim(0, -1) for leaf in leaves)
    return with_leaves(trees[0], [m.contiguous() if 0 in m.stride() else m for m in moved])


def by_stack(model: Model, data: Any, count: int, first: int = 0) -> Any:
    """All samples in one pass over the batch repeated K times.

    Args:
        model: A stochastic module that treats the items of a batch one by one.
        data: Its input, `[B, ...]` or a nested structure of such tensors.
        count: Number of samples.
        first: Number of the first sample.

    Returns:
        The outputs with an axis of `count` samples at the end.

    Raises:
        StateError: An output's first axis is not that of the items.

    Example:
        >>> by_stack(torch.nn.Dropout(0.5), torch.ones(4, 3), count=5).shape
        torch.Size([4, 3, 5])
    """
    items = n_items(data)
    with forward_pass(Pass(first, count, stacked=True, items=items)):
        outputs = model(stack_in_memory(data, count))

    def unstack(leaf: torch.Tensor) -> torch.Tensor:
        if leaf.ndim == 0 or items is None or len(leaf) != items * count:
            raise StateError(
                f"Expected the model's outputs to have {items} items for a batch of {items} "
                f"repeated {count} times, [{count} * {items}, ...], but got {tuple(leaf.shape)}"
            )
        return leaf.reshape(count, items, *leaf.shape[1:]).movedim(0, -1)

    return map_on_tensor(unstack, outputs)


def by_loop(model: Model, data: Any, count: int, prefix: Prefix | None = None) -> Any:
    """One pass for each sample.

    Args:
        model: A stochastic module.
        data: Its input, `[B, ...]` or a nested structure of such tensors.
        count: Number of samples.
        prefix: Computes what comes before the randomness once.

    Returns:
        The outputs with an axis of `count` samples at the end.

    Raises:
        Exception: Whatever the model raises.

    Example:
        >>> by_loop(torch.nn.Dropout(0.5), torch.ones(4, 3), count=5).shape
        torch.Size([4, 3, 5])
    """
    results: list[torch.Tensor] = []
    tree: Any = None
    items = n_items(data)
    for number in range(count):
        with forward_pass(Pass(number, items=items)):
            tree = model(data) if prefix is None else prefix.run(lambda: model(data))
        leaves = leaves_of(tree)
        if number == 0:
            # Written as they come: stacking K outputs at the end would take twice the memory.
            results = [leaf.new_empty((*leaf.shape, count)) for leaf in leaves]
        for result, leaf in zip(results, leaves, strict=True):
            if leaf.shape != result.shape[:-1]:
                raise StateError(
                    "Expected the model's outputs to have the same shape in every pass, but got "
                    f"{tuple(result.shape[:-1])} and {tuple(leaf.shape)}"
                )
            result[..., number] = leaf
    return with_leaves(tree, results)


def join_samples(chunks: list[Any]) -> Any:
    """Put chunks of samples together.

    Args:
        chunks: Nested outputs with tensors `[B, C, ..., count]`.

    Returns:
        One of them, with tensors `[B, C, ..., sum of counts]`.

    Example:
        >>> join_samples([torch.zeros(4, 2, 3), torch.zeros(4, 2, 1)]).shape
        torch.Size([4, 2, 4])
    """
    if len(chunks) == 1:
        return chunks[0]
    columns = zip(*map(leaves_of, chunks), strict=True)
    return with_leaves(chunks[0], [torch.cat(column, dim=-1) for column in columns])


def _device_of(data: Any) -> torch.device:
    return next((leaf.device for leaf in leaves_of(data)), torch.device("cpu"))
