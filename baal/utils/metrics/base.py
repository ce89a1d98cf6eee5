"""The base of the metrics: results of batches, weighted by their items."""

import math
import warnings
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch

from baal.utils.metrics.moments import Moments, to_float64

__all__ = ["Metrics"]


class Metrics(ABC):
    """Base of the metrics: `update` once a batch, then read `value`.

    Subclasses define `update`, which calls `_add(result, weight)`. Sums are kept in float64 where
    the results were computed, without their graph; reading `value` is what waits for the device.

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

    # Whether `update` wants the batch's loss rather than the model's output.
    takes_loss: ClassVar[bool] = False

    def __init__(self, average: bool = True) -> None:
        self._average = average
        self.reset()

    def reset(self) -> None:
        """Forget all that was seen."""
        self._n_updates = 0
        self._moments = Moments()
        self._by_batch: list[torch.Tensor] = []  # with `average=False` alone

    @abstractmethod
    def update(self, output: Any = None, target: Any = None) -> None:
        """Take in one batch.

        Args:
            output: The model's output `[B, C, ...]`, or what the metric says it wants.
            target: Targets `[B, ...]`.
        """

    def _add(self, result: torch.Tensor, weight: torch.Tensor | float) -> None:
        """Take in a batch's results `[M]`, with the number of items behind them."""
        self._moments.add(result, weight)
        if not self._average:
            self._by_batch.append(to_float64(result))
        self._n_updates += 1

    @property
    def is_empty(self) -> bool:
        """Whether nothing was taken in since the last reset."""
        return self._n_updates == 0

    def calculate_result(self) -> Any:
        """The metric over everything taken in since the last reset.

        Returns:
            A float, or a list of floats for a metric that has several; NaN when nothing was taken
            in. With `average=False` a list with one such entry a batch.
        """
        if not self._average:
            return [self._shown(result) for result in self._by_batch]
        return self._shown(self._moments.mean())

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
        """Standard deviation of the batches' results around their mean, weighted by items.

        It has the form of one result; NaN when nothing was taken in.
        """
        return math.nan if self.is_empty else self._shown(self._moments.standard_deviation())

    def _shown(self, result: torch.Tensor) -> Any:
        """Results `[M]` as the user reads them."""
        values: list[float] = result.reshape(-1).tolist()
        return values[0] if len(values) == 1 else values

    def __str__(self) -> str:
        return str(self.value)
