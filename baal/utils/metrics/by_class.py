"""Metrics class by class, all of them from one confusion matrix."""

from typing import ClassVar

import torch

from baal.utils.metrics.reading import Reading
from baal.utils.metrics.tally import Tally, check_at_least

__all__ = ["F1", "ClassificationReport", "F1ByClass", "Precision", "Recall", "scores_by_class"]


def scores_by_class(confusion: torch.Tensor) -> torch.Tensor:
    r"""Accuracy, precision, recall and F1 of each class.

    $$\frac{TP + TN}{N}, \quad \frac{TP}{TP + FP}, \quad \frac{TP}{TP + FN}, \quad
    \frac{2 TP}{2 TP + FP + FN}$$

    Args:
        confusion: Counts `[C, C + 1]`: the target's row, the prediction's column, in the last
            column what was no prediction.

    Returns:
        `[4, C]`. Precision, recall and F1 are NaN for a class that neither has items nor was
        predicted, and 0 where only what they divide by is 0: it was never predicted, or has no
        items. All are NaN when there are no items.

    Example:
        >>> scores_by_class(torch.tensor([[1.0, 1.0, 0.0], [0.0, 2.0, 0.0]])).round(decimals=2)
        tensor([[0.7500, 0.7500],
                [1.0000, 0.6700],
                [0.5000, 1.0000],
                [0.6700, 0.8000]])
    """
    hits, predicted, items = confusion.diagonal(), confusion[:, :-1].sum(0), confusion.sum(1)
    wrong = predicted + items - 2 * hits
    accuracy = 1 - wrong / items.sum()
    others = torch.stack([hits / predicted, hits / items, 2 * hits / (predicted + items)])
    others = torch.where(predicted + items > 0, others.nan_to_num(0.0), torch.nan)
    return torch.cat([accuracy[None], others])


