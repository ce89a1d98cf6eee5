"""Labelled and pool sides of a dataset: which item is labelled, since when, and what is left."""

from typing import TYPE_CHECKING

from baal.utils.lazy import lazy_attributes

if TYPE_CHECKING:
    from baal.active.dataset.base import SplittedDataset
    from baal.active.dataset.numpy import ActiveNumpyArray
    from baal.active.dataset.pytorch_dataset import ActiveLearningDataset

__all__ = ["ActiveLearningDataset", "ActiveNumpyArray", "SplittedDataset"]

# Lazy, so that the bookkeeping and `ActiveNumpyArray` need no torch.
__getattr__, __dir__ = lazy_attributes(
    __name__,
    {
        "ActiveLearningDataset": "baal.active.dataset.pytorch_dataset",
        "ActiveNumpyArray": "baal.active.dataset.numpy",
        "SplittedDataset": "baal.active.dataset.base",
    },
)
