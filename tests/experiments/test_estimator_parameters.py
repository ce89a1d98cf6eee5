from itertools import count

import numpy as np
import pytest
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.experiments.estimator_parameters import (
    SeedSource,
    described_parameters,
    is_estimator,
    is_regressor,
    seeded_estimator,
)


def test_estimators_are_told_by_their_methods():
    assert is_estimator(RandomForestClassifier())
    assert is_estimator(make_pipeline(StandardScaler(), RandomForestClassifier()))
    assert is_estimator(StackingClassifier([("a", GaussianNB())]))  # it predicts once it is fitted
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


class Boosted:
    """As other libraries have it: nothing of scikit-learn's."""

    def predict(self, x):
        return x


def test_regressors_of_scikit_learn_and_of_others():
    assert is_regressor(make_pipeline(StandardScaler(), LinearRegression()))
    assert is_regressor(GridSearchCV(LinearRegression(), {}))
    assert not is_regressor(make_pipeline(StandardScaler(), GaussianNB()))
    assert not is_regressor(StandardScaler())
    other = Boosted()
    assert is_regressor(other)
    assert is_regressor(make_pipeline(StandardScaler(), other))
    other.predict_proba = None
    assert not is_regressor(other)
    other._estimator_type = "regressor"
    assert is_regressor(other)
    other._estimator_type = "classifier"
    assert not is_regressor(other)


def test_seeds_come_from_one_or_from_the_global_state():
    expected = np.random.RandomState(5).randint(2**31 - 1, size=2).tolist()
    seeds = SeedSource(5)
    assert [seeds.draw(), seeds.draw()] == expected
    np.random.seed(5)
    assert [SeedSource(None).draw(), SeedSource(None).draw()] == expected


@pytest.mark.parametrize("seed", [5, None])
def test_seeds_that_were_tried_are_put_back(seed):
    np.random.seed(1)
    seeds = SeedSource(seed)
    with pytest.raises(KeyboardInterrupt), seeds.kept():
        first = seeds.draw()
        raise KeyboardInterrupt
    assert seeds.draw() == first


def test_seeds_that_are_none_are_refused():
    for wrong in (1.5, "1", np.random.RandomState(0)):
        with pytest.raises(InvalidTypeError, match="`seed` to be an integer or None"):
            SeedSource(wrong)
    with pytest.raises(InvalidArgumentError, match="between 0 and"):
        SeedSource(-1)
