import math

import numpy as np
import pytest
from scipy.special import expit

from baal.active.heuristics import (
    BALD,
    MultiLabelBALD,
    MultiLabelEntropy,
    MultiLabelMargin,
    functional,
)
from baal.exceptions import InvalidArgumentError

LOGITS = 2 * np.random.default_rng(0).normal(size=(12, 3, 4, 5))  # [N, L, positions, K]
P = expit(LOGITS)
CLASSES = [MultiLabelBALD, MultiLabelEntropy, MultiLabelMargin]


@pytest.mark.parametrize(
    ("heuristic", "function"),
    [
        (MultiLabelBALD, functional.label_mutual_information),
        (MultiLabelEntropy, functional.label_entropy),
        (MultiLabelMargin, functional.label_margin),
    ],
)
def test_scores_are_those_of_the_functions(heuristic, function):
    scores = function(P)
    assert scores.shape == (12, 3, 4)
    np.testing.assert_allclose(heuristic().compute_score(P), scores, atol=1e-14)
    for reduction, reduce in [("sum", np.sum), ("mean", np.mean), ("min", np.min)]:
        expected = reduce(scores, axis=(1, 2))
        got = heuristic(reduction=reduction).get_uncertainties(P)
        np.testing.assert_allclose(got, expected, rtol=1e-12)
        got = heuristic(reduction=reduction, mode="logits").get_uncertainties(iter([LOGITS]))
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_known_values():
    items = np.array([[[1, 1], [0.5, 0.5]], [[1, 0], [0, 0]]])
    ln2 = math.log(2)
    assert MultiLabelBALD().get_uncertainties(items) == pytest.approx([0, ln2])
    assert MultiLabelEntropy().get_uncertainties(items) == pytest.approx([ln2, ln2])
    assert MultiLabelMargin().get_uncertainties(items).tolist() == [0.5, 0.5]
    assert MultiLabelMargin(reduction="min")(items).tolist() == [0, 1]


def test_each_label_is_a_bernoulli_of_its_own():
    by_label = [BALD(mode="probabilities").compute_score(P[:, i : i + 1]) for i in range(3)]
    np.testing.assert_allclose(
        MultiLabelBALD().compute_score(P), np.stack(by_label, axis=1), atol=1e-14
    )


@pytest.mark.parametrize("heuristic", CLASSES)
def test_bad_arguments(heuristic):
    name = heuristic.__name__
    with pytest.raises(InvalidArgumentError, match=f"Expected `mode` of {name} to be 'prob"):
        heuristic(mode="auto")
    with pytest.raises(InvalidArgumentError, match=f"Expected `reduction` of {name} to turn"):
        heuristic(reduction="none")
    with pytest.raises(InvalidArgumentError, match=r"in \[0, 1\] with mode='probabilities'"):
        heuristic()(LOGITS)