class _Confusion(Tally):
    """Base of the metrics that a confusion matrix decides; subclasses say which row they are."""

    needs_probabilities: ClassVar[bool] = False
    row: ClassVar[int]  # of `scores_by_class`

    def __init__(
        self,
        num_classes: int,
        average: bool = True,
        *,
        mode: Reading = "auto",
        ignore_index: int | None = None,
    ) -> None:
        self.n_classes = check_at_least("num_classes", num_classes, 2)
        self.shape = (self.n_classes, self.n_classes + 1)
        self._mean_of_classes = average
        super().__init__(mode=mode, ignore_index=ignore_index)

    def _count(
        self, scores: torch.Tensor, target: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        n_rows, n_columns = self.shape
        highest, predicted = scores.max(1)  # of a tie the first one; NaN above all
        predicted = torch.where(highest.isnan(), n_columns - 1, predicted)
        counts = torch.zeros(n_rows * n_columns, dtype=torch.double, device=scores.device)
        # Not `bincount`, which would wait for the device.
        return counts.index_add_(0, target * n_columns + predicted, weight).reshape(self.shape)

    def _result(self, counts: torch.Tensor) -> torch.Tensor:
        scores = scores_by_class(counts)[self.row]
        return scores.nanmean().reshape(1) if self._mean_of_classes else scores


class Precision(_Confusion):
    r"""The share of each class's predictions that are right.

    $$\frac{TP}{TP + FP}$$

    It is 0 for a class with items that was never predicted, and NaN for one that has no items
    either. Their mean leaves the latter out, as scikit-learn's macro average does.

    Args:
        num_classes: Number of classes `C`, at least 2.
        average: The mean of the classes; False: a list of floats `[C]`.
        mode: What single outputs `[B, 1]` are, see `Tally`.
        ignore_index: See `Tally`. An item with a NaN among its outputs is no class's prediction.

    Raises:
        InvalidArgumentError: `num_classes` is below 2, or `mode` is unknown.

    Example:
        >>> precision = Precision(2, average=False)
        >>> precision.update(torch.eye(2)[[0, 1, 1]], torch.tensor([0, 0, 1]))
        >>> precision.value
        [1.0, 0.5]
    """

    row: ClassVar[int] = 1


class Recall(_Confusion):
    r"""The share of each class's items that are found.

    $$\frac{TP}{TP + FN}$$

    It is 0 for a class without items that was predicted, and NaN for one that was not.

    Args:
        num_classes: Number of classes `C`, at least 2.
        average: The mean of the classes; False: a list of floats `[C]`.
        mode: What single outputs `[B, 1]` are, see `Tally`.
        ignore_index: See `Tally`. An item with a NaN among its outputs is not found.

    Raises:
        InvalidArgumentError: `num_classes` is below 2, or `mode` is unknown.

    Example:
        >>> recall = Recall(2, average=False)
        >>> recall.update(torch.eye(2)[[0, 1, 1]], torch.tensor([0, 0, 1]))
        >>> recall.value
        [0.5, 1.0]
    """

    row: ClassVar[int] = 2


class F1(_Confusion):
    r"""The F1 score, the harmonic mean of precision and recall.

    $$F_1 = \frac{2 TP}{2 TP + FP + FN}$$

    For a class that neither has items nor was predicted it is NaN; the mean leaves it out.

    Args:
        num_classes: Number of classes `C`, at least 2.
        average: The mean of the classes; False: a list of floats `[C]`.
        mode: What single outputs `[B, 1]` are, see `Tally`.
        ignore_index: See `Tally`.

    Raises:
        InvalidArgumentError: `num_classes` is below 2, or `mode` is unknown.

    Example:
        >>> f1 = F1(2)
        >>> f1.update(torch.eye(2)[[0, 1, 1]], torch.tensor([0, 0, 1]))
        >>> round(f1.value, 4)
        0.6667
    """

    row: ClassVar[int] = 3


class F1ByClass(F1):
    """The F1 score of each class, a list of floats `[C]`; NaN as in `F1`.

    Args:
        n_classes: Number of classes `C`, at least 2.
        mode: See `F1`.
        ignore_index: See `F1`.

    Raises:
        InvalidArgumentError: `n_classes` is below 2, or `mode` is unknown.

    Example:
        >>> f1 = F1ByClass(3)
        >>> f1.update(torch.eye(3)[[0, 1, 1, 2]], torch.tensor([0, 1, 2, 2]))
        >>> [round(value, 3) for value in f1.value]
        [1.0, 0.667, 0.667]
    """

    def __init__(
        self, n_classes: int, *, mode: Reading = "auto", ignore_index: int | None = None
    ) -> None:
        super().__init__(n_classes, average=False, mode=mode, ignore_index=ignore_index)


class ClassificationReport(_Confusion):
    r"""Accuracy, precision, recall and F1 of each class.

    `value` is a dict of lists `[C]`:

    - "accuracy": the share of all items rightly told to be, or not to be, of the class,
      $(TP + TN) / N$. (The share of items whose class is right is `Accuracy`.)
    - "precision", "recall", "f1": see `Precision`, `Recall` and `F1`.

    Args:
        num_classes: Number of classes `C`, at least 2.
        mode: What single outputs `[B, 1]` are, see `Tally`.
        ignore_index: See `Tally`.

    Raises:
        InvalidArgumentError: `num_classes` is below 2, or `mode` is unknown.

    Example:
        >>> report = ClassificationReport(2)
        >>> report.update(torch.eye(2)[[0, 1, 1, 1]], torch.tensor([0, 0, 1, 1]))
        >>> report.value["accuracy"], report.value["recall"]
        ([0.75, 0.75], [0.5, 1.0])
    """

    NAMES = ("accuracy", "precision", "recall", "f1")

    def __init__(
        self, num_classes: int, *, mode: Reading = "auto", ignore_index: int | None = None
    ) -> None:
        super().__init__(num_classes, mode=mode, ignore_index=ignore_index)

    def _result(self, counts: torch.Tensor) -> torch.Tensor:
        return scores_by_class(counts).reshape(-1)  # [4 * C]

    def _shown(self, result: torch.Tensor) -> dict[str, list[float]]:
        return dict(zip(self.NAMES, result.reshape(len(self.NAMES), -1).tolist(), strict=True))
