from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from baal.active.heuristics.joint_entropy import (
    conditional_gains,
    extend,
    no_labels,
    resample,
    sample_entropies,
)


def draw(shape, seed=0, scale=2.0):
    return softmax(np.random.default_rng(seed).normal(size=shape) * scale, axis=1)


def exact_joint_entropy(items):
    """By enumeration of every configuration: `-sum p(y) ln p(y)`, `p(y) = mean_k prod_i p_ik`."""
    n, n_classes, n_samples = items.shape
    total = 0.0
    for labels in product(range(n_classes), repeat=n):
        p = (
            sum(np.prod([items[i, labels[i], k] for i in range(n)]) for k in range(n_samples))
            / n_samples
        )
        total -= p * np.log(p) if p > 0 else 0.0
    return total


def exact_information(items):
    """`H[y_1, ..., y_n] - sum_i E_k H[y_i | k]`."""
    if not len(items):
        return 0.0
    expected = -np.where(items > 0, items * np.log(np.where(items > 0, items, 1)), 0).sum((1, 2))
    return exact_joint_entropy(items) - expected.sum() / items.shape[2]


def gains_given(batch, candidates, budget, seed=0):
    configurations, rng = no_labels(candidates.shape[-1]), np.random.default_rng(seed)
    for item in batch:
        configurations = extend(configurations, item, budget, rng)
    return conditional_gains(candidates, sample_entropies(candidates), configurations)


@given(
    st.integers(2, 4), st.integers(1, 6), st.integers(0, 3), st.integers(0, 10**6), st.booleans()
)
@settings(max_examples=40, deadline=None)
def test_gains_are_exact_while_all_configurations_fit(n_classes, n_samples, n, seed, zeros):
    items = draw((n + 2, n_classes, n_samples), seed, 3)
    if zeros:
        items[items < 0.2] = 0
        items /= items.sum(axis=1, keepdims=True)
    batch, candidates = items[:n], items[n:]
    expected = [
        exact_information(np.concatenate([batch, candidates[i : i + 1]])) - exact_information(batch)
        for i in range(2)
    ]
    np.testing.assert_allclose(gains_given(batch, candidates, n_classes**n), expected, atol=1e-12)


def test_configurations_are_a_distribution_and_stay_in_the_budget():
    configurations, rng = no_labels(6), np.random.default_rng(0)
    for step, item in enumerate(draw((9, 3, 6))):
        configurations = extend(configurations, item, 50, rng)
        assert len(configurations.weights) == min(3 ** (step + 1), 50)
        assert configurations.weights.sum() == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(configurations.posterior.sum(axis=1), 1, atol=1e-12)
        assert (configurations.posterior >= 0).all()


def test_impossible_labels_take_no_place():
    sure = np.zeros((4, 5))
    sure[2] = 1
    configurations = no_labels(5)
    for _ in range(20):
        configurations = extend(configurations, sure, 1, np.random.default_rng(0))
    assert configurations.weights.tolist() == [1.0]


def test_sampled_gains_are_unbiased_and_close():
    items = draw((7, 4, 8), seed=3)
    batch, candidates = items[:6], items[6:]
    exact = gains_given(batch, candidates, 4**6)[0]
    sampled = np.array([gains_given(batch, candidates, 200, seed)[0] for seed in range(60)])
    standard_error = sampled.std(ddof=1) / np.sqrt(60)
    assert abs(sampled.mean() - exact) < 4 * standard_error
    assert sampled.std() < 0.01  # nats
    finer = np.array([gains_given(batch, candidates, 2000, seed)[0] for seed in range(20)])
    assert finer.std() < sampled.std() / 2


def test_resampling_is_unbiased():
    weights = np.array([0.5, 0.2, 0.1, 0.08, 0.06, 0.04, 0.02])
    rng = np.random.default_rng(1)
    totals = np.zeros((4000, 7))
    for total in totals:
        kept, new = resample(weights, 4, rng)
        assert len(kept) == 4
        assert new.sum() == pytest.approx(1, abs=1e-12)
        assert (np.diff(kept) >= 0).all()
        np.add.at(total, kept, new)
    assert (totals[:, 0] == 0.5).all()  # the heavy ones keep their weight
    standard_errors = totals.std(axis=0) / np.sqrt(4000)
    assert (abs(totals.mean(axis=0) - weights) <= 4.5 * standard_errors + 1e-12).all()


def test_what_fits_is_left_alone():
    weights = np.array([0.25, 0.75])
    kept, new = resample(weights, 2, np.random.default_rng(0))
    assert kept.tolist() == [0, 1]
    assert new is weights


def test_blocks_change_nothing(monkeypatch):
    items, batch = draw((40, 3, 7)), draw((5, 3, 7), 1)
    expected = gains_given(batch, items, 243)
    monkeypatch.setattr("baal.active.heuristics.joint_entropy.BLOCK_ELEMENTS", 50)
    np.testing.assert_allclose(gains_given(batch, items, 243), expected, rtol=0, atol=1e-13)
