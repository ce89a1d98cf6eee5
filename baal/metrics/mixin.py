"""The part of a wrapper that keeps its metrics."""

from typing import Any

from baal.metrics.foreign import as_metric
from baal.utils.metrics import Loss, Metrics

__all__ = ["MetricMixin"]


class MetricMixin:
    """Keeps one metric of each kind for training and one for testing.

    Example:
        >>> keeper = MetricMixin()
        >>> keeper.add_metric("loss", Loss)
        >>> keeper.metrics["train_loss"].update(0.5)
        >>> keeper.get_metrics("train")
        {'train_loss': 0.5}
    """

    SPLITS = ("train", "test")
    dataset_size: int | None = None  # number of labelled items, once it is known

    def __init__(self) -> None:
        self.metrics: dict[str, Metrics] = {}
        # Metrics by the size of the labelled dataset they were measured at.
        self.active_learning_metrics: dict[int, dict[str, Any]] = {}
        self.add_metric("loss", Loss)

    def add_metric(self, name: str, initializer: Any) -> None:
        """Measure something more, in training and in testing.

        Args:
            name: Its name; read it back as `train_<name>` and `test_<name>`.
            initializer: Makes the metric, one for each split: a class, a function, or a metric to
                copy. Metrics of ours, or of torchmetrics and its like: objects with
                `update(output, target)`, `compute()` and `reset()`.

        Raises:
            InvalidTypeError: What it makes is no metric.
            Exception: Whatever `initializer` raises.
        """
        made = {f"{split}_{name}": as_metric(initializer) for split in self.SPLITS}
        self.metrics.update(made)

    def set_dataset_size(self, dataset_size: int) -> None:
        """Say how many items are labelled at present.

        Args:
            dataset_size: Number of labelled items; appears in the metrics as `dataset_size`.
        """
        self.dataset_size = dataset_size

    def get_metrics(self, filter: str = "") -> dict[str, Any]:  # noqa: A002 - BaaL 2.1's name
        """The values measured so far.

        Args:
            filter: `"train"` or `"test"` for one split, a full name such as `"test_loss"` for one
                metric, or nothing for all.

        Returns:
            Values by name: floats, or lists or dicts of them. A metric that has measured nothing
            yet is not among them. With them comes `dataset_size`, once that is known.
        """
        values = {
            name: metric.value
            for name, metric in self.metrics.items()
            if not metric.is_empty and self._selected(name, filter)
        }
        if self.dataset_size is not None:
            values["dataset_size"] = self.dataset_size
        return values

    def active_step(self, dataset_size: int | None, metrics: dict[str, Any]) -> None:
        """Keep metrics under the size of the labelled dataset, in `active_learning_metrics`.

        Args:
            dataset_size: Number of labelled items; None keeps nothing.
            metrics: Values by name, added to those kept for that size.
        """
        if dataset_size is not None:
            self.active_learning_metrics.setdefault(dataset_size, {}).update(metrics)

    def _reset_metrics(self, split: str) -> None:
        for name, metric in self.metrics.items():
            if self._selected(name, split):
                metric.reset()

    def _update_metrics(self, output: Any, target: Any, loss: Any, split: str) -> None:
        for name, metric in self.metrics.items():
            if self._selected(name, split):
                metric.update(loss if metric.takes_loss else output, target)

    def _selected(self, name: str, wanted: str) -> bool:
        """Whether a metric is of the split `wanted`, or is called so; never by a mere substring."""
        if wanted in self.SPLITS:
            return name.startswith(f"{wanted}_")
        return not wanted or name == wanted
