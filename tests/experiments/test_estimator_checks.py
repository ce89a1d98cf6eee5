from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest, RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LinearRegression, RidgeClassifier
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.experiments.estimator_checks import check_classifier, check_fitted, check_probabilities

X = np.random.default_rng(0).normal(size=(20, 2))
Y = (X[:, 0] > 0).astype(int)


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(2),
        LinearRegression(),
        GridSearchCV(GaussianNB(), {}, cv=2),
        make_pipeline(StandardScaler(), GaussianNB()),
        StackingClassifier([("a", GaussianNB())], cv=2),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_was_not_fitted_is_refused(estimator):
    name = type(estimator).__name__.replace("Pipeline", "GaussianNB")  # what a pipeline ends in
    with pytest.raises(StateError, match=f"to be fitted, but got a {name} that is not"):
        check_fitted(estimator)
    check_fitted(estimator.fit(X, Y))


def test_a_class_is_no_estimator_and_of_others_nobody_can_tell():
    with pytest.raises(InvalidTypeError, match="but got the class GaussianNB"):
        check_fitted(GaussianNB)
    check_fitted(SimpleNamespace(fit=None))
    check_fitted("something")
    check_fitted(make_pipeline(StandardScaler(), SimpleNamespace(fit=None, predict=None)))


@pytest.mark.parametrize("kind", [KMeans, IsolationForest, RidgeClassifier])
def test_without_probabilities_there_is_nothing_to_sample(kind):
    with pytest.raises(InvalidTypeError, match="to have `predict_proba`, but got"):
        check_classifier(kind().fit(X, Y))


def test_clusters_are_no_classes():
    with pytest.raises(InvalidTypeError, match="to have `classes_`, but got a GaussianMixture"):
        check_classifier(GaussianMixture(2).fit(X))


def test_several_outputs_are_refused_and_lists_of_classes_are_not():
    both = KNeighborsClassifier(2).fit(X, np.stack([Y, Y], axis=1))
    with pytest.raises(InvalidArgumentError, match="of one output, but got a KNeighborsClassifier"):
        check_classifier(both)
    check_classifier(SimpleNamespace(predict_proba=None, classes_=["a", "b"]))


def test_probabilities_are_not_negative_and_sum_to_one():
    half = np.full((3, 2, 4), 0.5)
    check_probabilities(half, "Net")
    check_probabilities(np.where(np.arange(3)[:, None, None] == 1, np.nan, half), "Net")
    check_probabilities(np.full((3, 3, 4), 1 / 3, dtype=np.float16), "Net")
    negative = np.stack([half[:, 0] + 1, half[:, 1] - 1], axis=1)
    for wrong in (half * 2, half * 0, negative):
        with pytest.raises(InvalidArgumentError, match="Expected a Net to give probabilities"):
            check_probabilities(wrong, "Net")
