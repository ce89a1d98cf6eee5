import numpy as np
import pytest

from baal.active.heuristics import (
    GaussianBALD,
    GaussianHeuristic,
    PredictiveVariance,
    functional,
)
from baal.exceptions import InvalidArgumentError

rng = np.random.default_rng(0)
MEANS, LOG_VARIANCES = rng.normal(size=(2, 12, 3, 4, 5))
OUTPUTS = np.concatenate([MEANS, LOG_VARIANCES], axis=1)  # [N, 2 D, positions, K]


@pytest.mark.parametrize(
    ("heuristic", "function"),
    [
        (GaussianBALD, functional.gaussian_mutual_information),
        (PredictiveVariance, functional.predictive_variance),
    ],
)
def test_scores_are_those_of_the_functions(heuristic, function):
    expected = function(MEANS, np.exp(LOG_VARIANCES))
    assert expected.shape == (12, 3, 4)
    np.testing.assert_allclose(heuristic().compute_score(OUTPUTS), expected, rtol=1e-12)
    ranks, scores = heuristic(reduction="max").get_ranks(iter(np.split(OUTPUTS, 4)))
    np.testing.assert_allclose(scores, expected.max(axis=(1, 2)), rtol=1e-12)
    assert scores[ranks[0]] == scores.max()
    given = np.concatenate([MEANS, np.exp(LOG_VARIANCES)], axis=1)
    same = heuristic(reduction="max", log_variance=False).get_uncertainties(given)
    np.testing.assert_allclose(same, scores, rtol=1e-12)


def test_noise_that_the_samples_agree_on_is_not_epistemic():
    noisy = [[0.0, 0.0], [9.0, 9.0]]
    torn = [[-2.0, 2.0], [0.0, 0.0]]
    assert GaussianBALD()([noisy, torn]).tolist() == [1, 0]
    assert PredictiveVariance()([noisy, torn]).tolist() == [0, 1]


def test_variances_that_are_none_rank_last():
    items = [[[0.0, 0.0], [1.0, -1.0]], [[0.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 1.0]]]
    with pytest.warns(RuntimeWarning, match="got 2 of 3 that are not"):
        assert GaussianBALD(log_variance=False)(items).tolist() == [1, 0, 2]


@pytest.mark.parametrize("heuristic", [GaussianBALD, PredictiveVariance])
def test_bad_arguments(heuristic):
    with pytest.raises(InvalidArgumentError, match=r"to be \[N, 2 D, .* got shape \(4, 3, 5\)"):
        heuristic()(np.zeros((4, 3, 5)))
    with pytest.raises(InvalidArgumentError, match=f"`reduction` of {heuristic.__name__} to turn"):
        heuristic(reduction="none")


def test_a_subclass_must_define_its_score():
    with pytest.raises(NotImplementedError, match="must define `score_gaussians`"):
        GaussianHeuristic()(OUTPUTS)
