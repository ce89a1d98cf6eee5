import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baal.active.dataset import ActiveLearningDataset
from baal.active.stopping_criteria import EarlyStoppingCriterion, TargetMetricStoppingCriterion
from baal.exceptions import InvalidArgumentError, InvalidTypeError

DATASET = ActiveLearningDataset(list(range(3)))


def stops_at(values, name="test_loss", **kwargs):
    """The round that stops, or None."""
    criterion = EarlyStoppingCriterion(DATASET, name, **kwargs)
    answers = [criterion.should_stop({name: value, "other": 0}, []) for value in values]
    return answers.index(True) if True in answers else None


def test_a_plateau_stops():
    assert stops_at([1.0] * 11) == 10
    assert stops_at([1.0] * 10) is None
    assert stops_at([0.7] * 9, "test_accuracy", patience=3) == 3


def test_a_metric_that_gets_worse_stops():
    assert stops_at([1.0, 2.0, 3.0, 4.0], patience=3) == 3
    assert stops_at([0.9, 0.8, 0.7, 0.6], "test_accuracy", patience=3) == 3


def test_a_metric_that_gets_better_never_stops():
    assert stops_at([1 / n for n in range(1, 99)], patience=2) is None
    assert stops_at([n / 99 for n in range(1, 99)], "test_accuracy", patience=2) is None


def test_a_new_best_starts_the_count_again():
    assert stops_at([3, 4, 2, 4, 4, 4], patience=3) == 5


def test_epsilon_is_what_a_new_best_has_to_exceed():
    assert stops_at([1.0, 0.95, 0.91, 0.9], patience=2, epsilon=0.1) == 2
    assert stops_at([1.0, 0.75, 0.5, 0.25], patience=2, epsilon=0.125) is None


def test_nan_is_no_improvement():
    assert stops_at([math.nan] * 4, patience=3) == 2
    assert stops_at([math.nan, 1.0, math.nan, math.nan], patience=2) == 3
    assert stops_at([math.nan, math.nan, 1.0, 0.5, 0.2], patience=3) is None


@pytest.mark.parametrize(
    ("name", "higher"),
    [("test_loss", False), ("test_focal-loss", False), ("error", False), ("test_ECE", False),
     ("test_mae", False), ("test_accuracy", True), ("lossless", True), ("terror", True)],
)  # fmt: skip
def test_auto_goes_by_the_words_of_the_name(name, higher):
    assert EarlyStoppingCriterion(DATASET, name).higher_is_better is higher
    assert TargetMetricStoppingCriterion(DATASET, name, 0.5).higher_is_better is higher
    assert EarlyStoppingCriterion(DATASET, name, better="higher").higher_is_better
    assert not EarlyStoppingCriterion(DATASET, name, better="lower").higher_is_better


@given(
    st.lists(st.floats(allow_infinity=False), max_size=20), st.integers(1, 5), st.integers(0, 20)
)
def test_a_restored_criterion_answers_as_the_first(values, patience, cut):
    first = EarlyStoppingCriterion(DATASET, "loss", patience)
    expected = [first.should_stop({"loss": value}) for value in values]
    before = EarlyStoppingCriterion(DATASET, "loss", patience)
    answers = [before.should_stop({"loss": value}) for value in values[:cut]]
    after = EarlyStoppingCriterion(DATASET, "loss", patience)
    after.load_state_dict(before.state_dict())
    assert answers + [after.should_stop({"loss": value}) for value in values[cut:]] == expected


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20), st.integers(1, 5))
def test_the_same_by_another_way(values, patience):
    """Stops at the first round whose last `patience` values hold no new best, epsilon 0."""
    expected = None
    for i in range(patience, len(values)):
        window = values[i - patience + 1 : i + 1]
        if min(window) >= min(values[: i - patience + 1]):
            expected = i
            break
    assert stops_at(values, patience=patience, epsilon=0) == expected


def test_the_target():
    accuracy = TargetMetricStoppingCriterion(DATASET, "test_accuracy", 0.9)
    assert [accuracy.should_stop({"test_accuracy": v}) for v in (0.89, 0.9, 0.95, math.nan)] == [
        False, True, True, False,
    ]  # fmt: skip
    loss = TargetMetricStoppingCriterion(DATASET, "test_loss", 0.5)
    assert [loss.should_stop({"test_loss": v}) for v in (0.51, 0.5, 0.1, math.nan)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_bad_arguments():
    with pytest.raises(InvalidArgumentError, match="`patience` to be 1 or more, but got 0"):
        EarlyStoppingCriterion(DATASET, "loss", patience=0)
    with pytest.raises(InvalidTypeError, match="`patience` to be an int"):
        EarlyStoppingCriterion(DATASET, "loss", patience=1.5)
    with pytest.raises(InvalidArgumentError, match="`epsilon` to be 0 or more, but got -1"):
        EarlyStoppingCriterion(DATASET, "loss", epsilon=-1)
    with pytest.raises(InvalidArgumentError, match="'auto', 'higher' or 'lower', but got 'up'"):
        TargetMetricStoppingCriterion(DATASET, "loss", 1, better="up")
    with pytest.raises(InvalidArgumentError, match=r"one of the metrics \['a'\], but got 'loss'"):
        EarlyStoppingCriterion(DATASET, "loss").should_stop({"a": 1})
