"""Bayesian active learning for PyTorch: which items of an unlabelled pool to label next.

Importing `baal` imports no torch and configures nothing: names are fetched from their homes when
they are first used.
"""

from typing import TYPE_CHECKING

from baal.utils.lazy import lazy_attributes

if TYPE_CHECKING:
    from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
    from baal.modelwrapper import ModelWrapper

__version__ = "0.1.0"

__all__ = ["ActiveLearningDataset", "ModelWrapper", "__version__"]

__getattr__, __dir__ = lazy_attributes(
    __name__,
    {
        "ActiveLearningDataset": "baal.active.dataset.pytorch_dataset",
        "ModelWrapper": "baal.modelwrapper",
    },
)
