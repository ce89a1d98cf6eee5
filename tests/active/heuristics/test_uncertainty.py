import math

import numpy as np
import pytest
import torch
from scipy.special import softmax

from baal.active.heuristics import (
    BALD,
    Certainty,
    Entropy,
    Margin,
    Variance,
    functional,
)
from baal.exceptions import InvalidArgumentError

LN2 = math.log(2)
# Three items: sure, torn between two classes, and with samples that contradict each other.
ITEMS = np.array(
    [
        [[1.0, 1.0], [0.0, 0.0]],
        [[0.5, 0.5], [0.5, 0.5]],
        [[1.0, 0.0], [0.0, 1.0]],
    ]
)


@pytest.mark.parametrize(
    ("heuristic", "scores", "ranks"),
    [
        (BALD(), [0, 0, LN2], [2, 0, 1]),
        (Entropy(), [0, LN2, LN2], [1, 2, 0]),
        (Margin(), [1, 0, 0], [1, 2, 0]),
        (Certainty(), [1, 0.5, 0.5], [1, 2, 0]),
        (Variance(), [0, 0, 0.25], [2, 0, 1]),
    ],
)
def test_known_values_and_directions(heuristic, scores, ranks):
    got_ranks, got_scores = heuristic.get_ranks(ITEMS)
    assert got_scores == pytest.approx(scores, abs=1e-12)
    assert got_ranks.tolist() == ranks
    assert heuristic(ITEMS).tolist() == ranks


def test_samples_are_converted_before_they_are_averaged():
    # Averaged as logits, two opposite samples would be undecided, and so would two undecided ones.
    logits = np.array([[[800.0, -800.0], [0.0, 0.0], [0.0, 0.0]]])
    mean = np.array([0.5, 0.25, 0.25])
    assert Certainty().compute_score(logits) == pytest.approx([0.5], abs=1e-12)
    assert Margin().compute_score(logits) == pytest.approx([0.25], abs=1e-12)
    assert Entropy().compute_score(logits) == pytest.approx([-(mean * np.log(mean)).sum()])


def test_variance_scores_outputs_as_they_come():
    outputs = np.random.default_rng(0).normal(size=(6, 3, 5)) * 4
    expected = outputs.var(axis=-1)
    for mode in ("auto", "probabilities"):
        heuristic = Variance(mode=mode)
        np.testing.assert_allclose(heuristic.compute_score(outputs), expected, rtol=1e-13)
        np.testing.assert_allclose(heuristic.get_uncertainties(outputs), expected.mean(1))
    probabilities = softmax(outputs, axis=1)
    by_logits = Variance(mode="logits", reduction="max").get_uncertainties(iter([outputs]))
    np.testing.assert_allclose(by_logits, probabilities.var(axis=-1).max(axis=1), rtol=1e-13)


def test_variance_refuses_to_keep_its_outputs_apart():
    with pytest.raises(
        InvalidArgumentError, match=r"Expected `reduction` of Variance .* got 'none'"
    ):
        Variance(reduction="none")


def test_multi_label_as_bernoulli_positions():
    labels = np.random.default_rng(0).random((4, 3, 5))  # [N, L, K]
    scores = BALD(reduction="sum").get_uncertainties(labels[:, None])
    by_label = [BALD().get_uncertainties(labels[:, None, i]) for i in range(3)]
    np.testing.assert_allclose(scores, np.sum(by_label, axis=0), atol=1e-14)


def test_scores_are_those_of_the_functions():
    p = softmax(np.random.default_rng(1).normal(size=(5, 4, 3, 2)), axis=1)
    for heuristic, function in [
        (BALD(), functional.mutual_information),
        (Entropy(), functional.predictive_entropy),
        (Margin(), functional.margin),
        (Certainty(), functional.certainty),
        (Variance(), functional.variance),
    ]:
        np.testing.assert_allclose(heuristic.compute_score(p), function(p), rtol=0, atol=1e-15)
        tensor = torch.from_numpy(p).requires_grad_()
        np.testing.assert_allclose(heuristic.compute_score([tensor]), function(p), atol=1e-15)
