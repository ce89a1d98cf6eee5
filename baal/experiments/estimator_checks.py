"""What an estimator must be before its members can predict, and what they must give."""

from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.experiments.skorch_samples import is_net
from baal.utils.extras import require_extra

__all__ = ["check_classifier", "check_fitted", "check_probabilities"]

_ROUNDING = 1e-3  # of sums of probabilities; half precision included


def check_fitted(estimator: Any) -> None:
    """Refuse an estimator that has learned nothing yet.

    Args:
        estimator: Of scikit-learn or skorch; of any other kind nobody can tell.

    Raises:
        InvalidTypeError: It is a class rather than an object of it.
        StateError: It was not fitted.
        MissingExtraError: The extra `sklearn` is not installed.

    Example:
        >>> from sklearn.naive_bayes import GaussianNB
        >>> check_fitted(GaussianNB())
        Traceback (most recent call last):
        baal.exceptions.StateError: Expected `estimator` to be fitted, but got a GaussianNB that \
is not: call its `fit` first
    """
    if isinstance(estimator, type):
        raise InvalidTypeError(
            f"Expected `estimator` to be a fitted estimator, but got the class {estimator.__name__}"
        )
    while hasattr(estimator, "steps"):  # a pipeline may end in an estimator of some other library
        estimator = estimator.steps[-1][1]
    if not _is_fitted(estimator):
        raise StateError(
            f"Expected `estimator` to be fitted, but got a {type(estimator).__name__} that is not: "
            "call its `fit` first"
        )


def _is_fitted(estimator: Any) -> bool:
    if is_net(estimator):
        return hasattr(estimator, "module_")
    if not isinstance(estimator, require_extra("sklearn.base", "sklearn").BaseEstimator):
        return True
    not_fitted = require_extra("sklearn.exceptions", "sklearn").NotFittedError
    try:
        require_extra("sklearn.utils.validation", "sklearn").check_is_fitted(estimator)
    except not_fitted:
        return False
    return True


def check_classifier(estimator: Any) -> None:
    """Refuse what gives no probabilities of the classes of one output.

    Args:
        estimator: Fitted; no regressor.

    Raises:
        InvalidTypeError: It has no `predict_proba`, or no `classes_`.
        InvalidArgumentError: It is a classifier of several outputs.

    Example:
        >>> from types import SimpleNamespace
        >>> check_classifier(SimpleNamespace(predict_proba=None, classes_=np.array([0, 1])))
    """
    name = type(estimator).__name__
    if not hasattr(estimator, "predict_proba"):
        raise InvalidTypeError(
            "Expected `estimator` to be a classifier and to have `predict_proba`, but got a "
            f"{name} without it. `sklearn.calibration.CalibratedClassifierCV` gives it to any "
            "classifier."
        )
    if not hasattr(estimator, "classes_"):
        raise InvalidTypeError(
            f"Expected `estimator` to be a classifier and to have `classes_`, but got a {name} "
            "without them"
        )
    first = next(iter(estimator.classes_), None)
    if isinstance(estimator.classes_, list) and isinstance(first, np.ndarray):
        raise InvalidArgumentError(
            f"Expected `estimator` to be a classifier of one output, but got a {name} of several: "
            "make one for each of them."
        )


def check_probabilities(values: npt.NDArray[Any], name: str) -> None:
    """Refuse what are no probabilities of classes of which each item has one.

    NaN is let through: heuristics rank such an item last, and report it.

    Args:
        values: `[N, C, K]`.
        name: Of the kind of estimator that gave them.

    Raises:
        InvalidArgumentError: They are below 0, or do not sum to 1 over the classes.

    Example:
        >>> check_probabilities(np.array([[[2.0], [-1.5]]]), "Net")
        Traceback (most recent call last):
        baal.exceptions.InvalidArgumentError: Expected a Net to give probabilities that sum to 1, \
but got a least value of -1.5 and sums from 0.5 to 0.5. Where it gives logits, let it give \
probabilities (a skorch net does with `criterion=CrossEntropyLoss`); where it has several outputs, \
make one for each of them.
    """
    sums = values.sum(axis=1)
    if (np.abs(sums - 1) > _ROUNDING).any() or (values < -_ROUNDING).any():
        raise InvalidArgumentError(
            f"Expected a {name} to give probabilities that sum to 1, but got a least value of "
            f"{np.nanmin(values):.3g} and sums from {np.nanmin(sums):.3g} to {np.nanmax(sums):.3g}."
            " Where it gives logits, let it give probabilities (a skorch net does with "
            "`criterion=CrossEntropyLoss`); where it has several outputs, make one for each of "
            "them."
        )
