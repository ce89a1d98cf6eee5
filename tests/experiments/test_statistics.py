import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from baal.exceptions import InvalidArgumentError
from baal.experiments.statistics import differences, holm, mean_and_error, paired_test

RNG = np.random.default_rng(3)
NAN = float("nan")


def sign_flips_by_enumeration(values):
    """Share of the choices of signs that give a mean at least as far from 0, both tails."""
    n = len(values)
    means = np.array([np.dot(s, values) / n for s in itertools.product([1, -1], repeat=n)])
    above = np.mean(means >= np.mean(values) - 1e-12)
    below = np.mean(means <= np.mean(values) + 1e-12)
    return min(1.0, 2 * min(above, below))


def test_mean_and_error_against_scipy():
    values = RNG.normal(size=(6, 4))
    values[2:, 1] = np.nan
    values[1, 2] = np.inf
    values[1:, 3] = np.nan
    mean, error, n = mean_and_error(values)
    known = np.where(np.isfinite(values), values, np.nan)
    np.testing.assert_allclose(mean, np.nanmean(known, axis=0))
    np.testing.assert_allclose(error[:3], scipy.stats.sem(known[:, :3], nan_policy="omit"))
    assert np.isnan(error[3])
    assert n.tolist() == [6, 2, 5, 1]
    empty = mean_and_error(np.full((0, 2), np.nan))
    assert np.isnan(empty[:2]).all()
    assert empty[2].tolist() == [0, 0]


@pytest.mark.parametrize("n", [2, 3, 5, 8, 10])
def test_the_paired_test_against_scipy_and_all_sign_flips(n):
    ours, theirs = RNG.normal(size=n), RNG.normal(0.5, size=n)
    result = paired_test(theirs - ours, confidence=0.9)
    oracle = scipy.stats.ttest_rel(theirs, ours)
    interval = oracle.confidence_interval(0.9)
    assert result.n == n
    assert result.mean == pytest.approx(np.mean(theirs) - np.mean(ours))
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high))
    assert result.p_t == pytest.approx(oracle.pvalue)
    assert result.p_sign_flip == pytest.approx(sign_flips_by_enumeration(theirs - ours))


def test_all_of_one_sign_gives_the_least_p_there_is():
    assert paired_test(np.array([1.0, 2.0, 3.0, 5.0])).p_sign_flip == 2 / 2**4


def test_many_pairs_take_random_flips_with_a_seed():
    values = RNG.normal(0.3, size=20)
    first, again = paired_test(values, seed=1), paired_test(values, seed=1)
    assert first == again
    exact = sign_flips_by_enumeration(values[:12])
    assert paired_test(values[:12], seed=5).p_sign_flip == pytest.approx(exact)
    assert first.p_sign_flip == pytest.approx(paired_test(values, seed=2).p_sign_flip, abs=0.02)
    assert first.p_sign_flip == pytest.approx(first.p_t, abs=0.05)


@pytest.mark.parametrize("values", [[], [NAN], [0.5], [0.5, NAN, NAN]])
def test_fewer_than_two_pairs_have_no_test(values):
    result = paired_test(np.array(values))
    known = [value for value in values if value == value]
    assert result.n == len(known)
    np.testing.assert_equal(result.mean, known[0] if known else NAN)
    assert np.isnan([result.low, result.high, result.p_t, result.p_sign_flip]).all()


def test_no_difference_at_all():
    result = paired_test(np.zeros(5))
    assert (result.mean, result.low, result.high) == (0, 0, 0)
    assert (result.p_t, result.p_sign_flip) == (1, 1)


def test_the_same_difference_each_time():
    result = paired_test(np.array([0.1 + 0.2, 0.3, 0.3]))
    assert result.p_t == 0
    assert (result.low, result.high) == pytest.approx((0.3, 0.3))
    assert result.p_sign_flip == 2 / 2**3


@settings(max_examples=30)
@given(st.lists(st.integers(-50, 50), min_size=2, max_size=6), st.randoms())
def test_order_changes_nothing_and_the_other_way_round_is_the_mirror_image(values, random):
    shuffled = random.sample(values, len(values))
    plain, other = paired_test(np.array(values)), paired_test(np.array(shuffled))
    mirror = paired_test(-np.array(values))
    for field in ("mean", "low", "high", "p_t", "p_sign_flip"):
        assert getattr(other, field) == pytest.approx(getattr(plain, field), abs=1e-9)
    assert mirror.mean == pytest.approx(-plain.mean)
    assert (mirror.low, mirror.high) == pytest.approx((-plain.high, -plain.low), abs=1e-9)
    assert mirror.p_t == pytest.approx(plain.p_t)
    assert mirror.p_sign_flip == pytest.approx(plain.p_sign_flip)


@pytest.mark.parametrize("confidence", [0, 1, 95, NAN])
def test_no_level(confidence):
    with pytest.raises(InvalidArgumentError, match="`confidence` to be between 0 and 1, but got"):
        paired_test(np.array([1.0, 2.0]), confidence=confidence)


def test_holm_by_hand():
    # Sorted 0.005, 0.01, 0.03, 0.04: times 4, 3, 2, 1 = 0.02, 0.03, 0.06, 0.04; the last is
    # raised to 0.06.
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.6, 0.7])), [1, 1])
    np.testing.assert_allclose(holm(np.array([0.02, NAN, 0.03])), [0.04, NAN, 0.04])
    assert holm(np.array([])).shape == (0,)
    assert np.isnan(holm(np.array([NAN, NAN]))).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_holm_rejects_as_the_step_down_procedure_does(p_values):
    level, order = 0.05, sorted(range(len(p_values)), key=lambda i: p_values[i])
    rejected = set()
    for k, i in enumerate(order):
        if p_values[i] * (len(p_values) - k) > level:
            break
        rejected.add(i)
    assert {i for i, p in enumerate(holm(np.array(p_values))) if p <= level} == rejected


def test_differences_have_a_sign_and_no_rounding():
    a, b = np.array([0.1 + 0.2, 0.5, 0.1]), np.array([0.3, 0.25, 0.35])
    np.testing.assert_allclose(differences(a, b, higher_is_better=True), [0, 0.25, -0.25])
    assert differences(a, b, higher_is_better=False)[0] == 0
    np.testing.assert_allclose(differences(a, b, higher_is_better=False), [0, -0.25, 0.25])
