"""Masks that depend on their key alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from baal.bayesian.sampling import keyed
from baal.bayesian.sampling.keyed import keep_mask, keyed_generator

KEYS = st.tuples(st.integers(0, 2**64), *[st.integers(0, 2**31)] * 3, st.floats(0, 1))


@given(KEYS, st.integers(0, 300), st.integers(0, 300))
def test_a_shorter_mask_is_the_beginning_of_a_longer_one(key, n, more):
    short, long = keep_mask(*key, n), keep_mask(*key, n + more)
    assert short.dtype == np.bool_
    assert short.shape == (n,)
    np.testing.assert_array_equal(short, long[:n])


def test_nothing_and_everything_is_dropped():
    assert keep_mask(0, 0, 0, 0, 0.0, 10**5).all()
    assert not keep_mask(0, 0, 0, 0, 1.0, 10**5).any()


@pytest.mark.parametrize("p", [0.01, 0.2, 0.5, 0.9])
def test_the_probability_in_all_patterns_of_three_neighbours(p):
    """Chi-square over the eight patterns: the rate is right, and neighbours are independent."""
    rows = np.concatenate([keep_mask(3, 1, 0, k, p, 3 * 2000) for k in range(10)]).reshape(-1, 3)
    counts = np.bincount(rows @ [4, 2, 1], minlength=8)
    kept = [pattern.bit_count() for pattern in range(8)]
    wanted = len(rows) * np.array([(1 - p) ** n * p ** (3 - n) for n in kept])
    common = wanted > 5
    rare = (~common).sum()
    observed = np.append(counts[common], [counts[~common].sum()] * bool(rare))
    expected = np.append(wanted[common], [wanted[~common].sum()] * bool(rare))
    assert stats.chisquare(observed, expected).pvalue > 1e-6


def test_masks_of_other_keys_are_independent():
    base = (5, 2, 1, 3)
    others = [(*base[:i], base[i] + 1, *base[i + 1 :]) for i in range(4)]
    # Neither word is another's neighbour in disguise.
    others += [(5, 1, 2, 3), (2, 5, 1, 3), (5, 2, 3, 1), (5, 2, 1, 3 + 2**32)]
    masks = [keep_mask(*key, 0.5, 4000) for key in (base, *others)]
    for i, a in enumerate(masks):
        for b in masks[:i]:
            assert abs(float((a == b).mean()) - 0.5) < 6 * 0.5 / 4000**0.5


def test_no_draw_runs_into_the_next_samples():
    """The counter's last word is the sample: long draws of neighbours share no stretch."""
    a, b = (keep_mask(0, 0, 0, k, 0.5, 20000) for k in (0, 1))
    for shift in (0, 1, 2, 4, 8, 16):
        assert abs(float((a[shift:] == b[: len(b) - shift]).mean()) - 0.5) < 0.03


def test_generators_are_keyed_too():
    draws = [
        keyed_generator(seed, sample, stream).normal(size=500)
        for seed, sample, stream in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    ]
    np.testing.assert_array_equal(draws[0], keyed_generator(0, 0).normal(size=500))
    correlation = np.corrcoef(draws)[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < 6 / 500**0.5


def test_only_so_many_masks_are_remembered():
    masks = keyed._Masks(most_bytes=250)
    keys = [(0, 0, 0, k, 0.5, 100) for k in range(3)]
    first, second = (masks.get(key) for key in keys[:2])
    assert masks.get(keys[0]) is first  # used last, so the other one goes
    masks.get(keys[2])
    assert list(masks.masks) == [keys[0], keys[2]]
    assert masks.n_bytes == 200
    again = masks.get(keys[1])
    assert again is not second
    np.testing.assert_array_equal(again, second)
    # One that is too large is given all the same.
    assert len(masks.get((0, 0, 0, 9, 0.5, 1000))) == 1000
    assert masks.n_bytes == 0
