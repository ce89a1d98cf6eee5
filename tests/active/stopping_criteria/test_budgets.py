import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baal.active.dataset import ActiveLearningDataset
from baal.active.stopping_criteria import (
    LabelCountsStoppingCriterion,
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


@pytest.mark.parametrize(
    ("budget", "query_size", "queries"), [(20, 10, 2), (21, 10, 3), (0, 10, 0), (500, 10, 4)]
)
def test_queries_to_spend_it(dataset, budget, query_size, queries):
    criterion = LabellingBudgetStoppingCriterion(dataset, budget)
    assert criterion.queries_left(query_size, n_pool=40) == queries


def test_no_budget_stops_at_once(dataset):
    assert LabellingBudgetStoppingCriterion(dataset, 0).should_stop({}, [])


@pytest.mark.parametrize("counts", [[12, 20, 25], [25, 12, 20], [20, 25, 12, 20]])
def test_numbers_of_labels_are_met_one_after_the_other(dataset, counts):
    criterion = LabelCountsStoppingCriterion(dataset, counts)
    seen = []
    for step in (10, 1, 1, 5, 3, 4, 1, 9):
        dataset.label_randomly(step)
        seen.append((dataset.n_labelled, criterion.labels_left(), criterion.should_stop({})))
    assert seen == [
        (10, 2, False), (11, 1, False), (12, 8, False), (17, 3, False), (20, 5, False),
        (24, 1, False), (25, 0, True), (34, 0, True),
    ]  # fmt: skip


@settings(max_examples=50)
@given(
    counts=st.lists(st.integers(1, 120), min_size=1, max_size=5),
    initial=st.integers(0, 100),
    query_size=st.integers(1, 40),
)
def test_queries_cut_to_what_is_left_meet_each_number_exactly(counts, initial, query_size):
    dataset = ActiveLearningDataset(list(range(100)), random_state=1)
    dataset.label_randomly(initial)
    criterion = LabelCountsStoppingCriterion(dataset, counts)
    seen = {dataset.n_labelled}
    expected, queries = criterion.queries_left(query_size, dataset.n_unlabelled), 0
    while not criterion.should_stop({}) and dataset.n_unlabelled:
        queries += 1
        n = min(query_size, criterion.labels_left(), dataset.n_unlabelled)
        assert n > 0
        dataset.label_randomly(n)
        seen.add(dataset.n_labelled)
    assert {count for count in counts if initial < count <= 100} <= seen
    assert dataset.n_labelled == max(initial, min(max(counts), 100))
    assert queries == expected


def test_numbers_of_labels_are_of_labels_in_all_so_nothing_is_remembered(dataset):
    criterion = LabelCountsStoppingCriterion(dataset, [30])
    dataset.label_randomly(20)
    again = LabelCountsStoppingCriterion(dataset, (30,))
    again.load_state_dict(criterion.state_dict())
    assert criterion.labels_left() == again.labels_left() == 10


def test_bad_numbers_of_labels(dataset):
    with pytest.raises(InvalidArgumentError, match="`label_counts` to hold a number, but got none"):
        LabelCountsStoppingCriterion(dataset, [])
    with pytest.raises(InvalidArgumentError, match="`label_counts` to be 1 or more, but got 0"):
        LabelCountsStoppingCriterion(dataset, [5, 0])
    with pytest.raises(InvalidTypeError, match=r"`label_counts` to be an int, but got 2\.5"):
        LabelCountsStoppingCriterion(dataset, [2.5])


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
