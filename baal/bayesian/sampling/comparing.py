"""Comparing outputs: of two passes, and of items alone and together."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch

from baal.bayesian.sampling.context import silenced
from baal.bayesian.sampling.passes import Pass, forward_pass
from baal.bayesian.sampling.trees import leaves_of, n_items, slice_items
from baal.utils.iterutils import map_on_tensor

__all__ = ["gives_items_alike", "same_outputs", "takes_items_alone", "with_other_items"]


def same_outputs(first: Any, second: Any) -> bool:
    """Whether two outputs are the same, but for rounding; NaN equals NaN.

    Args:
        first: A tensor `[B, C, ...]`, or a nested structure of them.
        second: Another one.

    Returns:
        False also where their shapes differ.

    Example:
        >>> same_outputs([torch.ones(2)], [torch.ones(2) + 1e-9])
        True
    """
    a, b = leaves_of(first), leaves_of(second)
    return len(a) == len(b) and all(
        x.shape == y.shape and torch.allclose(x.double(), y.double(), 1e-4, 1e-7, equal_nan=True)
        for x, y in zip(a, b, strict=True)
    )


def _close(first: Any, second: Any) -> bool:
    """As `same_outputs`, for batches of another size: these are summed in another order."""
    for x, y in zip(leaves_of(first), leaves_of(second), strict=True):
        if x.shape != y.shape:
            return False
        scale = float(x.double().nan_to_num(0, 0, 0).abs().max()) if x.numel() else 0.0
        slack = scale * (torch.finfo(x.dtype).eps ** 0.5 if x.is_floating_point() else 0)
        if not torch.allclose(x.double(), y.double(), 0, slack, equal_nan=True):
            return False
    return True


def takes_items_alone(model: Callable[[Any], Any], data: Any) -> bool:
    """Whether what a model gives for an item has nothing to do with the others of its batch.

    Looked at with the layers of `baal.bayesian.always_on` switched off, so that nothing is random.

    Args:
        model: A module that draws in these layers only.
        data: Some items, `[B, ...]` or a nested structure of such tensors.

    Returns:
        False also where the outputs are not one for each item.

    Example:
        >>> from torch import nn
        >>> takes_items_alone(nn.Linear(2, 1), torch.eye(2))
        True
        >>> takes_items_alone(nn.Softmax(dim=0), torch.eye(2))
        False
    """
    return _items_alone(model, data, lambda _: silenced(), same_outputs)


def gives_items_alike(model: Callable[[Any], Any], data: Any) -> bool:
    """Whether a posterior sample is the same function wherever an item is, whatever was drawn.

    Args:
        model: A module whose samples are joint, or may be.
        data: Some items, `[B, ...]` or a nested structure of such tensors.

    Returns:
        False also where the outputs are not one for each item.

    Example:
        >>> from torch import nn
        >>> gives_items_alike(nn.Linear(8, 1), torch.ones(8, 8))
        True
        >>> gives_items_alike(nn.Dropout(), torch.ones(8, 8))
        False
    """

    def around(items: int) -> AbstractContextManager[Any]:
        # Not sample 0: that of a posterior may be its mean, while others are drawn.
        return forward_pass(Pass(1, items=items, is_trial=True))

    return _items_alone(model, data, around, _close)


@torch.no_grad()
def _items_alone(
    model: Callable[[Any], Any],
    data: Any,
    around: Callable[[int], AbstractContextManager[Any]],
    same: Callable[[Any, Any], bool],
) -> bool:
    total = n_items(data) or 1
    half = (total + 1) // 2
    both = with_other_items(data, half)
    apart = []
    for part in (slice(0, half), slice(half, 2 * half)):
        with around(half):
            apart.append(model(map_on_tensor(torch.clone, slice_items(both, part, 2 * half))))
    with around(2 * half):
        together = model(map_on_tensor(torch.clone, both))
    return all(
        leaf.ndim > 0
        and len(leaf) == 2 * half
        and same([leaf[:half], leaf[half:]], [first, second])
        for leaf, first, second in zip(*map(leaves_of, (together, *apart)), strict=True)
    )


def with_other_items(data: Any, n: int) -> Any:
    """The first items of a batch, and after them other versions of the last ones.

    Args:
        data: Some items, `[B, ...]` or a nested structure of such tensors.
        n: How many of each, at most `B`.

    Returns:
        The same structure, its tensors of items `[2 * n, ...]`.

    Example:
        >>> with_other_items(torch.tensor([[1, 2, 3]]), 1)
        tensor([[1, 2, 3],
                [3, 2, 1]])
    """
    total = n_items(data)

    def joined(leaf: torch.Tensor) -> torch.Tensor:
        if leaf.ndim == 0 or len(leaf) != total:
            return leaf
        return torch.cat([leaf[:n], _altered(leaf[-n:])])

    return map_on_tensor(joined, data)


def _altered(items: torch.Tensor) -> torch.Tensor:
    if items.is_floating_point():
        return items.flip(0) * 1.1 + 0.1
    # Nobody knows what other numbers would be allowed, such as those of words.
    return items.flip(0 if len(items) > 1 else tuple(range(items.ndim)))
