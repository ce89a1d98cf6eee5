import numpy as np
import pytest

from baal.active.dataset import ActiveLearningDataset
from baal.active.stopping_criteria import (
    AllStoppingCriterion,
    AnyStoppingCriterion,
    EarlyStoppingCriterion,
    LabellingBudgetStoppingCriterion,
    LowAverageUncertaintyStoppingCriterion,
    StoppingCriterion,
    TargetMetricStoppingCriterion,
)
from baal.exceptions import InvalidArgumentError, InvalidTypeError

DATASET = ActiveLearningDataset(list(range(9)))


class Says(StoppingCriterion):
    def __init__(self, answer, limit=None):
        super().__init__(DATASET)
        self.answer, self.limit, self._asked, self._models = answer, limit, 0, []

    def should_stop(self, metrics, uncertainty=()):
        self._asked += 1
        return self.answer

    def see_model(self, predict):
        self._models.append(predict)

    def labels_left(self):
        return self.limit


@pytest.mark.parametrize("answers", [(a, b) for a in (0, 1) for b in (0, 1)])
def test_any_and_all(answers):
    parts = [Says(bool(answer)) for answer in answers]
    assert AnyStoppingCriterion(*parts).should_stop({}, []) is any(answers)
    assert AllStoppingCriterion(*parts).should_stop({}, []) is all(answers)
    assert [part._asked for part in parts] == [2, 2]  # each of them, every time


@pytest.mark.parametrize(
    ("limits", "tightest", "loosest"),
    [((3, 5), 3, 5), ((None, 5), 5, None), ((None, None), None, None), ((0,), 0, 0)],
)
def test_limits(limits, tightest, loosest):
    parts = [Says(False, limit) for limit in limits]
    assert AnyStoppingCriterion(*parts).labels_left() == tightest
    assert AllStoppingCriterion(*parts).labels_left() == loosest
    assert AnyStoppingCriterion(*parts).queries_left(1, n_pool=9) == tightest
    assert AllStoppingCriterion(*parts).queries_left(1, n_pool=9) == loosest


def test_each_gets_its_scores_from_one_generator():
    low, high = (LowAverageUncertaintyStoppingCriterion(DATASET, t) for t in (0.5, 0.6))
    assert AllStoppingCriterion(low, high).should_stop({}, iter([0.4, 0.4]))
    assert AnyStoppingCriterion(low, high).should_stop({}, np.array([0.55]))


def test_whether_scores_are_needed():
    target = TargetMetricStoppingCriterion(DATASET, "loss", 1)
    low = LowAverageUncertaintyStoppingCriterion(DATASET, 1)
    assert not AnyStoppingCriterion(target, target).needs_uncertainty
    assert AnyStoppingCriterion(target, low).needs_uncertainty


def test_each_sees_the_model():
    parts = [Says(False), Says(False)]
    AnyStoppingCriterion(parts[0], AllStoppingCriterion(parts[1])).see_model("model")
    assert [part._models for part in parts] == [["model"], ["model"]]


def test_nested_state():
    def make():
        early = EarlyStoppingCriterion(DATASET, "loss", patience=3)
        budget = LabellingBudgetStoppingCriterion(DATASET, 5)
        return AnyStoppingCriterion(budget, AllStoppingCriterion(early)), early

    first, _ = make()
    first.should_stop({"loss": 1.0}, [])
    first.should_stop({"loss": 2.0}, [])
    second, early = make()
    second.load_state_dict(first.state_dict())
    assert (early._best, early._rounds_without) == (1.0, 1)


def test_what_cannot_be_composed():
    with pytest.raises(InvalidArgumentError, match="at least one criterion, but got none"):
        AnyStoppingCriterion()
    with pytest.raises(InvalidTypeError, match="to be stopping criteria, but got 3"):
        AllStoppingCriterion(Says(True), 3)
