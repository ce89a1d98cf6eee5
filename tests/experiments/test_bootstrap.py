import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baal.exceptions import InvalidArgumentError
from baal.experiments.bootstrap import bootstrap_labels, bootstrap_savings
from baal.experiments.curves import LearningCurve

LABELS = np.array([10, 20, 30])
NAN, INF = float("nan"), float("inf")


def curve(values, metric="test_error", seeds=None):
    values = np.array(values, dtype=float)
    return LearningCurve("x", metric, seeds or tuple(range(len(values))), LABELS, values)


def ends(estimate):
    return estimate.low, estimate.high


def crossing(values, target):
    """Labels needed, the plain way; values fall."""
    for (n, a), (m, b) in itertools.pairwise(zip(LABELS, values, strict=True)):
        if a <= target:
            return n
        if b <= target:
            return n + (m - n) * (a - target) / (a - b)
    return INF


def test_the_interval_against_all_resamples():
    values = np.array([[0.6, 0.4, 0.2], [0.5, 0.3, 0.2], [0.8, 0.5, 0.1]])
    exact = sorted(
        crossing(values[list(draw)].mean(axis=0), 0.35)
        for draw in itertools.product(range(3), repeat=3)
    )
    # 27 draws, of which the single ones have 1/27 each: 2.5 % lies within the first and last.
    found = bootstrap_labels(curve(values), 0.35, resamples=20_000)
    assert found.value == pytest.approx(crossing(values.mean(axis=0), 0.35))
    assert ends(found) == pytest.approx((exact[0], exact[-1]))
    half = bootstrap_labels(curve(values), 0.35, resamples=20_000, confidence=0.5)
    assert ends(half) == pytest.approx((exact[6], exact[20]))  # quantiles 1/4 and 3/4


@pytest.mark.parametrize("target", [0.6, 0.55, 0.4, 0.2])
def test_equal_seeds_leave_no_doubt(target):
    found = bootstrap_labels(curve([[0.6, 0.4, 0.2]] * 7), target)
    assert ends(found) == pytest.approx((found.value, found.value), rel=1e-9)
    assert found.value == pytest.approx(10 + 10 * (0.6 - target) / 0.2)


def test_what_is_never_reached_is_more_than_the_last():
    never = bootstrap_labels(curve([[0.6, 0.4, 0.3]] * 3), 0.1)
    assert (never.value, *ends(never)) == (INF, INF, INF)
    sometimes = bootstrap_labels(curve([[0.6, 0.4, 0.1], [0.6, 0.4, 0.3]]), 0.2)
    assert sometimes.value == pytest.approx(30)
    assert ends(sometimes) == pytest.approx((20 + 10 * 2 / 3, INF))


def test_fewer_than_two_seeds_have_no_interval():
    found = bootstrap_labels(curve([[0.6, 0.4, 0.2]]), 0.3)
    assert found.value == pytest.approx(25)
    assert np.isnan(ends(found)).all()


def test_a_metric_to_be_raised():
    found = bootstrap_labels(curve([[1, 2, 3], [1, 2, 3]], metric="f1"), 2.5)
    assert (found.value, *ends(found)) == pytest.approx((25, 25, 25))


def test_draws_without_a_value_pass_over_it():
    found = bootstrap_labels(curve([[0.6, NAN, 0.2], [0.6, 0.4, 0.2]]), 0.4)
    assert (found.value, *ends(found)) == pytest.approx((20, 20, 20))


def test_the_seed_decides():
    runs = curve([0.9, 0.6, 0.1] + 0.1 * np.random.default_rng(0).random((9, 3)))
    first = bootstrap_labels(runs, 0.4, resamples=50, seed=1)
    assert first == bootstrap_labels(runs, 0.4, resamples=50, seed=1)
    assert first != bootstrap_labels(runs, 0.4, resamples=50, seed=2)


@settings(max_examples=20)
@given(st.permutations(range(5)))
def test_the_point_estimate_knows_no_order_of_seeds(order):
    values = np.random.default_rng(0).random((5, 3))
    plain, other = bootstrap_labels(curve(values), 0.4), bootstrap_labels(curve(values[order]), 0.4)
    assert other.value == pytest.approx(plain.value)


def test_savings_are_paired():
    # Seeds differ much, and each saves 5 labels: with the same draws for both there is no doubt.
    theirs = np.array([[0.9, 0.6, 0.3], [0.7, 0.4, 0.1]])
    alone = bootstrap_labels(curve(theirs), 0.5)
    assert ends(alone) == pytest.approx((10 + 20 / 3, 20 + 10 / 3))
    saved = bootstrap_savings(curve(theirs - 0.15), curve(theirs), 0.5)
    assert (saved.value, *ends(saved)) == pytest.approx((5, 5, 5))
    same = bootstrap_savings(curve(theirs), curve(theirs), 0.3)
    assert (same.value, *ends(same)) == (0, 0, 0)


def test_savings_where_one_never_gets_there():
    good, bad = curve([[0.6, 0.4, 0.2]] * 2), curve([[0.6, 0.5, 0.4]] * 2)
    found = bootstrap_savings(good, bad, 0.3)
    assert (found.value, *ends(found)) == (INF, INF, INF)
    found = bootstrap_savings(bad, good, 0.3)
    assert (found.value, *ends(found)) == (-INF, -INF, -INF)
    found = bootstrap_savings(bad, bad, 0.3)
    assert np.isnan(found.value)
    assert ends(found) == (-INF, INF)  # nothing is known


def test_savings_take_the_seeds_that_both_have():
    ours = curve([[0.6, 0.4, 0.2], [9, 9, 9]], seeds=(1, 5))
    theirs = curve([[9, 9, 9], [0.6, 0.5, 0.4]], seeds=(4, 1))
    found = bootstrap_savings(ours, theirs, 0.5)
    assert found.value == pytest.approx(20 - 15)
    assert np.isnan(ends(found)).all()
    none = bootstrap_savings(ours, curve([[1, 1, 1]], seeds=(8,)), 0.5)
    assert np.isnan([none.value, *ends(none)]).all()


def test_numbers_that_are_none():
    with pytest.raises(InvalidArgumentError, match="`confidence` to be between 0 and 1"):
        bootstrap_labels(curve([[1, 2, 3]]), 1, confidence=95)
    with pytest.raises(InvalidArgumentError, match="`resamples`"):
        bootstrap_savings(curve([[1, 2, 3]]), curve([[1, 2, 3]]), 1, resamples=0)
