import time

import pytest

from baal.active.dataset import ActiveLearningDataset
from baal.active.stopping_criteria import (
    LabellingBudgetStoppingCriterion,
    WallClockStoppingCriterion,
)
from baal.exceptions import InvalidArgumentError, InvalidTypeError


@pytest.fixture
def dataset():
    return ActiveLearningDataset(list(range(100)), random_state=1)


def test_the_budget_counts_from_when_it_was_made(dataset):
    dataset.label_randomly(20)
    criterion = LabellingBudgetStoppingCriterion(dataset, labelling_budget=50)
    seen = []
    for _ in range(5):
        seen.append((criterion.should_stop({}, []), criterion.labels_left()))
        dataset.label_randomly(15)
    assert seen == [(False, 50), (False, 35), (False, 20), (False, 5), (True, 0)]
    assert criterion.labels_left() == 0  # overspent, never negative


def test_a_restored_budget_counts_from_where_the_first_did(dataset):
    state = LabellingBudgetStoppingCriterion(dataset, 10).state_dict()
    dataset.label_randomly(8)
    criterion = LabellingBudgetStoppingCriterion(dataset, 10)
    assert criterion.labels_left() == 10
    criterion.load_state_dict(state)
    assert criterion.labels_left() == 2


def test_no_budget_stops_at_once(dataset):
    assert LabellingBudgetStoppingCriterion(dataset, 0).should_stop({}, [])


def test_bad_budgets(dataset):
    with pytest.raises(InvalidArgumentError, match="`labelling_budget` to be 0 or more"):
        LabellingBudgetStoppingCriterion(dataset, -1)
    with pytest.raises(InvalidTypeError, match="`labelling_budget` to be an int"):
        LabellingBudgetStoppingCriterion(dataset, 1.5)
    for seconds in (-1, float("nan")):
        with pytest.raises(InvalidArgumentError, match="`seconds` to be 0 or more"):
            WallClockStoppingCriterion(dataset, seconds)


def test_time_goes_on_where_it_was(dataset, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    criterion = WallClockStoppingCriterion(dataset, seconds=10)
    now[0] = 109.0
    assert not criterion.should_stop({}, [])
    state = criterion.state_dict()
    assert state == {"spent": 9.0}
    now[0] = 5.0  # another boot, days later
    again = WallClockStoppingCriterion(dataset, seconds=10)
    again.load_state_dict(state)
    now[0] = 5.5
    assert not again.should_stop({}, [])
    now[0] = 6.0
    assert again.should_stop({}, [])
