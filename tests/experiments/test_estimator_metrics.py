import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, r2_score

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.experiments.estimator_metrics import (
    checked_metrics,
    classification_metrics,
    measured,
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


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"among the classes \[0, 1\], but got \[2\]"):
        classification_metrics(np.ones((1, 2)) / 2, np.array([2]), np.array([0, 1]))
    with pytest.raises(InvalidArgumentError, match=r"of shape \[3, 1\], but got \[3, 2\]"):
        regression_metrics(np.ones((3, 1)), np.ones((3, 2)))
    with pytest.raises(
        InvalidArgumentError, match=r"classifier to be \[N\], but got shape \[1, 1\]"
    ):
        classification_metrics(np.ones((1, 2)) / 2, np.array([[1]]), np.array([0, 1]))


def test_metrics_of_a_user_see_classes_or_numbers_in_the_shape_of_the_targets():
    seen = []

    def keep(targets, predicted):
        seen.append((targets.tolist(), predicted.tolist()))
        return 0.5

    p, y = np.array([[0.2, 0.8], [0.7, 0.3]]), np.array(["dog", "dog"])
    found = measured(p, y, np.array(["cat", "dog"]), {"mine": keep})
    assert found == {
        "test_accuracy": 0.5, "test_loss": pytest.approx(-np.log([0.8, 0.3]).mean()),
        "test_mine": 0.5,
    }  # fmt: skip
    measured(np.array([[1.0], [2.0]]), np.array([1.5, 2.5]), None, {"mine": keep})
    measured(np.array([[1.0], [2.0]]), np.array([[1.5], [2.5]]), None, {"mine": keep})
    assert seen == [
        (["dog", "dog"], ["dog", "cat"]),
        ([1.5, 2.5], [1.0, 2.0]),
        ([[1.5], [2.5]], [[1.0], [2.0]]),
    ]


@pytest.mark.parametrize("wrong", [["f1"], "f1", {"f1": "f1_macro"}, {"f1": None}])
def test_metrics_that_are_no_functions_are_refused(wrong):
    with pytest.raises(InvalidTypeError, match="`metrics` to be functions"):
        checked_metrics(wrong)
    assert checked_metrics(None) == {}
