import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from baal.exceptions import InvalidArgumentError
from baal.experiments.bootstrap import bootstrap_labels, bootstrap_savings
from baal.experiments.curves import LearningCurve, learning_curves
from baal.experiments.summary import summarize
from tests.experiments.test_curves import records

RNG = np.random.default_rng(0)
FALL = np.array([0.6, 0.4, 0.2])


def runs(name, drop):
    values = RNG.normal(FALL - [0, drop, drop], 0.03, size=(4, 3))
    return records(name, values.round(4).tolist())


CURVES = learning_curves(runs("bald", 0.1) + runs("entropy", 0.05) + runs("random", 0))


def trapezoids(curve):
    """Of evenly spaced points, by hand."""
    return (curve.values[:, 0] / 2 + curve.values[:, 1] + curve.values[:, 2] / 2) / 2


def test_each_number_against_its_own_oracle():
    summary = summarize(CURVES, resamples=500)
    random = CURVES[2]
    assert (summary.metric, summary.low, summary.high) == ("test_error", 10, 30)
    assert summary.baseline is random
    assert summary.target == pytest.approx(random.values[:, 2].mean())
    p_values = []
    for row, curve in zip(summary.rows, CURVES, strict=True):
        assert row.curve is curve
        last = curve.values[:, 2]
        final = (row.final.mean, row.final.standard_error)
        assert final == pytest.approx((last.mean(), scipy.stats.sem(last)))
        area = trapezoids(curve)
        assert (row.area.mean, row.area.standard_error) == pytest.approx(
            (area.mean(), scipy.stats.sem(area))
        )
        assert row.needed == bootstrap_labels(curve, summary.target, resamples=500)
        if curve is not random:
            oracle = scipy.stats.ttest_rel(trapezoids(random), area)
            interval = oracle.confidence_interval(0.95)
            assert row.gain.p_t == pytest.approx(oracle.pvalue)
            assert (row.gain.low, row.gain.high) == pytest.approx((interval.low, interval.high))
            assert row.saved == bootstrap_savings(curve, random, summary.target, resamples=500)
            p_values.append(oracle.pvalue)
    assert (summary.rows[2].saved, summary.rows[2].gain) == (None, None)
    small, large = sorted(p_values)
    corrected = sorted(row.p_holm for row in summary.rows[:2])
    assert corrected == pytest.approx([2 * small, max(2 * small, large)])
    assert np.isnan(summary.rows[2].p_holm)


def test_without_the_baseline_nothing_is_compared():
    summary = summarize(CURVES[:2], resamples=10)
    assert (summary.baseline, summary.target) == (None, None)
    for row in summary.rows:
        assert (row.saved, row.gain) == (None, None)
        assert np.isnan([row.needed.value, row.p_holm]).all()
    assert summarize(CURVES[:2], target=0.4, resamples=10).rows[0].needed.value < 30


def test_another_baseline_and_target():
    summary = summarize(CURVES, baseline="entropy", target=0.45, confidence=0.5, resamples=10)
    assert summary.baseline.heuristic == "entropy"
    assert (summary.target, summary.confidence) == (0.45, 0.5)
    assert summary.rows[1].gain is None
    assert summary.rows[2].gain.mean < 0


def test_uneven_runs_are_compared_over_what_all_cover():
    short = learning_curves(records("bald", [[0.5, 0.3]], labels=(20, 30)))
    long = learning_curves(records("random", [[0.6, 0.5, 0.4]], labels=(10, 20, 40)))
    summary = summarize([*short, *long])
    assert (summary.low, summary.high) == (20, 30)
    assert summary.target is None  # the baseline has no value at 30 labels
    assert np.isnan(summary.rows[1].final.mean)
    assert summary.rows[0].gain.mean == pytest.approx((0.5 + 0.45) / 2 - 0.4)
    assert summary.rows[0].saved is None


@settings(max_examples=15)
@given(st.floats(-2, 2))
def test_a_constant_on_all_curves_moves_no_gain(constant):
    moved = [
        LearningCurve(c.heuristic, c.metric, c.seeds, c.labels, c.values + constant) for c in CURVES
    ]
    plain, other = summarize(CURVES, resamples=20), summarize(moved, resamples=20)
    for row, shifted in zip(plain.rows[:2], other.rows[:2], strict=True):
        assert shifted.gain.mean == pytest.approx(row.gain.mean, abs=1e-9)
        assert shifted.gain.p_t == pytest.approx(row.gain.p_t)
        assert shifted.gain.p_sign_flip == pytest.approx(row.gain.p_sign_flip)
        assert shifted.saved.value == pytest.approx(row.saved.value, abs=1e-6)


def test_the_same_with_accuracy_is_the_mirror_image():
    mirror = [
        LearningCurve(c.heuristic, "test_accuracy", c.seeds, c.labels, 1 - c.values) for c in CURVES
    ]
    plain, other = summarize(CURVES, resamples=50), summarize(mirror, resamples=50)
    for row, shown in zip(plain.rows[:2], other.rows[:2], strict=True):
        assert shown.gain.mean == pytest.approx(row.gain.mean)
        assert shown.gain.p_t == pytest.approx(row.gain.p_t)
        assert shown.area.mean == pytest.approx(1 - row.area.mean)
        assert shown.saved.value == pytest.approx(row.saved.value)


def test_curves_of_several_metrics_or_none():
    loss = LearningCurve("bald", "loss", (0,), np.array([10]), np.array([[0.5]]))
    with pytest.raises(InvalidArgumentError, match=r"of one metric, but got those of \['loss', "):
        summarize([*CURVES, loss])
    with pytest.raises(InvalidArgumentError, match=r"of one metric, but got those of \[\]"):
        summarize([])


@pytest.mark.parametrize("target", [float("nan"), float("inf")])
def test_a_target_that_is_no_number(target):
    with pytest.raises(InvalidArgumentError, match="`target` to be a finite number, but got"):
        summarize(CURVES, target=target)
