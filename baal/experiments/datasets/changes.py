"""Tasks made harder: wrong classes in the pool, classes that are rare in it, a smaller pool."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Subset, TensorDataset

from baal.active.dataset.reading import read_items
from baal.exceptions import InvalidArgumentError
from baal.experiments.datasets.task import ImageClassificationTask, targets_of

__all__ = ["with_annotation_errors", "with_pool_limit", "with_rare_classes"]


def with_annotation_errors(
    task: ImageClassificationTask, share: float, seed: int = 0
) -> ImageClassificationTask:
    """The task with wrong classes in its pool, as if people had labelled some items carelessly.

    Exactly `round(share * N)` items get another class, each of the other classes with the same
    probability. The errors of a smaller share are among those of a larger one with the same seed.

    Args:
        task: The task; it stays as it is, and its test set is shared.
        share: Share of the items of the pool with a wrong class, from 0 to 1.
        seed: Decides which items, and which classes.

    Returns:
        The new task. `pool_specifics` go on working.

    Raises:
        InvalidArgumentError: `share` is out of range, there is one class only, or the pool has a
            class that is not one of the `n_classes`.
        InvalidTypeError: `targets_of` does not find the classes of the pool.

    Example:
        >>> tensors = TensorDataset(torch.zeros(20, 1, 2, 2), torch.arange(20) % 4)
        >>> task = with_annotation_errors(ImageClassificationTask(tensors, tensors, 4), 0.1)
        >>> int((targets_of(task.pool) != targets_of(tensors)).sum())
        2
    """
    if not 0 <= share <= 1:
        raise InvalidArgumentError(f"Expected `share` to be from 0 to 1, but got {share}.")
    true = _checked_classes(task)
    if task.n_classes < 2:
        raise InvalidArgumentError(
            f"Expected `task` to have at least 2 classes, but got {task.n_classes}."
        )
    # Both are drawn for every item, so that another share changes nothing but how many are taken.
    rng = np.random.default_rng(seed)
    wrong = rng.permutation(len(true))[: round(share * len(true))]
    steps = rng.integers(1, task.n_classes, size=len(true))
    shown = true.copy()
    shown[wrong] = (true + steps)[wrong] % task.n_classes
    return replace(task, pool=_with_targets(task.pool, shown))


def with_rare_classes(
    task: ImageClassificationTask, n_classes: int, cut: float = 0.75, seed: int = 0
) -> ImageClassificationTask:
    """The task with some classes cut down in its pool; its test set stays balanced as it was.

    Args:
        task: The task; it stays as it is, and its test set is shared.
        n_classes: Number of classes that become rare, from 0 to the task's own number.
        cut: Share of their items that the pool loses, at least 0 and below 1: `round(cut * n)` of
            a class of `n`, but never all of them.
        seed: Decides which classes, and which items.

    Returns:
        The new task; the items that are left keep their order.

    Raises:
        InvalidArgumentError: `n_classes` or `cut` is out of range, or the pool has a class that is
            not one of the task's.
        InvalidTypeError: `targets_of` does not find the classes of the pool.

    Example:
        >>> tensors = TensorDataset(torch.zeros(40, 1, 2, 2), torch.arange(40) % 4)
        >>> task = with_rare_classes(ImageClassificationTask(tensors, tensors, 4), n_classes=2)
        >>> sorted(np.bincount(targets_of(task.pool)).tolist())
        [2, 2, 10, 10]
    """
    if not 0 <= n_classes <= task.n_classes:
        raise InvalidArgumentError(
            f"Expected `n_classes` to be from 0 to {task.n_classes}, but got {n_classes}."
        )
    if not 0 <= cut < 1:
        raise InvalidArgumentError(f"Expected `cut` to be at least 0 and below 1, but got {cut}.")
    classes = _checked_classes(task)
    rng = np.random.default_rng(seed)
    keep = np.ones(len(classes), dtype=np.bool_)
    for rare in rng.permutation(task.n_classes)[:n_classes]:
        items = rng.permutation(np.flatnonzero(classes == rare))
        keep[items[: min(round(cut * len(items)), len(items) - 1)]] = False
    return replace(task, pool=_part(task.pool, np.flatnonzero(keep)))


def with_pool_limit(
    task: ImageClassificationTask, n: int, seed: int = 0
) -> ImageClassificationTask:
    """The task with a random part of its pool.

    Args:
        task: The task; it stays as it is, and its test set is shared.
        n: Number of items to keep, from 1 to the size of the pool. The items of a smaller pool are
            among those of a larger one with the same seed.
        seed: Decides which.

    Returns:
        The new task; the items that are left keep their order.

    Raises:
        InvalidArgumentError: `n` is out of range.

    Example:
        >>> tensors = TensorDataset(torch.zeros(40, 1, 2, 2), torch.arange(40) % 4)
        >>> len(with_pool_limit(ImageClassificationTask(tensors, tensors, 4), 30).pool)
        30
    """
    size = len(task.pool)
    if not 1 <= n <= size:
        raise InvalidArgumentError(
            f"Expected `n` to be from 1 to {size}, the size of the pool, but got {n}."
        )
    kept = np.random.default_rng(seed).permutation(size)[:n]
    return replace(task, pool=_part(task.pool, np.sort(kept)))


class _WithTargets(Subset[Any]):
    """A dataset with other classes.

    A Subset of all items, so that `pool_specifics` find the attributes of the dataset inside.
    """

    def __init__(self, dataset: Any, targets: npt.NDArray[np.int64]) -> None:
        super().__init__(dataset, range(len(dataset)))
        self.targets = targets

    def __getitem__(self, index: Any) -> tuple[Any, int]:
        return self.dataset[index][0], int(self.targets[index])

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        items = read_items(self.dataset, indices)
        return [(item[0], int(self.targets[i])) for item, i in zip(items, indices, strict=True)]


def _checked_classes(task: ImageClassificationTask) -> npt.NDArray[np.int64]:
    """Classes `[N]` of the pool, all of them among those of the task."""
    classes = targets_of(task.pool)
    strange = classes[(classes < 0) | (classes >= task.n_classes)]
    if len(strange):
        raise InvalidArgumentError(
            f"Expected the pool of `task` to have classes from 0 to {task.n_classes - 1}, "
            f"but got {strange[0]}."
        )
    return classes


def _with_targets(dataset: Any, targets: npt.NDArray[np.int64]) -> Any:
    """The same images with the classes `[N]`; tensors stay tensors, which are the fastest."""
    if type(dataset) is TensorDataset:
        images, classes, *others = dataset.tensors
        return TensorDataset(images, torch.from_numpy(targets).to(classes), *others)
    return _WithTargets(dataset, targets)


def _part(dataset: Any, indices: npt.NDArray[np.int64]) -> Any:
    """The items at the indices `[k]`; tensors stay tensors, which are the fastest."""
    if type(dataset) is TensorDataset:
        chosen = torch.from_numpy(indices)
        return TensorDataset(*(tensor[chosen] for tensor in dataset.tensors))
    return Subset(dataset, indices.tolist())
