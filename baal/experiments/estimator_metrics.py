"""What a scikit-learn estimator is measured by: accuracy and log loss, or the error of numbers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError

__all__ = ["class_columns", "classification_metrics", "regression_metrics"]


def class_columns(
    values: npt.NDArray[Any], own: npt.NDArray[Any], classes: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Put the columns of the classes that a model has seen among those of all classes.

    Args:
        values: Probabilities `[N, c, ...]`.
        own: The class of each column, `[c]`.
        classes: All classes `[C]`, in the order wanted.

    Returns:
        `[N, C, ...]`, with 0 for classes that were not seen.

    Raises:
        InvalidArgumentError: A class was seen that is not among `classes`.

    Example:
        >>> class_columns(np.array([[0.25, 0.75]]), np.array(["a", "c"]), np.array(["a", "b", "c"]))
        array([[0.25, 0.  , 0.75]])
    """
    if np.array_equal(own, classes):
        return values
    position = {one: index for index, one in enumerate(classes.tolist())}
    unknown = [one for one in own.tolist() if one not in position]
    if unknown:
        raise InvalidArgumentError(
            f"Expected `classes` to hold all classes, but got {classes.tolist()} and a model that "
            f"gives {unknown} too"
        )
    columns = np.zeros((len(values), len(classes), *values.shape[2:]), dtype=values.dtype)
    columns[:, [position[one] for one in own.tolist()]] = values
    return columns


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
        InvalidArgumentError: A target is not among `classes`.

    Example:
        >>> p, classes = np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([0, 1])
        >>> classification_metrics(p, np.array([1, 1]), classes)["test_accuracy"]
        0.5
    """
    position = {one: index for index, one in enumerate(classes.tolist())}
    missing = sorted(set(targets.tolist()) - set(position), key=str)
    if missing:
        raise InvalidArgumentError(
            f"Expected the targets to be among the classes {classes.tolist()}, but got {missing}"
        )
    columns = np.array([position[one] for one in targets.tolist()], dtype=np.int64)
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
