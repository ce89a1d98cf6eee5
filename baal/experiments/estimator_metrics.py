"""What a scikit-learn estimator is measured by: accuracy and log loss, or the error of numbers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.experiments.estimator_classes import positions

__all__ = ["checked_metrics", "classification_metrics", "measured", "regression_metrics"]


def classification_metrics(
    probabilities: npt.NDArray[Any], targets: npt.NDArray[Any], classes: npt.NDArray[Any]
) -> dict[str, float]:
    r"""Accuracy of the most probable class, and log loss.

    $-\frac{1}{N} \sum_i \log p_i(y_i)$ in nats; a probability of 0 counts as the smallest step of
    its dtype, as in scikit-learn.

    Args:
        probabilities: Of each class `[N, C]`.
        targets: The class of each item `[N]`.
        classes: The class of each column `[C]`.

    Returns:
        `test_accuracy` and `test_loss`.

    Raises:
        InvalidArgumentError: A target is not among `classes`, or the targets are no vector.

    Example:
        >>> p, classes = np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([0, 1])
        >>> classification_metrics(p, np.array([1, 1]), classes)["test_accuracy"]
        0.5
    """
    columns = positions(targets, classes)
    missing = sorted(set(targets[columns == len(classes)].tolist()), key=str)
    if missing:
        raise InvalidArgumentError(
            f"Expected the targets to be among the classes {classes.tolist()}, but got {missing}"
        )
    given = probabilities[np.arange(len(targets)), columns]
    smallest = np.finfo(probabilities.dtype).eps
    return {
        "test_accuracy": float((probabilities.argmax(axis=1) == columns).mean()),
        "test_loss": float(-np.log(np.clip(given, smallest, None)).mean()),
    }


def regression_metrics(predicted: npt.NDArray[Any], targets: npt.NDArray[Any]) -> dict[str, float]:
    r"""Mean squared error, its root, and the share of the variance that is explained.

    $R^2 = 1 - \sum_i (y_i - \hat y_i)^2 / \sum_i (y_i - \bar y)^2$, the mean over outputs; NaN
    where the targets of an output are all the same.

    Args:
        predicted: Numbers `[N, outputs]`.
        targets: Numbers `[N]` or `[N, outputs]`.

    Returns:
        `test_loss` (the mean squared error), `test_rmse` and `test_r2`.

    Raises:
        InvalidArgumentError: The shapes do not fit.

    Example:
        >>> regression_metrics(np.array([[1.0], [3.0]]), np.array([1.0, 2.0]))
        {'test_loss': 0.5, 'test_rmse': 0.7071067811865476, 'test_r2': -1.0}
    """
    truth = np.asarray(targets, dtype=np.float64).reshape(len(targets), -1)
    if truth.shape != predicted.shape:
        raise InvalidArgumentError(
            f"Expected targets like the predictions of shape {list(predicted.shape)}, but got "
            f"{list(np.shape(targets))}"
        )
    squares = (predicted - truth) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = 1 - squares.sum(axis=0) / ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    loss = float(squares.mean())
    r2 = float(shares.mean()) if np.isfinite(shares).all() else float("nan")
    return {"test_loss": loss, "test_rmse": float(np.sqrt(loss)), "test_r2": r2}


def checked_metrics(metrics: Any) -> dict[str, Callable[[Any, Any], Any]]:
    """Metrics of a user, if they are functions by name.

    Args:
        metrics: None for none.

    Returns:
        A dict of its own.

    Raises:
        InvalidTypeError: They are not.

    Example:
        >>> checked_metrics(["f1"])
        Traceback (most recent call last):
        baal.exceptions.InvalidTypeError: Expected `metrics` to be functions (targets, predicted) \
by name, but got ['f1']
    """
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping) or not all(map(callable, metrics.values())):
        raise InvalidTypeError(
            f"Expected `metrics` to be functions (targets, predicted) by name, but got {metrics!r}"
        )
    return dict(metrics)


def measured(
    predicted: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    classes: npt.NDArray[Any] | None,
    metrics: Mapping[str, Callable[[Any, Any], Any]],
) -> dict[str, Any]:
    """All that an estimator is measured by.

    Args:
        predicted: Mean probabilities `[N, C]`, or mean numbers `[N, outputs]`.
        targets: Of each item, `[N]` or `[N, outputs]`.
        classes: The class of each column `[C]`; None for a regressor.
        metrics: Further ones by name, called with targets and the most probable classes `[N]`, or
            the means in the shape of the targets.

    Returns:
        The metrics above, and `test_<name>` of each further one.

    Raises:
        InvalidArgumentError: Targets and predictions do not fit.

    Example:
        >>> counts = {"n": lambda targets, predicted: len(targets)}
        >>> measured(np.array([[1.0], [3.0]]), np.array([1.0, 2.0]), None, counts)["test_n"]
        2
    """
    if classes is None:
        known = regression_metrics(predicted, targets)
        shown = predicted.reshape(targets.shape)
    else:
        known = classification_metrics(predicted, targets, classes)
        shown = classes[predicted.argmax(axis=1)]
    return {**known, **{f"test_{name}": one(targets, shown) for name, one in metrics.items()}}
