"""Metrics that accumulate over batches, each batch weighted by its number of items."""

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch

from baal.exceptions import InvalidArgumentError

__all__ = ["Accuracy", "Loss", "Metrics"]


class Metrics(ABC):
    """Base of the metrics: `update` once a batch, then read `value`.

    Subclasses define `update`, which calls `_add(result, weight)`. Results are kept where they were
    computed, without their graph; reading `value` is what waits for the device.

    Args:
        average: One result over all items, or, when False, a list with one result a batch.

    Example:
        >>> class MeanOutput(Metrics):
        ...     def update(self, output=None, target=None):
        ...         self._add(output.mean(dim=0, keepdim=True), len(output))
        >>> metric = MeanOutput()
        >>> metric.update(torch.tensor([1.0, 2.0]))
        >>> metric.update(torch.tensor([6.0]))
        >>> metric.value
        3.0
    """

    def __init__(self, average: bool = True) -> None:
        self._average = average
        self.reset()

    def reset(self) -> None:
        """Forget all that was seen."""
        self._results: list[torch.Tensor] = []
        self._weights: list[int] = []

    @abstractmethod
    def update(self, output: Any = None, target: Any = None) -> None:
        """Take in one batch.

        Args:
            output: The model's output `[B, C, ...]`, or what the metric says it wants.
            target: Targets `[B, ...]`.
        """

    def _add(self, result: torch.Tensor, weight: int) -> None:
        """Keep a batch's results `[M]`, with the number of items behind them."""
        self._results.append(result.detach().double())
        self._weights.append(weight)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was taken in since the last reset."""
        return not self._results

    def _stacked(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Results `[U, M]` and weights `[U, 1]` of the U updates, on the CPU."""
        results = torch.stack([result.cpu() for result in self._results])
        return results, torch.tensor(self._weights, dtype=torch.double)[:, None]

    def calculate_result(self) -> Any:
        """The metric over everything taken in since the last reset.

        Returns:
            A float, or a list of floats for a metric that has several; NaN when nothing was taken
            in. With `average=False` a list with one such entry a batch.
        """
        if self.is_empty:
            return math.nan if self._average else []
        results, weights = self._stacked()
        if not self._average:
            return [_plain(row) for row in results]
        return _plain((results * weights).sum(0) / weights.sum())

    @property
    def value(self) -> Any:
        """The same as `calculate_result()`."""
        return self.calculate_result()

    @property
    def avg(self) -> Any:
        """Deprecated name of `value`."""
        warnings.warn("`avg` is deprecated, use `value`.", DeprecationWarning, stacklevel=2)
        return self.value

    @property
    def standard_dev(self) -> Any:
        """Standard deviation of the batches' results around `value`, weighted by items."""
        if self.is_empty:
            return math.nan
        results, weights = self._stacked()
        mean = (results * weights).sum(0) / weights.sum()
        return _plain((((results - mean) ** 2 * weights).sum(0) / weights.sum()).sqrt())

    def __str__(self) -> str:
        return str(self.value)


def _plain(row: torch.Tensor) -> float | list[float]:
    values: list[float] = row.tolist()
    return values[0] if len(values) == 1 else values


class Loss(Metrics):
    """Mean loss by item.

    Args:
        average: See `Metrics`.

    Example:
        >>> loss = Loss()
        >>> loss.update(torch.tensor(1.0), target=torch.zeros(3))
        >>> loss.update(torch.tensor(5.0), target=torch.zeros(1))
        >>> loss.value
        2.0
    """

    def update(self, output: Any = None, target: Any = None) -> None:
        """Take in a batch's mean loss.

        Args:
            output: The loss: a scalar, or one value an item `[B]`.
            target: The batch's targets, of which only the length counts; without it a scalar
                counts as one item.
        """
        loss = torch.as_tensor(output)
        items = len(target) if target is not None else max(loss.numel(), 1)
        self._add(loss.reshape(-1).double().mean().reshape(1), items)


class Accuracy(Metrics):
    """Share of items whose target is among the k highest outputs, between 0 and 1.

    Args:
        average: See `Metrics`.
        topk: The values of k, one result for each.

    Raises:
        InvalidArgumentError: `topk` is empty or has a value below 1.

    Example:
        >>> accuracy = Accuracy(topk=(1, 2))
        >>> accuracy.update(torch.tensor([[0.1, 0.2, 0.7], [0.5, 0.2, 0.3]]), torch.tensor([2, 2]))
        >>> accuracy.value
        [0.5, 1.0]
    """

    def __init__(self, average: bool = True, topk: Sequence[int] = (1,)) -> None:
        if not topk or min(topk) < 1:
            raise InvalidArgumentError(f"Expected `topk` to hold values from 1 on, but got {topk}.")
        super().__init__(average)
        self.topk = tuple(topk)

    def update(self, output: Any = None, target: Any = None) -> None:
        """Take in a batch.

        Args:
            output: Scores `[B, C, ...]`.
            target: Classes `[B, ...]`, or `[B, 1]` for outputs `[B, C]`. A NaN among an item's
                scores makes it a miss.

        Raises:
            InvalidArgumentError: The outputs have fewer classes than the largest k, no axis of
                classes, or more or fewer positions than there are targets.
        """
        if output.ndim < 2:
            raise InvalidArgumentError(
                f"Expected `output` to be [B, C, ...], but got shape {tuple(output.shape)} with "
                f"targets of shape {tuple(target.shape)}."
            )
        n_classes = output.shape[1]
        if n_classes < max(self.topk):
            raise InvalidArgumentError(
                f"Expected `output` to have at least {max(self.topk)} classes, "
                f"but got {n_classes}: shape {tuple(output.shape)}."
            )
        scores = output.detach().movedim(1, -1).reshape(-1, n_classes)  # [B * ..., C]
        if target.numel() != len(scores):
            raise InvalidArgumentError(
                f"Expected `target` to have one class for each of the {len(scores)} positions of "
                f"`output` {tuple(output.shape)}, but got shape {tuple(target.shape)}."
            )
        best = scores.topk(max(self.topk), dim=-1).indices  # [B * ..., k]
        # To `topk` a NaN is higher than anything, and would be the class predicted.
        hits = (best == target.reshape(-1, 1)) & ~scores.isnan().any(-1, keepdim=True)
        self._add(
            torch.stack([hits[:, :k].any(-1).double().mean() for k in self.topk]), len(output)
        )
