import numpy as np
import pytest
from scipy.spatial.distance import cdist

from baal.active.heuristics.functional.distances import (
    CentredRows,
    FactoredRows,
    lowest_of_the_highest,
)


@pytest.mark.parametrize("shift", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_squared_distances(shift, dtype):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(5000, 7)) + shift).astype(dtype)
    points = (rng.normal(size=(40, 7)) + shift).astype(dtype)
    expected = cdist(x.astype(np.float64), points.astype(np.float64)) ** 2
    rows = CentredRows(x)
    near = [rows.rounding_at(distances) for distances in expected.T.astype(dtype)]
    near = np.transpose(near)  # [5000, 40]
    assert (np.abs(rows.to(points[3]) - expected[:, 3]) <= near[:, 3]).all()
    nearest = rows.to_nearest(points)
    assert (np.abs(nearest - expected.min(axis=1)) <= near.max(axis=1)).all()
    to_item = cdist(x.astype(np.float64), x[9:10])[:, 0] ** 2
    assert (np.abs(rows.to_item(9) - to_item) <= rows.rounding_at(to_item.astype(dtype))).all()
    blocks = [(part, d.copy()) for part, d in rows.blocks(points)]
    assert (np.abs(np.concatenate([d for _, d in blocks]) - expected) <= near).all()
    assert sum(len(x[part]) for part, _ in blocks) == 5000
    assert nearest.dtype == rows.to(points[0]).dtype == dtype
    # However far from zero the rows are, rounding stays small beside what sets them apart.
    assert near.max() < 1e-3 * expected.max() * (1 if dtype == np.float32 else 1e-8)


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
    assert rows.to(x[3])[3] <= rows.rounding[3]
    assert (rows.to(x[3]) >= 0).all()
    assert rows.to_item(3)[3] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_outer_products_as_if_they_were_formed(dtype):
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(300, 4)), rng.normal(size=(300, 6)) + 2
    rows = FactoredRows(left.astype(dtype), right.astype(dtype))
    formed = np.einsum("nc,nd->ncd", left, right).reshape(300, -1)
    rtol = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(rows.squares, (formed**2).sum(axis=1), rtol=rtol)
    expected = cdist(formed, formed[7:8])[:, 0] ** 2
    np.testing.assert_allclose(rows.to_item(7), expected, rtol=rtol, atol=rtol * expected.max())
    assert rows.to_item(7)[7] == 0
    assert rows.to_item(7).dtype == dtype


def test_ties_go_to_the_first():
    assert lowest_of_the_highest(np.array([1.0, 3.0, 3.0])) == 1
    assert lowest_of_the_highest(np.array([1.0, 2.9, 3.0]), rounding=0.2) == 1
    assert lowest_of_the_highest(np.array([1.0, 2.9, 3.0]), np.array([9.0, 0.0, 0.05])) == 0
    assert lowest_of_the_highest(np.array([1.0, 2.9, 3.0]), np.array([1.0, 0.06, 0.06])) == 1
    some = np.array([True, False, True])
    assert lowest_of_the_highest(np.array([1.0, 9.0, 3.0]), 0.5, some) == 2
    assert lowest_of_the_highest(np.array([1.0, 9.0, 3.0]), 5.0, ~some) == 1


def test_rounding_of_a_row_is_no_affair_of_the_others():
    x = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    alone = CentredRows(x)
    x[0] = 1000
    rows = CentredRows(x)
    assert rows.rounding[0] > 1
    assert rows.rounding[1:].max() < 6 * alone.rounding[1:].max() < 1e-3
