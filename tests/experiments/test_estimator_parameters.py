from itertools import count

from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from baal.experiments.estimator_parameters import (
    described_parameters,
    is_estimator,
    seeded_estimator,
)


def test_estimators_are_told_by_their_methods():
    assert is_estimator(RandomForestClassifier())
    assert is_estimator(make_pipeline(StandardScaler(), RandomForestClassifier()))
    assert not is_estimator(RandomForestClassifier)
    assert not is_estimator(StandardScaler())  # it does not predict


def test_seeds_that_are_set_stay_and_those_that_are_not_are_drawn_at_any_depth():
    bagging = BaggingClassifier(DecisionTreeClassifier(), random_state=7)
    pipeline = seeded_estimator(make_pipeline(StandardScaler(), bagging), count(40).__next__)
    parameters = pipeline.get_params()
    assert parameters["baggingclassifier__random_state"] == 7
    assert parameters["baggingclassifier__estimator__random_state"] == 40
    assert seeded_estimator(StandardScaler(), count().__next__).get_params() == (
        StandardScaler().get_params()
    )


def test_parameters_are_described_but_for_how_it_is_computed():
    pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(max_depth=3, n_jobs=2))
    described = described_parameters(pipeline)
    assert described["randomforestclassifier__max_depth"] == 3
    assert described["randomforestclassifier"] == "RandomForestClassifier"
    assert described["steps"][0] == ["standardscaler", "StandardScaler"]
    assert not any(name.endswith(("n_jobs", "verbose")) for name in described)
