"""What an experiment learns from: a pool to label, and a test set to measure on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import Subset, TensorDataset

from baal.exceptions import InvalidTypeError

__all__ = ["ImageClassificationTask", "SegmentationTask", "targets_of"]

# Where datasets keep their classes: torchvision's, many others', `FileDataset`.
ATTRIBUTES = ("targets", "labels", "lbls")


@dataclass(frozen=True, eq=False)
class ImageClassificationTask:
    """A pool to label and a test set to measure on.

    Attributes:
        pool: A map-style dataset of items `(image [channels, H, W] float32, class)`.
        test: The same, disjoint from the pool.
        n_classes: Number of classes `C`.
        class_names: Names `[C]` of the classes; empty if they have none.
        pool_specifics: What the unlabelled side reads differently from the labelled one, for
            `ActiveLearningDataset(task.pool, pool_specifics=task.pool_specifics)`: images without
            augmentation, say. None: nothing.

    Example:
        >>> import torch
        >>> empty = TensorDataset(torch.zeros(0, 1, 28, 28), torch.zeros(0))
        >>> ImageClassificationTask(pool=empty, test=empty, n_classes=10).n_classes
        10
    """

    pool: Any
    test: Any
    n_classes: int
    class_names: tuple[str, ...] = ()
    pool_specifics: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class SegmentationTask:
    """A pool to label and a test set to measure on, with a class for each pixel.

    Attributes:
        pool: A map-style dataset of items `(image [channels, H, W] float32, mask [H, W] int64)`.
        test: The same, disjoint from the pool.
        n_classes: Number of classes `C`.
        class_names: Names `[C]` of the classes; empty if they have none.

    Example:
        >>> import torch
        >>> empty = TensorDataset(torch.zeros(0, 3, 8, 8), torch.zeros(0, 8, 8, dtype=torch.int64))
        >>> SegmentationTask(pool=empty, test=empty, n_classes=2).n_classes
        2
    """

    pool: Any
    test: Any
    n_classes: int
    class_names: tuple[str, ...] = ()


def targets_of(dataset: Any) -> npt.NDArray[np.int64]:
    """The classes of all items, without reading a single image.

    They are looked for in the attributes `targets`, `labels` and `lbls`, in the second tensor of a
    `TensorDataset`, and through `torch.utils.data.Subset`.

    Args:
        dataset: A map-style dataset of `(image, class)`.

    Returns:
        Classes `[N]`, a copy.

    Raises:
        InvalidTypeError: The dataset keeps them nowhere of these, or they are not one whole number
            for each item.

    Example:
        >>> import torch
        >>> dataset = TensorDataset(torch.zeros(3, 1, 2, 2), torch.tensor([2, 0, 1]))
        >>> targets_of(Subset(dataset, [0, 2])).tolist()
        [2, 1]
    """
    found = _stored_classes(dataset)
    if found is None and isinstance(dataset, Subset):
        return targets_of(dataset.dataset)[np.asarray(dataset.indices, dtype=np.int64)]
    if found is None:
        names = ", ".join(map(repr, ATTRIBUTES))
        raise InvalidTypeError(
            f"Expected `dataset` to keep its classes in an attribute ({names}) or to be a "
            f"TensorDataset or a Subset, but got a {type(dataset).__name__}."
        )
    classes = np.asarray(found)
    if classes.dtype.kind not in "iu" or classes.shape != (len(dataset),):
        raise InvalidTypeError(
            f"Expected `dataset` to have a whole number as class for each of its {len(dataset)} "
            f"items, but got {classes.dtype} of shape {list(classes.shape)}."
        )
    return classes.astype(np.int64)


def _stored_classes(dataset: Any) -> Any:
    """What the dataset itself keeps, as it is; None: nothing."""
    for name in ATTRIBUTES:
        if (found := getattr(dataset, name, None)) is not None:
            return found
    if isinstance(dataset, TensorDataset) and len(dataset.tensors) > 1:
        return dataset.tensors[1]
    return None
