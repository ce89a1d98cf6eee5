"""Nested batches and outputs: their tensors, and putting tensors back in."""

from collections.abc import Sequence
from typing import Any

import torch

from baal.exceptions import StateError
from baal.utils.iterutils import map_on_tensor

__all__ = ["join_items", "leaves_of", "n_items", "slice_items", "with_leaves"]


def leaves_of(tree: Any) -> list[torch.Tensor]:
    """The tensors of a nested structure, in order.

    Args:
        tree: A tensor, or mappings, sequences and named tuples of them; other values are skipped.

    Returns:
        The tensors.

    Example:
        >>> len(leaves_of({"x": torch.zeros(1), "y": [torch.zeros(2), "text"]}))
        2
    """
    leaves: list[torch.Tensor] = []
    map_on_tensor(leaves.append, tree)
    return leaves


def with_leaves(tree: Any, leaves: Sequence[torch.Tensor]) -> Any:
    """The same structure with other tensors.

    Args:
        tree: As in `leaves_of`.
        leaves: One for each tensor of `tree`, in order, of any shape.

    Returns:
        The structure, with the tensors replaced.

    Example:
        >>> with_leaves({"x": torch.zeros(1)}, [torch.ones(2)])
        {'x': tensor([1., 1.])}
    """
    remaining = iter(leaves)
    return map_on_tensor(lambda _: next(remaining), tree)


def n_items(data: Any) -> int | None:
    """Number of items of a batch: the length of its first tensor that has one.

    Args:
        data: A batch, `[B, ...]` or a nested structure of such tensors.

    Returns:
        `B`, or None where there is no tensor to tell by.

    Example:
        >>> n_items({"x": torch.zeros(4, 2)})
        4
    """
    return next((len(leaf) for leaf in leaves_of(data) if leaf.ndim > 0), None)


def slice_items(data: Any, items: slice, total: int) -> Any:
    """Some of the items of a batch.

    Args:
        data: A batch, `[B, ...]` or a nested structure of such tensors.
        items: Which ones.
        total: `B`; a tensor of another length does not belong to items, and stays whole.

    Returns:
        The same structure.

    Example:
        >>> slice_items({"x": torch.arange(4), "scale": torch.ones(1)}, slice(1, 3), 4)
        {'x': tensor([1, 2]), 'scale': tensor([1.])}
    """
    return map_on_tensor(
        lambda leaf: leaf[items] if leaf.ndim > 0 and len(leaf) == total else leaf, data
    )


def join_items(parts: Sequence[Any], items: Sequence[int]) -> Any:
    """Put the outputs for some of the items together.

    Args:
        parts: Nested outputs with tensors `[items, ...]`.
        items: Number of items of each part.

    Returns:
        One of them, with tensors `[sum of items, ...]`.

    Raises:
        StateError: An output is not one of items.

    Example:
        >>> join_items([torch.zeros(2, 5), torch.zeros(1, 5)], [2, 1]).shape
        torch.Size([3, 5])
    """
    for part, n in zip(parts, items, strict=True):
        for leaf in leaves_of(part):
            if leaf.ndim < 2 or len(leaf) != n:  # the last axis is that of the samples
                raise StateError(
                    "Expected the model's outputs to be one for each item, so that a batch that "
                    f"does not fit into memory can be taken in parts, but got {tuple(leaf.shape)} "
                    f"for {n} items"
                )
    columns = zip(*map(leaves_of, parts), strict=True)
    return with_leaves(parts[0], [torch.cat(column) for column in columns])
