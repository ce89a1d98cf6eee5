import numpy as np
import pytest
from scipy.special import softmax

from baal.active.heuristics import (
    BALD,
    AbstractHeuristic,
    require_single_item,
    requireprobs,
    singlepass,
)
from baal.active.heuristics.decorators import reading_as, reading_of, reads_probabilities
from baal.exceptions import InvalidArgumentError

LOGITS = np.random.default_rng(0).normal(size=(6, 3, 5)) * 3
MEAN = softmax(LOGITS, axis=1).mean(axis=-1)


class MeanFirst(AbstractHeuristic):
    @require_single_item
    @singlepass
    @requireprobs
    def compute_score(self, predictions):
        return predictions[:, 0]


class ProbsFirst(AbstractHeuristic):
    @requireprobs
    @singlepass
    @require_single_item
    def compute_score(self, predictions, target_predictions=None):
        return predictions[:, 0]


@pytest.mark.parametrize("cls", [MeanFirst, ProbsFirst])
@pytest.mark.parametrize("mode", ["auto", "logits"])
def test_logits_are_converted_before_they_are_averaged_in_any_order(cls, mode):
    assert cls.needs_probabilities
    heuristic = cls(mode=mode)
    for predictions in (LOGITS, [LOGITS], iter([LOGITS[:1], LOGITS[1:]])):
        scores = heuristic.get_uncertainties(predictions)
        np.testing.assert_allclose(scores, MEAN[:, 0], atol=1e-15)
    np.testing.assert_allclose(heuristic.compute_score([LOGITS]), MEAN[:, 0], atol=1e-15)
    assert not AbstractHeuristic.needs_probabilities


def test_singlepass_alone_averages_what_it_gets():
    class Plain(AbstractHeuristic):
        @singlepass
        def compute_score(self, predictions):
            return predictions[:, 0]

    assert not Plain.needs_probabilities
    np.testing.assert_allclose(Plain().compute_score(LOGITS), LOGITS.mean(axis=-1)[:, 0])
    np.testing.assert_allclose(Plain().compute_score(MEAN), MEAN[:, 0])


def test_single_item_refuses_several_outputs():
    with pytest.raises(InvalidArgumentError, match="got a list of 2 arrays"):
        MeanFirst().compute_score([LOGITS, LOGITS])


def test_an_axis_of_classes_is_needed():
    with pytest.raises(InvalidArgumentError, match=r"one of classes, but got shape \(3,\)"):
        ProbsFirst().compute_score(np.zeros(3))


@pytest.mark.parametrize("mode", ["auto", "logits"])
def test_a_parents_score_converts_no_second_time(mode):
    class Doubled(BALD):
        @requireprobs
        def compute_score(self, predictions):
            np.testing.assert_allclose(predictions.sum(axis=1), 1)
            return 2 * super().compute_score(predictions)

    expected = 2 * BALD(mode="logits").get_uncertainties(LOGITS)
    heuristic = Doubled(mode=mode)
    np.testing.assert_allclose(heuristic.get_uncertainties(LOGITS), expected, atol=1e-15)
    np.testing.assert_allclose(heuristic.get_uncertainties(iter([LOGITS])), expected, atol=1e-15)


def test_a_decision_binds_one_heuristic_and_ends_with_an_error():
    bald, other = BALD(), BALD()
    with reading_as(bald, "logits"):
        assert (reading_of(bald), reading_of(other)) == ("logits", "auto")
    with pytest.raises(InvalidArgumentError), reading_as(bald, "logits"):
        bald.compute_score(np.zeros(2))
    assert reading_of(bald) == "auto"
    assert not reads_probabilities(BALD.compute_score)
