import numpy as np
import pytest

from baal.active.dataset import ActiveLearningDataset
from baal.active.stopping_criteria import (
    LowAverageUncertaintyStoppingCriterion,
    StabilizingPredictionsStoppingCriterion,
)
from baal.exceptions import InvalidArgumentError

DATASET = ActiveLearningDataset(list(range(3)))


@pytest.mark.parametrize(
    "form",
    [
        np.array,
        list,
        iter,
        lambda scores: (score for score in scores),
        lambda scores: (np.array(part) for part in (scores[:1], scores[1:])),
        lambda scores: [np.array(scores)],
    ],
)
def test_the_mean_of_scores_in_any_form(form):
    criterion = LowAverageUncertaintyStoppingCriterion(DATASET, avg_uncertainty_thresh=0.5)
    assert criterion.should_stop({}, form([0.2, 0.9, 0.3]))  # not the mean of batches: 0.4
    assert not criterion.should_stop({}, form([0.2, 0.9, 0.5]))


def test_scores_that_do_not_count():
    criterion = LowAverageUncertaintyStoppingCriterion(DATASET, 0.5)
    assert criterion.should_stop({}, [0.1, np.nan, np.inf])
    assert not criterion.should_stop({}, [])
    assert not criterion.should_stop({}, [np.nan])
    assert not criterion.should_stop({}, [0.5])


def probabilities(labels, n_classes=3):
    """`[N, C, K]` whose mean is highest at the label, though no single sample need be."""
    one_hot = np.eye(n_classes)[labels]
    return np.stack([0.8 * one_hot + 0.2 / n_classes, np.full_like(one_hot, 1 / n_classes)], -1)


def run(rounds, **kwargs):
    criterion = StabilizingPredictionsStoppingCriterion(DATASET, "the stop set", **kwargs)
    answers = []
    for labels in rounds:

        def predict(stop_set, labels=labels):
            assert stop_set == "the stop set"
            return iter(np.array_split(probabilities(labels), 2))

        criterion.see_model(predict)
        answers.append(criterion.should_stop({}, []))
    return criterion, answers


A, B = [0, 1, 2, 0, 1, 2], [0, 1, 2, 0, 1, 1]


def test_predictions_at_rest_stop():
    assert run([A, A, A, A])[1] == [False, False, False, True]
    assert run([B, A, A, A, A])[1] == [False, False, False, False, True]
    assert run([A, A], window=1)[1] == [False, True]


def test_the_threshold_is_on_the_mean_kappa():
    # kappa(A, B): 5/6 observed; by chance (2*2 + 2*3 + 2*1) / 36 = 1/3; so (5/6-1/3)/(2/3) = 0.75.
    criterion, answers = run([A, A, B], window=2, threshold=0.875)
    assert criterion._kappas == [1.0, pytest.approx(0.75)]
    assert answers == [False, False, True]
    assert run([A, A, B], window=2, threshold=0.876)[1] == [False, False, False]


def test_it_is_saved_and_restored():
    rounds = [A, A, B, B, B, A, A, A, A]
    _, expected = run(rounds)
    for cut in range(len(rounds)):
        criterion, answers = run(rounds[:cut])
        state = criterion.state_dict()
        assert "_stop_set" not in state
        again = StabilizingPredictionsStoppingCriterion(DATASET, "the stop set")
        again.load_state_dict(state)
        for labels in rounds[cut:]:
            again.see_model(lambda _, labels=labels: probabilities(labels))
            answers.append(again.should_stop({}, []))
        assert answers == expected


def test_a_bad_window():
    with pytest.raises(InvalidArgumentError, match="`window` to be 1 or more, but got 0"):
        StabilizingPredictionsStoppingCriterion(DATASET, [1], window=0)


def test_an_empty_stop_set():
    with pytest.raises(InvalidArgumentError, match="`stop_set` to have items"):
        StabilizingPredictionsStoppingCriterion(DATASET, [])
