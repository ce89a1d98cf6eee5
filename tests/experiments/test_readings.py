import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baal.exceptions import InvalidArgumentError
from baal.experiments.curves import LearningCurve
from baal.experiments.readings import area_gains, areas, common_range, labels_at_target

LABELS = np.array([10, 20, 30])
NAN = float("nan")


def curve(values, labels=LABELS, metric="test_error", seeds=None):
    values = np.array(values, dtype=float)
    return LearningCurve("x", metric, seeds or tuple(range(len(values))), np.array(labels), values)


def needed(values, target, *, higher=False):
    found = labels_at_target(LABELS, np.array(values), target, higher_is_better=higher)
    return found.tolist()


@pytest.mark.parametrize(
    ("target", "labels"),
    [(0.7, 10), (0.6, 10), (0.5, 15), (0.4, 20), (0.3, 25), (0.2, 30), (0.1, np.inf)],
)
def test_labels_at_a_target_are_interpolated(target, labels):
    assert needed([0.6, 0.4, 0.2], target) == pytest.approx(labels)
    assert needed([-0.6, -0.4, -0.2], -target, higher=True) == pytest.approx(labels)


def test_the_first_crossing_counts():
    assert needed([0.6, 0.2, 0.5], 0.2) == 20
    assert needed([[0.6, 0.2, 0.5], [0.6, 0.5, 0.2], [0.6, 0.5, 0.4]], 0.2) == [20, 30, np.inf]


def test_what_is_missing_is_passed_over():
    assert needed([0.6, NAN, 0.2], 0.4) == 20  # half way from 10 to 30
    assert needed([NAN, 0.6, 0.2], 0.6) == 20
    assert needed([NAN, NAN, 0.2], 0.2) == 30
    assert needed([NAN, NAN, NAN], 0.2) == np.inf
    assert needed([np.inf, 0.6, 0.2], 0.4) == 25


def test_a_value_that_misses_the_target_by_rounding_reaches_it():
    assert needed([0.5, 0.3, 0.1 + 0.2], 0.3) == 20
    assert needed([0.5, 0.4, 0.1 + 0.2], 0.3) == pytest.approx(30)


@given(st.lists(st.integers(0, 100), min_size=3, max_size=3), st.integers(-10, 110))
def test_labels_at_a_target_against_a_fine_grid(values, target):
    found = needed(np.array(values, dtype=float), target)
    grid = np.arange(10, 30.0005, 0.001)
    reached = np.flatnonzero(np.interp(grid, LABELS, values) <= target + 1e-9)
    expected = grid[reached[0]] if len(reached) else np.inf
    assert found == pytest.approx(expected, abs=0.00101)


def test_the_common_range_is_what_every_run_covers():
    a = curve([[1, 2, 3], [1, 2, NAN]])
    b = curve([[NAN, 2, 3], [NAN, NAN, NAN]])  # a run without any value does not count
    assert common_range([a]) == (10, 20)
    assert common_range([a, b]) == (20, 20)
    assert common_range([curve([[1, NAN, NAN], [NAN, NAN, 1]])]) == (30, 10)
    with pytest.raises(InvalidArgumentError, match="at least one value, but got none"):
        common_range([curve([[NAN, NAN, NAN]])])


def test_areas_of_known_curves():
    constant, line, steps = [0.4, 0.4, 0.4], [0.6, 0.4, 0.2], [1.0, 0.0, 0.0]
    np.testing.assert_allclose(areas(curve([constant, line, steps]), 10, 30), [0.4, 0.4, 0.25])
    # Numbers of labels that are not even: (10 * 0.5 + 30 * 0.25) / 40 by hand.
    np.testing.assert_allclose(areas(curve([[0.75, 0.25, 0.25]], [10, 20, 50]), 10, 50), [0.3125])


def test_areas_over_a_part_are_interpolated_at_its_ends():
    np.testing.assert_allclose(areas(curve([[0.6, 0.4, 0.2]]), 15, 25), [0.4])
    np.testing.assert_allclose(areas(curve([[0.6, NAN, 0.2]]), 10, 20), [0.5])
    np.testing.assert_allclose(areas(curve([[0.6, 0.4, 0.2]]), 15, 15), [0.5])


def test_a_run_that_does_not_cover_the_range_has_no_area():
    runs = curve([[0.6, 0.4, NAN], [NAN, 0.4, 0.2], [NAN, NAN, NAN]])
    assert np.isnan(areas(runs, 10, 30)).all()
    assert np.isnan(areas(runs, 30, 10)).all()


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.floats(-3, 3), st.floats(-3, 3))
def test_area_is_linear_and_within_the_values(values, factor, constant):
    labels = [10, 15, 40, 50]
    (area,) = areas(curve([values], labels), 10, 50)
    assert min(values) - 1e-9 <= area <= max(values) + 1e-9
    moved = curve([factor * np.array(values) + constant], labels)
    np.testing.assert_allclose(areas(moved, 10, 50), factor * area + constant, atol=1e-9)


def test_area_gains_are_paired_by_seed_and_positive_where_better():
    ours = curve([[0.6, 0.4, 0.2], [0.5, 0.5, 0.5]], seeds=(1, 2))
    theirs = curve([[0.7, 0.7, 0.7], [0.6, 0.6, 0.6], [0, 0, 0]], seeds=(2, 1, 3))
    np.testing.assert_allclose(area_gains(ours, theirs, 10, 30), [0.2, 0.2])
    high = area_gains(curve([[1, 1, 1]], metric="f1"), curve([[3, 3, 3]], metric="f1"), 10, 30)
    np.testing.assert_allclose(high, [-2])
    assert area_gains(ours, curve([[0, 0, 0]], seeds=(9,)), 10, 30).shape == (0,)
