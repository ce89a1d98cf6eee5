"""Batches of tensors that are indexed at once, rather than item by item and stacked again."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Subset, TensorDataset

__all__ = ["TensorBatches", "as_it_is", "gather"]


def gather(dataset: Any, indices: Sequence[int]) -> list[torch.Tensor] | None:
    """A batch of a dataset that is nothing but rows of tensors.

    Such are `TensorDataset`, its subsets, and whatever says by `rows_below(indices)` of which
    dataset its items are which ones, as active datasets and their pools do. Only the very classes
    are looked through: a subclass may do something else to its items.

    Args:
        dataset: Any dataset.
        indices: Of its items, `[B]`.

    Returns:
        What `default_collate` would make of these items, tensors `[B, ...]`; None if that takes
        reading the items.

    Example:
        >>> data = TensorDataset(torch.arange(6).reshape(3, 2), torch.arange(3))
        >>> gather(Subset(data, [2, 1]), [0])
        [tensor([[4, 5]]), tensor([2])]
    """
    rows: Any = indices
    while type(dataset) is not TensorDataset:
        if type(dataset) is Subset:
            dataset, rows = dataset.dataset, [dataset.indices[row] for row in rows]
            continue
        look_through = getattr(dataset, "rows_below", None)
        below = None if look_through is None else look_through(rows)
        if below is None:
            return None
        dataset, rows = below
    if not all(map(_is_plain, dataset.tensors)):
        return None
    chosen = torch.from_numpy(np.asarray(rows, dtype=np.int64))
    return [tensor.index_select(0, chosen) for tensor in dataset.tensors]


def _is_plain(tensor: torch.Tensor) -> bool:
    """Whether rows taken at once are laid out as rows that were stacked."""
    return (
        type(tensor) is torch.Tensor
        and tensor.layout is torch.strided
        and tensor.is_contiguous()
        and not tensor.requires_grad
        and not tensor.is_quantized
    )


class TensorBatches(Dataset[Any]):
    """A dataset whose batches are gathered: what a DataLoader asks of it is collated already.

    Args:
        dataset: One that `gather` can read.

    Example:
        >>> data = TensorDataset(torch.arange(3.0))
        >>> loader = torch.utils.data.DataLoader(TensorBatches(data), 2, collate_fn=as_it_is)
        >>> list(loader)
        [[tensor([0., 1.])], [tensor([2.])]]
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        """Number of items."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        """One item, as the dataset gives it."""
        return self.dataset[index]

    def __getitems__(self, indices: Sequence[int]) -> Any:
        """A whole batch, collated."""
        return gather(self.dataset, indices)


def as_it_is(batch: Any) -> Any:
    """Collates what is collated already.

    Args:
        batch: A batch.

    Returns:
        The same object.

    Example:
        >>> as_it_is([1, 2])
        [1, 2]
    """
    return batch
