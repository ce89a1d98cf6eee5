import numpy as np
import pytest
from scipy.spatial.distance import cdist

from baal.active.heuristics.functional.distances import CentredRows


@pytest.mark.parametrize("shift", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_squared_distances(shift, dtype):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(5000, 7)) + shift).astype(dtype)
    points = (rng.normal(size=(40, 7)) + shift).astype(dtype)
    expected = cdist(x.astype(np.float64), points.astype(np.float64)) ** 2
    rows = CentredRows(x)
    np.testing.assert_allclose(rows.to(points[3]), expected[:, 3], rtol=0, atol=rows.rounding)
    nearest = rows.to_nearest(points)
    np.testing.assert_allclose(nearest, expected.min(axis=1), rtol=0, atol=rows.rounding)
    assert nearest.dtype == rows.to(points[0]).dtype == dtype
    # However far from zero the rows are, rounding stays small beside what sets them apart.
    assert rows.rounding < 1e-3 * expected.max() * (1 if dtype == np.float32 else 1e-8)


def test_no_points_are_infinitely_far():
    assert np.isinf(CentredRows(np.eye(3)).to_nearest(np.zeros((0, 3)))).all()


def test_rows_are_not_copied_unless_they_are_far_from_zero():
    x = np.random.default_rng(0).normal(size=(100, 3))
    assert CentredRows(x).rows is x
    assert CentredRows(x + 100).rows is not x
    before = x.copy()
    CentredRows(x).to(x[0])
    np.testing.assert_array_equal(x, before)


def test_a_copy_has_no_distance():
    x = np.random.default_rng(0).normal(size=(100, 64)).astype(np.float32)
    rows = CentredRows(x)
    assert rows.to(x[3])[3] <= rows.rounding
    assert (rows.to(x[3]) >= 0).all()
