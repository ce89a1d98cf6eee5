import warnings
from functools import partial

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss, r2_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from baal.active.dataset import ActiveLearningDataset, ActiveNumpyArray
from baal.active.heuristics import (
    BALD,
    EPIG,
    Entropy,
    Random,
    Variance,
    available_heuristics,
    fitting_heuristic,
)
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.compare import Setup, compare
from baal.experiments.estimator_parameters import SeedSource
from baal.experiments.estimators import SklearnAdapter
from baal.utils.metrics.calibration import expected_calibration_error

X, Y = load_iris(return_X_y=True)
# Noise, so that no two trees agree on all that is left of the pool.
X = X + np.random.default_rng(1).normal(scale=1.0, size=X.shape)
ORDER = np.random.default_rng(0).permutation(150)
TRAIN, TEST = ORDER[:60], ORDER[60:]


def forest(**kwargs):
    return RandomForestClassifier(**{"n_estimators": 10, "max_depth": 4} | kwargs)


def active(x=X, y=Y, n_labelled=10):
    dataset = ActiveNumpyArray((x[TRAIN], y[TRAIN]), random_state=1)
    dataset.label_randomly(n_labelled)
    return dataset


def build(trainer=None, heuristic=None, dataset=None, **options):
    np.random.seed(0)
    settings = {"query_size": 15, "iterations": 10, "verbose": False} | options
    return ActiveLearningExperiment(
        forest() if trainer is None else trainer,
        active() if dataset is None else dataset,
        settings.pop("eval_dataset", (X[TEST], Y[TEST])),
        heuristic or BALD(), **settings,
    )  # fmt: skip


def without_seconds(records):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in records]


def test_a_round_measures_what_the_estimator_itself_would():
    rows = []

    def keep(record):
        fitted = experiment.adapter.estimator
        probabilities = fitted.predict_proba(X[TEST])
        rows.append([
            fitted.score(X[TEST], Y[TEST]),
            log_loss(Y[TEST], probabilities, labels=[0, 1, 2]),
            f1_score(Y[TEST], fitted.predict(X[TEST]), average="macro"),
        ])  # fmt: skip
        assert fitted.n_features_in_ == 4

    metric = partial(f1_score, average="macro")
    experiment = build(SklearnAdapter(forest(), {"f1": metric}), callbacks=[keep], iterations=3)
    for row, expected in zip(experiment.start(), rows, strict=True):
        found = [row["test_accuracy"], row["test_loss"], row["test_f1"]]
        assert found == pytest.approx(expected, rel=1e-12)


CLASSIFIERS = {
    "forest": forest,
    "bagging": partial(BaggingClassifier, GaussianNB(), 5),
    "pipeline": lambda: make_pipeline(StandardScaler(), forest()),
    "one": partial(LogisticRegression, max_iter=1000),
}


# Those that want means and variances of numbers in one column each, or scores as they are.
OF_OTHERS = {"gaussian_bald", "gaussian_epig", "predictive_variance", "precomputed"}


@pytest.mark.parametrize("name", sorted(set(available_heuristics()) - OF_OTHERS))
def test_every_heuristic_runs_until_the_pool_is_dry(name):
    heuristic = fitting_heuristic(name, num_samples=5, query_size=15)
    # Of numbers, not of classes, where labels so far are looked at.
    trainer = RandomForestRegressor(10) if heuristic.takes_labelled_targets else None
    targets = (X[TEST[:9]], Y[TEST[:9]])
    records = build(trainer, heuristic=heuristic, target_dataset=targets).start()
    assert [row["n_labelled"] for row in records] == [10, 25, 40, 55, 60]
    chosen = [item for row in records for item in row["chosen"]]
    assert len(set(chosen)) == 50


@pytest.mark.parametrize("trainer", CLASSIFIERS)
def test_every_estimator_resumes_exactly(trainer, tmp_path):
    make = partial(build, heuristic=Entropy())
    expected = make(CLASSIFIERS[trainer](), ece=True).start()

    def stop(record):
        if record["round"] == 1:
            raise KeyboardInterrupt

    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        make(CLASSIFIERS[trainer](), ece=True, folder=folder, callbacks=[stop]).start()
    resumed = make(CLASSIFIERS[trainer](), ece=True, folder=folder)
    assert without_seconds(resumed.start()) == without_seconds(expected)
    assert without_seconds(make(CLASSIFIERS[trainer](), ece=True, folder=folder).start()) == (
        without_seconds(expected)
    )


