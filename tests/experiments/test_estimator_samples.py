"""The mean of samples is what the estimator predicts, and each is what a member predicts."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from baal.active import ActiveLearningLoop
from baal.active.dataset import ActiveNumpyArray
from baal.active.heuristics import BALD, Variance
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.experiments.estimator_samples import members_of, posterior_samples

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


def forest(**kwargs):
    return RandomForestClassifier(**{"n_estimators": 8, "max_depth": 3, "random_state": 0} | kwargs)


def voting(**kwargs):
    return VotingClassifier([("a", GaussianNB()), ("b", forest())], voting="soft", **kwargs)


CLASSIFIERS = {
    "forest": (forest(), 8),
    "forest of weighted classes": (forest(class_weight="balanced"), 8),
    "extra trees": (ExtraTreesClassifier(5, random_state=0), 5),
    "bagging": (BaggingClassifier(GaussianNB(), 6, random_state=0), 6),
    "bagging of features": (BaggingClassifier(n_estimators=6, max_features=2, random_state=0), 6),
    "bagging of votes": (BaggingClassifier(Perceptron(), 4, random_state=0), 4),
    "bagging of few": (
        BaggingClassifier(KNeighborsClassifier(1), 7, max_samples=3, random_state=1),
        7,
    ),
    "voting": (voting(), 2),
    "voting with weights": (voting(weights=[1, 3]), 1),
    "calibrated": (CalibratedClassifierCV(GaussianNB(), cv=3), 3),
    "calibrated at once": (CalibratedClassifierCV(GaussianNB(), cv=3, ensemble=False), 1),
    "boosting": (HistGradientBoostingClassifier(max_iter=2), 1),
    "members of a sum": (GradientBoostingClassifier(n_estimators=2, random_state=0), 1),
    "ada boost": (AdaBoostClassifier(n_estimators=3, random_state=0), 1),
    "neighbours": (KNeighborsClassifier(3), 1),
    "gaussian process": (GaussianProcessClassifier(), 1),
    "neural net": (MLPClassifier(solver="lbfgs", max_iter=500, random_state=0), 1),
    "stacking": (StackingClassifier([("a", GaussianNB()), ("b", forest())], cv=2), 1),
    "calibrated forest": (CalibratedClassifierCV(forest(), cv=2), 2),
    "bagging of pipelines": (
        BaggingClassifier(make_pipeline(StandardScaler(), GaussianNB()), 4, max_features=0.5),
        4,
    ),
    "pipeline": (make_pipeline(StandardScaler(), "passthrough", forest()), 8),
    "pipeline of columns": (
        make_pipeline(ColumnTransformer([("a", StandardScaler(), [0, 2])]), forest()),
        8,
    ),
    "search": (GridSearchCV(forest(), {"n_estimators": [3]}, cv=2), 3),
    "search of a pipeline": (
        GridSearchCV(Pipeline([("s", StandardScaler()), ("f", forest())]), {"f__max_depth": [2]}),
        8,
    ),
}


@pytest.mark.filterwarnings("ignore:The SAMME.R algorithm:FutureWarning")  # of old AdaBoost
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_mean_of_samples_is_what_a_classifier_predicts(name):
    estimator, k = CLASSIFIERS[name]
    estimator.fit(X, NAMES)
    samples = posterior_samples(estimator, X)
    assert samples.shape == (150, 3, k)
    assert np.allclose(samples.sum(axis=1), 1, atol=1e-12)
    assert np.abs(samples.mean(axis=-1) - estimator.predict_proba(X)).max() < 1e-14
    assert members_of(estimator, X).are_joint


def test_samples_are_those_of_each_tree():
    fitted = forest().fit(X, NAMES)
    samples = posterior_samples(fitted, X)
    for k, tree in enumerate(fitted.estimators_):
        assert np.array_equal(samples[..., k], tree.predict_proba(X))
    assert np.array_equal(posterior_samples(fitted, X, iterations=3), samples[..., :3])
    assert np.array_equal(posterior_samples(fitted, X, iterations=99), samples)


def test_members_that_saw_fewer_classes_have_zeros():
    bagging = BaggingClassifier(KNeighborsClassifier(1), 10, max_samples=3, random_state=0).fit(
        X, NAMES
    )
    few = [member.classes_ for member in bagging.estimators_]
    assert any(len(seen) < 3 for seen in few)
    samples = posterior_samples(bagging, X)
    for k, seen in enumerate(few):
        assert np.array_equal(samples[:, seen, k], bagging.estimators_[k].predict_proba(X))
        assert not np.delete(samples[..., k], seen, axis=1).any()


def test_classes_not_seen_yet_have_columns():
    fitted = forest().fit(X[50:], NAMES[50:])
    classes = ["versicolor", "setosa", "virginica"]
    samples = posterior_samples(fitted, X, classes=classes)
    assert samples.shape == (150, 3, 8)
    assert not samples[:, 1].any()
    assert np.array_equal(samples[:, [0, 2]], posterior_samples(fitted, X))
    with pytest.raises(InvalidArgumentError, match="to hold all classes"):
        posterior_samples(fitted, X, classes=["setosa", "virginica"])


REGRESSORS = {
    "forest": (RandomForestRegressor(7, random_state=0, max_depth=4), 7),
    "extra trees": (ExtraTreesRegressor(4, random_state=0), 4),
    "bagging": (BaggingRegressor(LinearRegression(), 5, max_features=2, random_state=0), 5),
    "voting": (VotingRegressor([("a", LinearRegression()), ("b", LinearRegression())]), 2),
    "one": (LinearRegression(), 1),
    "pipeline": (make_pipeline(StandardScaler(), RandomForestRegressor(3, random_state=0)), 3),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_the_mean_of_samples_is_what_a_regressor_predicts(name):
    estimator, k = REGRESSORS[name]
    estimator.fit(X[:, :3], X[:, 3])
    samples = posterior_samples(estimator, X[:, :3])
    assert samples.shape == (150, 1, k)
    assert np.abs(samples.mean(axis=-1)[:, 0] - estimator.predict(X[:, :3])).max() < 1e-12


def test_several_outputs_of_a_regressor():
    fitted = RandomForestRegressor(4, random_state=0).fit(X[:, :2], X[:, 2:])
    samples = posterior_samples(fitted, X[:, :2])
    assert samples.shape == (150, 2, 4)
    by_hand = [tree.predict(X[:, :2]) for tree in fitted.estimators_]
    assert np.array_equal(samples, np.stack(by_hand, axis=-1))


def test_the_variance_of_a_forest_by_hand():
    fitted = RandomForestRegressor(6, random_state=0).fit(X[:, :3], X[:, 3])
    trees = np.array([tree.predict(X[:, :3]) for tree in fitted.estimators_])  # [K, N]
    by_hand = ((trees - trees.mean(axis=0)) ** 2).mean(axis=0)
    scores = Variance().get_uncertainties(posterior_samples(fitted, X[:, :3]))
    assert np.allclose(scores, by_hand, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix])
@pytest.mark.parametrize("name", ["forest", "bagging of features", "calibrated sparse"])
def test_sparse_inputs_stay_sparse(kind, name):
    estimator = {
        "forest": forest(),
        "bagging of features": BaggingClassifier(DecisionTreeClassifier(), 3, max_features=2),
        "calibrated sparse": CalibratedClassifierCV(LogisticRegression(max_iter=500), cv=2),
    }[name].fit(sparse.csr_matrix(X), Y)
    samples = posterior_samples(estimator, kind(X))
    assert np.allclose(samples.mean(axis=-1), estimator.predict_proba(kind(X)), atol=1e-14)


def test_tables_have_names():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    for estimator in (forest(), BaggingClassifier(n_estimators=3, random_state=0)):
        fitted = estimator.fit(table, Y)
        samples = posterior_samples(fitted, table)
        assert np.allclose(samples.mean(axis=-1), fitted.predict_proba(table), atol=1e-14)
    with pytest.raises(ValueError, match="feature names"):
        posterior_samples(forest().fit(table, Y), table[list("dcba")])


def test_what_gives_no_probabilities_is_refused():
    for estimator in (
        LinearSVC(dual=False),
        VotingClassifier([("a", GaussianNB())], voting="hard"),
    ):
        with pytest.raises(InvalidTypeError, match="to have `predict_proba`, but got a"):
            posterior_samples(estimator.fit(X, Y), X)


def test_several_outputs_of_a_classifier_are_refused():
    both = np.stack([Y, Y], axis=1) % 2
    with pytest.raises(InvalidArgumentError, match="of one output, but got a RandomForest"):
        posterior_samples(forest().fit(X, both), X)
    net = MLPClassifier(solver="lbfgs", max_iter=500, random_state=0).fit(X, both)
    with pytest.raises(InvalidArgumentError, match="MLPClassifier to give probabilities that sum"):
        posterior_samples(net, X)


@pytest.mark.parametrize("kind", [HistGradientBoostingClassifier, MLPClassifier])
def test_one_class_is_one_column(kind):
    fitted = kind(max_iter=1).set_params(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLP says that it has not converged
        fitted.fit(X[:9], NAMES[:9])
    assert fitted.predict_proba(X).shape == (150, 2)  # one of which stands for nothing
    assert np.array_equal(posterior_samples(fitted, X), np.ones((150, 1, 1)))
    wanted = posterior_samples(fitted, X, classes=["virginica", "setosa"])
    assert np.array_equal(wanted[..., 0], [[0, 1]] * 150)


class Odd:
    classes_ = (0, 1)

    def predict_proba(self, x):
        return np.full((len(x), 3), 1 / 3)


def test_columns_that_stand_for_nothing_are_refused():
    with pytest.raises(InvalidArgumentError, match="of its 2 classes, but got 3"):
        posterior_samples(Odd(), X)


def test_what_was_not_fitted_is_refused():
    for estimator in (forest(), voting(), make_pipeline(StandardScaler(), forest())):
        with pytest.raises(StateError, match="to be fitted, but got a"):
            posterior_samples(clone(estimator), X)


def test_columns_of_a_structured_array():
    table = np.zeros(150, dtype=[("length", float), ("kind", "U1")])
    table["length"], table["kind"] = X[:, 0], np.array(list("abc"))[Y]

    def columns(names):
        return FunctionTransformer(lambda rows: np.stack([rows[n] for n in names], axis=1))

    union = FeatureUnion([
        ("numbers", columns(["length"])),
        ("kinds", make_pipeline(columns(["kind"]), OneHotEncoder())),
    ])  # fmt: skip
    fitted = make_pipeline(union, forest()).fit(table, NAMES)
    samples = posterior_samples(fitted, table)
    assert samples.shape == (150, 3, 8)
    assert np.abs(samples.mean(axis=-1) - fitted.predict_proba(table)).max() < 1e-14


def test_in_the_plain_loop_until_the_pool_is_dry():
    dataset = ActiveNumpyArray((X, NAMES), random_state=0)
    dataset.label_randomly(15)
    fitted = forest()
    loop = ActiveLearningLoop(
        dataset, lambda pool: posterior_samples(fitted, pool[0]), BALD(), query_size=40
    )
    sizes = [15]
    fitted.fit(*dataset.dataset)
    while loop.step():
        sizes.append(len(dataset))
        fitted.fit(*dataset.dataset)
    assert sizes == [15, 55, 95, 135, 150]
