import numpy as np
import pytest

from baal.active.heuristics import Precomputed, Random

PLACEHOLDER = np.zeros((40, 1))


def test_random_has_a_seed_and_moves_on():
    first, second = Random(seed=7), Random(seed=7)
    ranks, scores = first.get_ranks(PLACEHOLDER)
    again_ranks, again_scores = second.get_ranks(PLACEHOLDER)
    assert ranks.tolist() == again_ranks.tolist()
    assert scores.tolist() == again_scores.tolist()
    assert first.get_uncertainties(PLACEHOLDER).tolist() != scores.tolist()
    assert Random(seed=8).get_uncertainties(PLACEHOLDER).tolist() != scores.tolist()


def test_random_without_a_seed_follows_numpys_global_state():
    random = Random()
    np.random.seed(3)
    first, second = random(PLACEHOLDER).tolist(), random(PLACEHOLDER).tolist()
    np.random.seed(3)
    assert [random(PLACEHOLDER).tolist(), random(PLACEHOLDER).tolist()] == [first, second]
    assert first != second


def test_random_draws_from_the_unit_interval_evenly():
    scores = Random(seed=0).get_uncertainties(np.zeros((100_000, 1)))
    assert scores.min() >= 0
    assert scores.max() < 1
    # Mean 1/2 and variance 1/12, within five standard errors.
    assert scores.mean() == pytest.approx(0.5, abs=5 * (1 / 12 / 100_000) ** 0.5)
    assert scores.var() == pytest.approx(1 / 12, abs=5 * (1 / 180 / 100_000) ** 0.5)


def test_random_reads_only_the_length():
    nonsense = np.full((5, 1), np.nan)
    assert sorted(Random(seed=0)(nonsense)) == [0, 1, 2, 3, 4]
    assert not Random.needs_predictions
    assert Random.is_random


def test_precomputed_directions():
    scores = np.array([0.3, 0.1, 0.2])
    assert Precomputed()(scores).tolist() == [1, 2, 0]
    assert Precomputed(reverse=True)(scores).tolist() == [0, 2, 1]
    assert Precomputed()(iter(np.split(scores, 3))).tolist() == [1, 2, 0]


def test_precomputed_scores_are_a_copy():
    given = np.array([0.3, 0.1])
    _, scores = Precomputed().get_ranks(given)
    scores[:] = 0
    assert given.tolist() == [0.3, 0.1]
