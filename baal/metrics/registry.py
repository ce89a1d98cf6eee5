"""Metrics by name."""

from inspect import signature
from typing import Any

from baal.exceptions import InvalidArgumentError
from baal.utils.metrics import (
    ECE,
    F1,
    Accuracy,
    ClassificationReport,
    ECE_PerCLs,
    Loss,
    Metrics,
    PRAuC,
    Precision,
    Recall,
)

__all__ = ["available_metrics", "get_metric"]

_METRICS: dict[str, type[Metrics]] = {
    "accuracy": Accuracy,
    "classification_report": ClassificationReport,
    "ece": ECE,
    "ece_per_class": ECE_PerCLs,
    "f1": F1,
    "loss": Loss,
    "pr_auc": PRAuC,
    "precision": Precision,
    "recall": Recall,
}


def available_metrics() -> list[str]:
    """The names that `get_metric` knows.

    Returns:
        Names in alphabetical order.

    Example:
        >>> available_metrics()[:3]
        ['accuracy', 'classification_report', 'ece']
    """
    return sorted(_METRICS)


def get_metric(
    name: str, num_classes: int | None = None, average: bool = True, **kwargs: Any
) -> Metrics:
    """Make a metric by its name.

    Args:
        name: One of `available_metrics()`.
        num_classes: Number of classes `C`, for the metrics that need it; the others pass it over.
        average: See the metric.
        **kwargs: What else the metric takes, such as `topk` or `n_bins`.

    Returns:
        A new metric.

    Raises:
        InvalidArgumentError: The name is unknown, `num_classes` is missing, `average` is False for
            a metric that has one form alone, or the metric does not take an argument.

    Example:
        >>> get_metric("precision", num_classes=10).value
        nan
        >>> get_metric("accuracy", topk=(5,)).topk
        (5,)
    """
    if name not in _METRICS:
        raise InvalidArgumentError(
            f"Expected `name` to be one of {available_metrics()}, but got {name!r}."
        )
    metric = _METRICS[name]
    takes = list(signature(metric).parameters)
    given = dict(kwargs)
    if takes[0] in {"num_classes", "n_cls"}:
        if num_classes is None:
            raise InvalidArgumentError(
                f"Expected `num_classes` to be given for {name!r}, but got None."
            )
        given[takes[0]] = num_classes
    if "average" in takes:
        given["average"] = average
    elif not average:
        raise InvalidArgumentError(
            f"Expected `average` to be True for {name!r}, which has one form, but got False."
        )
    if unknown := sorted(set(given) - set(takes)):
        raise InvalidArgumentError(
            f"Expected arguments of {name!r} to be among {takes}, but got {unknown}."
        )
    return metric(**given)
