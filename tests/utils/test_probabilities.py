import numpy as np
import pytest
import torch

from baal.utils.probabilities import (
    are_probabilities,
    in_unit_range,
    logits_to_probabilities,
    precision,
    sums_to_one,
    to_probabilities,
)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], True),
        ([1 + 1e-7, -1e-7], True),
        ([1.001], False),
        ([-0.001], False),
        ([np.nan, 0.5], True),
        ([np.nan, 1.5], False),
        ([np.inf, 0.5], True),
        ([np.inf, 1.5], False),
        ([-np.inf, 0.5], False),
        ([np.nan], True),
        ([], True),
    ],
)
def test_in_unit_range(values, expected):
    assert in_unit_range(np.array(values)) is expected


def test_range_tolerance_fits_the_dtype():
    almost = np.array([1.002])
    assert in_unit_range(almost.astype(np.float16))
    assert not in_unit_range(almost.astype(np.float32))
    assert in_unit_range(almost, eps=2**-10)
    assert precision(np.zeros(1, np.float16)) == 2**-10
    assert precision(np.zeros(1, np.float64)) == 2**-23


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([0.3, 0.7], True),
        ([0.3, 0.71], True),
        ([0.3, 0.72], False),
        ([np.nan, 0.2], True),
        ([np.inf, 0.2], True),
    ],
)
def test_sums_to_one(column, expected):
    assert sums_to_one(np.array([[0.5, 0.5], column])) is expected


def test_softmax_and_logistic():
    odds = np.log(np.array([[1.0, 2.0, 5.0]]))
    np.testing.assert_allclose(logits_to_probabilities(odds), [[0.125, 0.25, 0.625]], rtol=1e-15)
    np.testing.assert_allclose(logits_to_probabilities(np.log([[3.0]])), [[0.75]], rtol=1e-15)


def test_broken_logits_stay_where_they_are_and_ruled_out_classes_get_zero():
    logits = np.array([[-np.inf, 0.0, 0.0], [np.inf, 0.0, 0.0]], np.float32)
    probabilities = logits_to_probabilities(logits)
    assert probabilities.dtype == np.float32
    assert probabilities[0].tolist() == [0.0, 0.5, 0.5]
    assert np.isnan(probabilities[1, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n_classes", "n_samples"), [(2, 2), (10, 20), (3, 127), (3, 200)])
def test_no_column_that_is_off_is_overlooked(dtype, n_classes, n_samples):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(n_classes), size=(50, n_samples)).swapaxes(1, 2).astype(dtype)
    assert sums_to_one(p)
    for _ in range(50):
        off = p.copy()
        off[rng.integers(50), 0, rng.integers(n_samples)] += rng.choice([-1, 1]) * 0.02
        assert not sums_to_one(off)
    # One column makes up for what another lacks: the mean over the samples sums to one.
    off = p.copy()
    off[7, 0, 0] += 0.3
    off[7, 0, 1] -= 0.3
    assert not sums_to_one(off)


def test_columns_that_are_off_by_rounding_alone_sum_to_one():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(10), size=(50, 20)).swapaxes(1, 2)
    coarse = torch.from_numpy(p).bfloat16().float().numpy()
    assert np.abs(coarse.sum(axis=1) - 1).max() > 1e-3
    assert sums_to_one(coarse)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_ends_of_the_range(dtype):
    assert in_unit_range(np.array([0.0, -0.0, 1.0], dtype))
    assert in_unit_range(np.zeros((4, 4), dtype)[:, ::2])
    assert not in_unit_range(np.array([0.5, -0.01], dtype))
    assert not in_unit_range(np.array([0.5, 1.01], dtype))
    assert not in_unit_range(np.array([0.5, -np.inf], dtype))


def test_the_decision_is_by_range_and_sum_and_by_range_alone_of_a_single_column():
    assert are_probabilities(np.array([[0.25, 0.75]], np.float16))
    assert not are_probabilities(np.array([[0.25, 0.5]]))
    assert not are_probabilities(np.array([[-1.0, 2.0]]))
    assert are_probabilities(np.array([[0.25], [0.5]]))
    assert not are_probabilities(np.array([[0.25], [1.5]]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_probabilities_of_logits_keep_their_dtype(dtype):
    p = to_probabilities(np.array([[0, 3], [2, 0]], dtype))
    assert p.dtype == (np.float64 if dtype == np.int64 else dtype)
    first, second = 1 / (1 + np.exp([3, 2]))
    atol = 1e-4 if dtype == np.float16 else 1e-7
    np.testing.assert_allclose(p, [[first, 1 - first], [1 - second, second]], rtol=0, atol=atol)