def test_a_seed_makes_a_run_whatever_the_global_state_is(tmp_path):
    def run(seed, state, **options):
        dataset = active()
        experiment = build(SklearnAdapter(forest(), seed=seed), dataset=dataset, **options)
        np.random.seed(state)
        return without_seconds(experiment.start())

    assert run(3, state=1) == run(3, state=2)
    assert run(3, state=1) != run(4, state=1)

    def stop(record):
        if record["round"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(3, state=1, folder=tmp_path / "run", callbacks=[stop])
    assert run(3, state=2, folder=tmp_path / "run") == run(3, state=1)


def test_building_an_experiment_changes_nothing():
    dataset, estimator = active(), forest()
    adapter = SklearnAdapter(estimator, seed=0)
    np.random.seed(5)
    build(adapter, dataset=dataset)
    drawn = adapter._seeds.draw()
    assert drawn == SeedSource(0).draw()
    np.random.seed(0)
    expected = np.random.rand()
    build(forest(), dataset=dataset)
    assert np.random.rand() == expected
    assert not hasattr(estimator, "estimators_")
    assert estimator.random_state is None


def test_another_estimator_is_another_run(tmp_path):
    build(forest(), folder=tmp_path / "run")
    build(forest(), folder=tmp_path / "run").start()
    build(forest(n_jobs=1), folder=tmp_path / "run")
    with pytest.raises(StateError, match=r"trainer\.parameters\.max_depth: 4 before, 5 now"):
        build(forest(max_depth=5), folder=tmp_path / "run")


def test_classes_that_were_not_labelled_have_columns():
    y = np.array(["setosa", "versicolor", "virginica"])[Y]
    dataset = ActiveNumpyArray((X[TRAIN], y[TRAIN]), random_state=1)
    dataset.label_dataset_indices(np.flatnonzero(y[TRAIN] != "versicolor")[:10])
    shapes = []
    experiment = build(dataset=dataset, eval_dataset=(X[TEST], y[TEST]), query_size=50)
    predict = experiment.adapter.predict

    def watched(data, k):
        for block in predict(data, k):
            shapes.append(block.shape)
            yield block

    experiment.adapter.predict = watched
    first = experiment.start()[0]
    assert shapes == [(50, 3, 10)]
    missing = (y[TEST] == "versicolor").mean()
    # Where a class has no probability, it costs the smallest step of a float64.
    assert first["test_loss"] > missing * -np.log(np.finfo(float).eps)


def test_classes_may_be_given_for_other_datasets():
    items = [(X[i], int(Y[i])) for i in TRAIN]
    dataset = ActiveLearningDataset(items, random_state=1)
    dataset.label(np.flatnonzero(Y[TRAIN] == 0)[:3].tolist())
    adapter = SklearnAdapter(GaussianNB(), classes=[2, 1, 0])
    test = [(X[i], int(Y[i])) for i in TEST]
    records = build(adapter, Entropy(), dataset, eval_dataset=test, query_size=57).start()
    share = float((Y[TEST] == 0).mean())
    assert records[0]["test_accuracy"] == pytest.approx(share)
    oracle = GaussianNB().fit(X[TRAIN], Y[TRAIN])
    assert records[-1]["test_accuracy"] == accuracy_score(Y[TEST], oracle.predict(X[TEST]))
    adapter = SklearnAdapter(GaussianNB())  # those that were seen, and those of the targets
    dataset.reset_labelled() if hasattr(dataset, "reset_labelled") else None
    dataset.label(np.flatnonzero(Y[TRAIN] == 0)[:3].tolist())
    records = build(adapter, Entropy(), dataset, eval_dataset=test, query_size=57).start()
    assert records[0]["test_accuracy"] == pytest.approx(share)


def test_regression_with_a_forest():
    y = X[:, 3]
    dataset = active(X[:, :3], y)
    scores, rows = [], []

    def keep(record):
        fitted = experiment.adapter.estimator
        rows.append(r2_score(y[TEST], fitted.predict(X[TEST, :3])))
        if record["chosen"]:
            trees = np.array([t.predict(X[TRAIN][:, :3]) for t in fitted.estimators_])
            scores.append((trees.var(axis=0), ~dataset.labelled, record["chosen"]))

    experiment = build(
        RandomForestRegressor(8, random_state=0), Variance(), dataset,
        eval_dataset=(X[TEST, :3], y[TEST]), callbacks=[keep],
    )  # fmt: skip
    records = experiment.start()
    assert [row["test_r2"] for row in records] == pytest.approx(rows)
    assert records[0]["test_rmse"] ** 2 == pytest.approx(records[0]["test_loss"])
    for variances, unlabelled, chosen in scores:
        left = np.setdiff1d(np.flatnonzero(unlabelled), chosen)
        assert variances[chosen].min() >= variances[left].max(initial=0) - 1e-9


def test_texts_go_through_a_pipeline():
    texts = np.array(["good film", "bad film", "so good", "so bad", "good good", "bad bad"] * 4)
    y = np.array([1, 0] * 12)
    dataset = ActiveNumpyArray((texts, y), random_state=0)
    dataset.label([0, 1, 2])
    trainer = make_pipeline(TfidfVectorizer(), forest())
    records = build(trainer, Entropy(), dataset, eval_dataset=(texts, y), query_size=8).start()
    assert records[-1]["test_accuracy"] == 1
    assert records[-1]["n_labelled"] == 24


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.coo_array])
def test_sparse_inputs_are_as_good_as_others(kind, tmp_path):
    dense = build(ece=True, pool_size=30).start()
    dataset = ActiveNumpyArray((kind(X[TRAIN]), Y[TRAIN]), random_state=1)
    dataset.label_randomly(10)
    test = (kind(X[TEST]), Y[TEST])
    records = build(
        dataset=dataset, eval_dataset=test, ece=True, pool_size=30, folder=tmp_path / "run"
    ).start()
    assert without_seconds(records) == without_seconds(dense)


