"""Metrics class by class."""

from typing import Any

import torch

from baal.exceptions import InvalidArgumentError
from baal.utils.metrics import Metrics

__all__ = ["F1ByClass"]


class F1ByClass(Metrics):
    r"""The F1 score of each class, over all items taken in.

    $$F_1 = \frac{2 TP}{2 TP + FP + FN}$$

    the harmonic mean of precision and recall. For a class that neither has items nor was predicted
    it is NaN.

    Args:
        n_classes: Number of classes `C`.
        average: See `Metrics`.

    Raises:
        InvalidArgumentError: `n_classes` is below 2.

    Example:
        >>> f1 = F1ByClass(3)
        >>> f1.update(torch.eye(3)[[0, 1, 1, 2]], torch.tensor([0, 1, 2, 2]))
        >>> [round(value, 3) for value in f1.value]
        [1.0, 0.667, 0.667]
    """

    def __init__(self, n_classes: int, average: bool = True) -> None:
        if n_classes < 2:
            raise InvalidArgumentError(f"Expected `n_classes` to be 2 or more, but got {n_classes}")
        super().__init__(average)
        self.n_classes = n_classes

    def update(self, output: Any = None, target: Any = None) -> None:
        """Take in a batch.

        Args:
            output: Scores `[B, C, ...]`; the highest is the class predicted.
            target: Classes `[B, ...]`, or `[B, 1]` for outputs `[B, C]`.

        Raises:
            InvalidArgumentError: The outputs have another number of classes, there are more or
                fewer targets than positions, or a target is no class.
        """
        if output.ndim < 2 or output.shape[1] != self.n_classes:
            raise InvalidArgumentError(
                f"Expected `output` to be [B, {self.n_classes}, ...], but got shape "
                f"{tuple(output.shape)}"
            )
        predicted = output.argmax(dim=1).reshape(-1)
        true = target.reshape(-1).long()  # a uint8 would overflow below
        if len(true) != len(predicted):
            raise InvalidArgumentError(
                f"Expected `target` to have one class for each of the {len(predicted)} positions "
                f"of `output` {tuple(output.shape)}, but got shape {tuple(target.shape)}"
            )
        if bool(((true < 0) | (true >= self.n_classes)).any()):
            raise InvalidArgumentError(
                f"Expected `target` to hold classes from 0 to {self.n_classes - 1}, but got values "
                f"from {int(true.min())} to {int(true.max())}"
            )
        pairs = true * self.n_classes + predicted
        counts = torch.bincount(pairs, minlength=self.n_classes**2)
        self._add(counts, len(output))  # the confusion matrix, [C * C]

    def calculate_result(self) -> Any:
        """F1 over everything taken in since the last reset.

        Returns:
            A list of floats `[C]`, NaN when nothing was taken in; with `average=False` a list with
            one such entry a batch.
        """
        if self.is_empty:
            return [float("nan")] * self.n_classes if self._average else []
        counts, _ = self._stacked()
        if not self._average:
            return [self._f1(row) for row in counts]
        return self._f1(counts.sum(0))

    @property
    def standard_dev(self) -> Any:
        """Standard deviation of the batches' F1 around their mean, weighted by items, `[C]`.

        Batches without a class do not count for it.
        """
        if self.is_empty:
            return [float("nan")] * self.n_classes
        counts, weights = self._stacked()
        by_batch = torch.tensor([self._f1(row) for row in counts], dtype=torch.double)  # [U, C]
        weights = weights * ~by_batch.isnan()
        mean = (by_batch * weights).nansum(0) / weights.sum(0)
        variance = ((by_batch - mean) ** 2 * weights).nansum(0) / weights.sum(0)
        return variance.sqrt().tolist()

    def _f1(self, counts: torch.Tensor) -> list[float]:
        confusion = counts.reshape(self.n_classes, self.n_classes)  # [true, predicted]
        hits, rest = confusion.diagonal(), confusion.sum(0) + confusion.sum(1)
        return (2 * hits / rest).tolist()
