import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, r2_score

from baal.exceptions import InvalidArgumentError
from baal.experiments.estimator_metrics import (
    class_columns,
    classification_metrics,
    regression_metrics,
)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), n_classes=st.integers(2, 5))
def test_accuracy_and_log_loss_are_scikit_learns(seed, n_classes):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(n_classes), size=30)
    p[0] = np.eye(n_classes)[0]  # probabilities of 0
    classes = np.array([f"class {c}" for c in range(n_classes)])
    y = rng.choice(classes, 30)
    measured = classification_metrics(p, y, classes)
    assert measured["test_accuracy"] == accuracy_score(y, classes[p.argmax(axis=1)])
    assert measured["test_loss"] == pytest.approx(log_loss(y, p, labels=classes), rel=1e-12)


@pytest.mark.parametrize("outputs", [1, 3])
def test_errors_of_numbers_are_scikit_learns(outputs):
    rng = np.random.default_rng(0)
    y, predicted = rng.normal(size=(2, 20, outputs))
    measured = regression_metrics(predicted, y[:, 0] if outputs == 1 else y)
    assert measured["test_loss"] == pytest.approx(mean_squared_error(y, predicted))
    assert measured["test_rmse"] == pytest.approx(math.sqrt(mean_squared_error(y, predicted)))
    assert measured["test_r2"] == pytest.approx(r2_score(y, predicted))


def test_targets_that_are_all_the_same_explain_nothing():
    assert math.isnan(regression_metrics(np.ones((2, 1)), np.zeros(2))["test_r2"])


def test_columns_of_classes_that_were_not_seen_are_zero():
    values = np.arange(6.0).reshape(1, 2, 3)
    columns = class_columns(values, np.array([7, 3]), np.array([3, 5, 7]))
    assert np.array_equal(columns, [[[3, 4, 5], [0, 0, 0], [0, 1, 2]]])


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"to hold all classes.*gives \[2\] too"):
        class_columns(np.ones((1, 2)), np.array([0, 2]), np.array([0, 1]))
    with pytest.raises(InvalidArgumentError, match=r"among the classes \[0, 1\], but got \[2\]"):
        classification_metrics(np.ones((1, 2)) / 2, np.array([2]), np.array([0, 1]))
    with pytest.raises(InvalidArgumentError, match=r"of shape \[3, 1\], but got \[3, 2\]"):
        regression_metrics(np.ones((3, 1)), np.ones((3, 2)))