def make_setup(seed):
    return Setup(forest(), ActiveNumpyArray((X[TRAIN], Y[TRAIN])), (X[TEST], Y[TEST]))


def test_a_comparison_of_heuristics():
    comparison = compare(
        make_setup, ["bald"], [0, 1], initial_labels=10, labelling_budget=30, query_size=15,
        iterations=10, verbose=False,
    )  # fmt: skip
    rows = comparison.records
    assert [row["n_labelled"] for row in rows] == [10, 25, 40] * 4
    first = {(row["seed"], row["heuristic"]): row["test_loss"] for row in rows if row["round"] == 0}
    assert first[0, "bald"] == first[0, "random"] != first[1, "bald"]


def test_joint_samples_are_asked_for_and_given():
    experiment = build(heuristic=EPIG(), target_dataset=(X[TEST], Y[TEST]), query_size=50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        experiment.start()
    assert experiment.adapter.samples_are_joint is True


def test_what_cannot_work_is_refused_when_it_is_built():
    with pytest.raises(InvalidArgumentError, match="`warm_start` to be False with a Sklearn"):
        build(warm_start=True)
    with pytest.raises(InvalidArgumentError, match="`eval_dataset` to have items"):
        build(eval_dataset=(X[:0], Y[:0]))
    with pytest.raises(InvalidArgumentError, match="same length"):
        build(eval_dataset=(X, Y[:3]))
    with pytest.raises(InvalidArgumentError, match="or a scikit-learn estimator, but got"):
        build(RandomForestClassifier)
    with pytest.raises(InvalidTypeError, match="to have `fit`, `predict` and `get_params`"):
        SklearnAdapter(StandardScaler())
    with pytest.raises(InvalidArgumentError, match="each class once"):
        SklearnAdapter(forest(), classes=[0, 0])
    with pytest.raises(InvalidArgumentError, match=r"classifier to be \[N\], but got shape"):
        build(dataset=active(y=np.stack([Y, Y], axis=1)))


def test_what_was_not_fitted_predicts_nothing():
    adapter = SklearnAdapter(forest())
    with pytest.raises(StateError, match="not trained yet"):
        list(adapter.predict((X, Y), 3))
    assert adapter.ready(ActiveNumpyArray((X, Y))) is False
    adapter.train(active())
    with pytest.raises(InvalidArgumentError, match="but got no targets"):
        adapter.evaluate(list(X), 3)


def test_one_sample_is_told_to_be_no_posterior():
    with pytest.warns(UserWarning, match="at least 2 posterior samples"):
        build(LogisticRegression(max_iter=1000), BALD())


def test_nothing_labelled_is_refused_when_it_starts():
    dataset = ActiveNumpyArray((X, Y), random_state=0)
    experiment = build(heuristic=Random(), dataset=dataset)
    with pytest.raises(InvalidArgumentError, match="labelled items to train on"):
        experiment.start()


class Boosted:
    """As other libraries have it: nothing of scikit-learn's, and columns for what it has seen."""

    _estimator_type = "classifier"

    def __init__(self, smoothing=1e-9):
        self.smoothing = smoothing

    def get_params(self, deep=True):
        return {"smoothing": self.smoothing}

    def fit(self, x, y):
        self.inner_ = GaussianNB(var_smoothing=self.smoothing).fit(x, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict(self, x):
        return self.inner_.predict(x)

    def predict_proba(self, x):
        return self.inner_.predict_proba(x)


def test_an_estimator_of_another_library(tmp_path):
    records = build(Boosted(1e-3), Entropy(), folder=tmp_path / "run").start()
    expected = build(GaussianNB(var_smoothing=1e-3), Entropy()).start()
    assert without_seconds(records) == without_seconds(expected)
    with pytest.raises(StateError, match=r"parameters\.smoothing: 0.001 before, 0.5 now"):
        build(Boosted(0.5), Entropy(), folder=tmp_path / "run")


@pytest.mark.parametrize("trainer", [
    HistGradientBoostingClassifier(max_iter=3),
    MLPClassifier(max_iter=200, tol=1e-2, random_state=0),
    KNeighborsClassifier(3),
    RandomForestClassifier(4),
])  # fmt: skip
def test_one_class_is_certain_for_what_has_seen_no_other(trainer):
    dataset = ActiveNumpyArray((X[TRAIN], Y[TRAIN]), random_state=1)
    dataset.label_dataset_indices(np.flatnonzero(Y[TRAIN] == 1)[:6])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLP says that it has not converged
        first = build(trainer, Entropy(), dataset, query_size=60).start()[0]
    share = float((Y[TEST] == 1).mean())
    assert first["test_accuracy"] == pytest.approx(share)
    least = -np.log(np.finfo(float).eps)
    assert first["test_loss"] == pytest.approx((1 - share) * least)


@pytest.mark.parametrize("names", [
    np.array(["setosa", "versicolor", "virginica"]), np.array([5, 7, 9]), np.array([-1, 0, 1]),
])  # fmt: skip
def test_calibration_knows_which_column_is_which_class(names):
    expected = build(SklearnAdapter(forest(), seed=0), ece=True).start()
    dataset, test = active(y=names[Y]), (X[TEST], names[Y[TEST]])
    trainer = SklearnAdapter(forest(), seed=0)
    records = build(trainer, dataset=dataset, eval_dataset=test, ece=True).start()
    assert without_seconds(records) == without_seconds(expected)
    trainer = SklearnAdapter(forest(), seed=0)
    probabilities = trainer.train(active()) or trainer.estimator.predict_proba(X[TEST])
    by_hand = expected_calibration_error(probabilities, Y[TEST])
    assert expected[0]["test_ece"] == pytest.approx(by_hand)


def test_one_sample_is_no_collapsed_posterior():
    records = build(LogisticRegression(max_iter=1000), Entropy()).start()
    assert [row["collapsed"] for row in records] == [None] * 5


def test_what_has_no_classes_is_told_so():
    numbers = {"dataset": active(y=X[:, 3]), "eval_dataset": (X[TEST], X[TEST, 3])}
    with pytest.raises(InvalidArgumentError, match="calibration is measured"):
        build(RandomForestRegressor(4), Variance(), ece=True, **numbers).start()
    with pytest.raises(InvalidArgumentError, match="`classes` to be None with a regressor"):
        SklearnAdapter(RandomForestRegressor(4), classes=[0, 1])
    with pytest.raises(InvalidArgumentError, match=r"kind of the classes \[0, 1, 2\]"):
        build(eval_dataset=(X[TEST], Y[TEST].astype(str))).start()
    with pytest.raises(InvalidArgumentError, match=r"to be \[N\], but got shape \[90, 1\]"):
        build(eval_dataset=(X[TEST], Y[TEST][:, None])).start()


def test_a_class_for_an_estimator():
    with pytest.raises(InvalidTypeError, match="which is a class: make one of it"):
        SklearnAdapter(RandomForestClassifier)
