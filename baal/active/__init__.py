"""What is labelled, and what to label next."""

from typing import TYPE_CHECKING

from baal.utils.lazy import lazy_attributes

if TYPE_CHECKING:
    from baal.active.active_loop import ActiveLearningLoop
    from baal.active.dataset.numpy import ActiveNumpyArray
    from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
    from baal.active.file_dataset import FileDataset
    from baal.active.heuristics.registry import get_heuristic

__all__ = [
    "ActiveLearningDataset",
    "ActiveLearningLoop",
    "ActiveNumpyArray",
    "FileDataset",
    "get_heuristic",
]

__getattr__, __dir__ = lazy_attributes(
    __name__,
    {
        "ActiveLearningDataset": "baal.active.dataset.pytorch_dataset",
        "ActiveLearningLoop": "baal.active.active_loop",
        "ActiveNumpyArray": "baal.active.dataset.numpy",
        "FileDataset": "baal.active.file_dataset",
        "get_heuristic": "baal.active.heuristics.registry",
    },
)
