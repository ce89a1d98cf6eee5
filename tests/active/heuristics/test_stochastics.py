from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from baal.active import ActiveLearningLoop, ActiveNumpyArray
from baal.active.heuristics import (
    BALD,
    AbstractHeuristic,
    BatchBALD,
    Certainty,
    GibbsSampling,
    Margin,
    PowerSampling,
    Precomputed,
    RankBasedSampling,
    StochasticHeuristic,
)
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from tests.active.heuristics.test_joint_entropy import draw

SAMPLERS = [PowerSampling, GibbsSampling, RankBasedSampling]
SCORES = np.array([0.2, 0.9, 0.5, 0.7])


def weights_of(sampler, reverse, temperature):
    if sampler is PowerSampling:
        weights = SCORES if reverse else 1 - SCORES
        return weights ** (1 / temperature)
    if sampler is GibbsSampling:
        return np.exp((1 if reverse else -1) * SCORES / temperature)
    ranks = np.argsort(np.argsort(-SCORES if reverse else SCORES)) + 1
    return ranks ** (-1 / temperature)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_ranks_follow_the_exact_law_of_draws_without_replacement(sampler, reverse, temperature):
    weights = weights_of(sampler, reverse, temperature)
    heuristic = sampler(Precomputed(reverse=reverse), 2, temperature, seed=0)
    n = 4000
    counts = dict.fromkeys(permutations(range(4)), 0)
    for _ in range(n):
        counts[tuple(heuristic(SCORES).tolist())] += 1
    law = []
    for order in counts:
        left, p = weights.sum(), 1.0
        for item in order:
            p *= weights[item] / left
            left -= weights[item]
        law.append(p)
    usual = np.array(law) * n >= 5  # where a chi-square is an approximation at all
    observed, expected = np.array(list(counts.values())), np.array(law) * n
    observed = np.append(observed[usual], observed[~usual].sum() + 1e-9)
    expected = np.append(expected[usual], expected[~usual].sum() + 1e-9)
    expected *= observed.sum() / expected.sum()
    assert chisquare(observed, expected).pvalue > 1e-4


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("base", [Margin, Certainty, BALD])
def test_cold_draws_are_the_base_heuristics_ranks(sampler, base):
    pool = draw((12, 4, 6))
    ranks, scores = base().get_ranks(pool)
    heuristic = sampler(base(), 3, 1e-6, seed=0)
    got, got_scores = heuristic.get_ranks(pool)
    assert got.tolist() == ranks.tolist()
    np.testing.assert_array_equal(got_scores, scores)
    assert heuristic.reversed == base().reversed
    np.testing.assert_array_equal(heuristic.compute_score(pool), scores)
    np.testing.assert_array_equal(heuristic.get_uncertainties(pool), scores)
    generated = heuristic.get_uncertainties_generator(iter(np.split(pool, 3)))
    np.testing.assert_array_equal(generated, scores)


@given(
    st.lists(st.floats(allow_nan=True, width=32), max_size=12),
    st.sampled_from(SAMPLERS),
    st.booleans(),
    st.integers(0, 30),
)
@settings(max_examples=80, deadline=None)
@pytest.mark.filterwarnings("ignore:Expected finite scores:RuntimeWarning")
def test_any_scores_give_a_permutation_with_the_broken_last(scores, sampler, reverse, query_size):
    scores = np.array(scores)
    before = scores.copy()
    scores.flags.writeable = False
    ranks, got = sampler(Precomputed(reverse=reverse), query_size, seed=1).get_ranks(scores)
    np.testing.assert_array_equal(scores, before)
    np.testing.assert_array_equal(got, before)
    assert sorted(ranks) == list(range(len(scores)))
    assert ranks.dtype == np.int64
    finite = np.isfinite(scores[ranks])
    assert finite.tolist() == sorted(finite, reverse=True)


def test_power_draws_what_tells_nothing_last():
    scores = np.array([0.0, -1.0, 0.3, 0.0, 0.4])
    for seed in range(20):
        ranks = PowerSampling(Precomputed(reverse=True), 1, seed=seed)(scores).tolist()
        assert sorted(ranks[:2]) == [2, 4]
        assert ranks[2:] == [0, 3, 1]


