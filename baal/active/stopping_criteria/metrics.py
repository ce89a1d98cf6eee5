"""Stop by a metric: it is good enough, or gets no better."""

import math
from typing import Any, Literal, TypeAlias

from baal.active.dataset.base import SplittedDataset
from baal.active.stopping_criteria.base import Metrics, StoppingCriterion, check_whole_number
from baal.exceptions import InvalidArgumentError
from baal.utils.metric_names import higher_is_better

__all__ = ["Better", "EarlyStoppingCriterion", "TargetMetricStoppingCriterion"]

Better: TypeAlias = Literal["auto", "higher", "lower"]
"""Which way a metric is better; "auto": by its name."""


class EarlyStoppingCriterion(StoppingCriterion):
    """Stops when a metric has not got better for a number of rounds: on a plateau, and on a fall.

    Args:
        active_dataset: What is being labelled.
        metric_name: Key of the metric in what `should_stop` gets.
        patience: So many rounds in a row without a new best stop the run.
        epsilon: A new best is better than the last one by more than that.
        better: Whether "higher" or "lower" values are better. "auto" goes by the name: lower for a
            loss, an error and the like (`loss`, `error`, `ece`, `nll`, `brier`, `mse`, `mae` as a
            word of the name), else higher.

    Raises:
        InvalidArgumentError: `patience` is below 1, `epsilon` negative or `better` unknown.
        InvalidTypeError: `patience` is no whole number.

    Example:
        >>> from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
        >>> dataset = ActiveLearningDataset(["a", "b"])
        >>> criterion = EarlyStoppingCriterion(dataset, "test_loss", patience=2)
        >>> [criterion.should_stop({"test_loss": loss}) for loss in (1.0, 0.5, 0.7, 0.9)]
        [False, False, False, True]
    """

    needs_uncertainty = False

    def __init__(
        self,
        active_dataset: SplittedDataset,
        metric_name: str,
        patience: int = 10,
        epsilon: float = 1e-4,
        *,
        better: Better = "auto",
    ) -> None:
        super().__init__(active_dataset)
        self.metric_name = metric_name
        self.patience = check_whole_number("patience", patience, least=1)
        if not epsilon >= 0:
            raise InvalidArgumentError(f"Expected `epsilon` to be 0 or more, but got {epsilon}")
        self.epsilon = float(epsilon)
        self.higher_is_better = higher_is_better(metric_name, better)
        self._best: float | None = None
        self._rounds_without = 0

    def should_stop(self, metrics: Metrics, uncertainty: Any = ()) -> bool:  # noqa: ARG002
        """Whether the metric has not got better for `patience` rounds.

        Args:
            metrics: Has the metric; a NaN is no improvement.
            uncertainty: Not looked at.

        Returns:
            True if so.

        Raises:
            InvalidArgumentError: The metric is missing.
        """
        value = _metric(metrics, self.metric_name)
        gain = 0.0 if self._best is None else value - self._best
        gain = gain if self.higher_is_better else -gain
        if gain > self.epsilon or (self._best is None and not math.isnan(value)):
            self._best, self._rounds_without = value, 0
        else:
            self._rounds_without += 1
        return self._rounds_without >= self.patience


class TargetMetricStoppingCriterion(StoppingCriterion):
    """Stops when a metric is as good as it has to be.

    Args:
        active_dataset: What is being labelled.
        metric_name: Key of the metric in what `should_stop` gets.
        target: Stop at this value or a better one.
        better: As in `EarlyStoppingCriterion`.

    Raises:
        InvalidArgumentError: `better` is unknown.

    Example:
        >>> from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
        >>> dataset = ActiveLearningDataset(["a", "b"])
        >>> criterion = TargetMetricStoppingCriterion(dataset, "test_accuracy", 0.9)
        >>> [criterion.should_stop({"test_accuracy": value}) for value in (0.8, 0.9)]
        [False, True]
    """

    needs_uncertainty = False

    def __init__(
        self,
        active_dataset: SplittedDataset,
        metric_name: str,
        target: float,
        *,
        better: Better = "auto",
    ) -> None:
        super().__init__(active_dataset)
        self.metric_name, self.target = metric_name, float(target)
        self.higher_is_better = higher_is_better(metric_name, better)

    def should_stop(self, metrics: Metrics, uncertainty: Any = ()) -> bool:  # noqa: ARG002
        """Whether the target is reached.

        Args:
            metrics: Has the metric.
            uncertainty: Not looked at.

        Returns:
            True if so; False for a NaN.

        Raises:
            InvalidArgumentError: The metric is missing.
        """
        value = _metric(metrics, self.metric_name)
        return value >= self.target if self.higher_is_better else value <= self.target


def _metric(metrics: Metrics, name: str) -> float:
    if name not in metrics:
        raise InvalidArgumentError(
            f"Expected `metric_name` to be one of the metrics {sorted(metrics)}, but got {name!r}"
        )
    return float(metrics[name])