def test_power_of_low_scores_reaches_up_to_the_highest():
    scores = np.array([5.0, 10.0, 20.0])
    firsts = [PowerSampling(Precomputed(), 1, seed=s)(scores)[0] for s in range(600)]
    counts = np.bincount(firsts, minlength=3)
    assert counts[2] == 0
    assert chisquare(counts[:2], [600 * 15 / 25, 600 * 10 / 25]).pvalue > 1e-4


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_seeds(sampler):
    scores = np.arange(50.0)
    a, b = sampler(Precomputed(), 5, seed=1), sampler(Precomputed(), 5, seed=1)
    first = a(scores).tolist()
    assert b(scores).tolist() == first
    assert a(scores).tolist() != first
    np.random.seed(3)
    first = sampler(Precomputed(), 5)(scores).tolist()
    np.random.seed(3)
    assert sampler(Precomputed(), 5)(scores).tolist() == first


def test_reordering_scores_that_were_computed_before():
    heuristic = GibbsSampling(Precomputed(reverse=True), 1, 1e-6, seed=0)
    assert heuristic.reorder_indices([np.array([0.5]), np.array([0.75, 0.25])]).tolist() == [
        1,
        0,
        2,
    ]
    assert heuristic.reorder_indices([0.5, 0.75]).tolist() == [1, 0]
    tensor = torch.tensor([0.5, 0.75], requires_grad=True)
    for scores in (tensor, tensor.bfloat16(), [tensor[:1], tensor[1:].bfloat16()]):
        assert heuristic.reorder_indices(scores).tolist() == [1, 0]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("max_sample", [-1, 30])
def test_in_the_loop_scores_belong_to_items(sampler, max_sample):
    pool = draw((40, 3, 8))
    bald = BALD().get_uncertainties(pool)
    dataset = ActiveNumpyArray((np.arange(40), np.zeros(40)))
    heuristic = sampler(BALD(), 100, seed=0)
    loop = ActiveLearningLoop(
        dataset, lambda part: pool[part[0]], heuristic, query_size=6, max_sample=max_sample
    )
    proposal = loop.query()
    np.testing.assert_allclose(proposal.scores, bald[proposal.dataset_indices], atol=1e-12)
    assert loop.step()
    assert dataset.labelled.sum() == 6


def test_facts_come_from_the_base():
    heuristic = PowerSampling(BatchBALD(2), 2, seed=0)
    assert heuristic.needs_joint_samples
    assert heuristic.needs_whole_pool
    assert heuristic.is_random
    pool = draw((9, 3, 4))
    assert sorted(heuristic(iter(np.split(pool, 3)))) == list(range(9))


@pytest.mark.parametrize("temperature", [0, -1.0, np.inf, np.nan])
def test_temperatures_that_are_none(temperature):
    with pytest.raises(InvalidArgumentError, match="`temperature` to be above 0 and finite"):
        GibbsSampling(BALD(), 1, temperature)


def test_arguments():
    with pytest.raises(InvalidTypeError, match="`temperature` to be a number"):
        GibbsSampling(BALD(), 1, "warm")
    with pytest.raises(InvalidArgumentError, match="`query_size` to be 0 or more, but got -1"):
        PowerSampling(BALD(), -1)
    with pytest.raises(InvalidTypeError, match="`query_size` to be an int"):
        PowerSampling(BALD(), True)
    with pytest.raises(InvalidTypeError, match="`base_heuristic` to be a heuristic"):
        PowerSampling(BALD, 1)
    with pytest.raises(NotImplementedError, match="must define `log_weights`"):
        StochasticHeuristic(Precomputed(), 1)([1.0])


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_mask_is_handed_to_the_base(sampler):
    pool = draw((20, 3, 5, 8))  # [N, C, L, K]
    mask = np.arange(5) < np.random.default_rng(0).integers(1, 6, size=(20, 1))
    base = BALD(reduction="mean")
    ranks, scores = base.get_ranks(pool, mask=mask)
    heuristic = sampler(base, 3, 1e-6, seed=0)
    assert heuristic.takes_mask
    got, got_scores = heuristic.get_ranks(pool, mask=mask)
    np.testing.assert_array_equal(got_scores, scores)
    assert got.tolist() == ranks.tolist() == heuristic(pool, mask=mask).tolist()
    np.testing.assert_array_equal(heuristic.get_uncertainties(pool, mask=mask), scores)
    with pytest.raises(InvalidArgumentError, match="which the base heuristic BatchBALD does not"):
        sampler(BatchBALD(2), 3).get_ranks(draw((4, 3, 5)), mask=np.ones(4, bool))


def test_a_base_of_baal_without_targets():
    class Old(AbstractHeuristic):
        def compute_score(self, predictions):
            return predictions[:, 0, 0]

    pool = draw((5, 3, 2))
    heuristic = PowerSampling(Old(reverse=True), 2, seed=0)
    np.testing.assert_array_equal(heuristic.compute_score(pool), pool[:, 0, 0])
    np.testing.assert_array_equal(heuristic.get_ranks(pool)[1], pool[:, 0, 0])
