import numpy as np
import pytest

from baal.active.heuristics import GradientEmbeddings, PoolData, gradient_embeddings
from baal.active.heuristics.pool_data import read_pool_data
from baal.exceptions import InvalidArgumentError, InvalidTypeError


def test_what_is_broken_is_found_in_any_array_of_the_pool():
    x = np.ones((5, 2), np.float32)
    x[1, 1] = np.nan
    r = np.ones((5, 3))
    r[3, 0] = -np.inf
    pool = PoolData(5, embeddings=x, residuals=r, labelled_embeddings=np.ones((9, 2)))
    assert pool.finite().tolist() == [True, False, True, False, True]
    assert PoolData(2, embeddings=np.full((2, 2), 1.7e308)).finite().all()  # their sum is not


def test_some_of_the_items():
    pool = PoolData(3, predictions=np.arange(3)[:, None], labelled_targets=np.arange(7))
    some = pool.take(np.array([2, 0]))
    assert some.predictions.tolist() == [[2], [0]]
    assert (some.n_items, len(some.labelled_targets), some.embeddings) == (2, 7, None)


def test_iterables_of_batches_and_half_precision():
    batches = (np.full((2, 3), n, np.float16) for n in range(3))
    pool = read_pool_data(6, {"embeddings": batches})
    assert pool.embeddings.dtype == np.float32
    assert pool.embeddings[:, 0].tolist() == [0, 0, 1, 1, 2, 2]


def test_factors_of_gradients():
    p, x = np.array([[0.2, 0.8], [0.5, 0.5]]), np.eye(2)
    factors = gradient_embeddings(p, x)
    assert isinstance(factors, GradientEmbeddings)
    np.testing.assert_allclose(factors.residuals, [[0.2, -0.2], [-0.5, 0.5]])
    told = gradient_embeddings(p, x, np.array([0, 1])).residuals
    np.testing.assert_allclose(told, [[-0.8, 0.8], [0.5, -0.5]])
    assert p.tolist() == [[0.2, 0.8], [0.5, 0.5]]
    pool = read_pool_data(None, {"gradient_embeddings": factors})
    assert pool.n_items == 2
    np.testing.assert_array_equal(pool.residuals, factors.residuals)
    np.testing.assert_array_equal(pool.embeddings, x)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"embeddings": np.ones(3)}, r"`embeddings` to be \[N, D\], .* got shape \(3,\)"),
        ({"embeddings": np.ones((3, 0))}, r"`embeddings` to be \[N, D\], .* got shape \(3, 0\)"),
        ({"labelled_embeddings": np.ones(3)}, r"to be \[M, D\], .* got shape \(3,\)"),
        ({"embeddings": np.ones((4, 2))}, "`embeddings` to hold a row for each of the 3 items"),
        ({"gradient_lengths": np.ones((2, 2))}, "`gradient_lengths` to hold a row for each of"),
        ({"gradient_embeddings": np.ones((3, 2))}, "to be a pair of factors, .* got ndarray"),
        (
            {"gradient_embeddings": (np.ones((3, 2)), np.ones((2, 5)))},
            "`embeddings` to hold a row for each of the 3 items of the pool, but got 2",
        ),
        (
            {"embeddings": np.ones((3, 2)), "labelled_embeddings": np.ones((4, 3))},
            r"`labelled_embeddings` to be \[M, 2\] .* got shape \(4, 3\)",
        ),
        ({"labelled_embeddings": np.full((4, 3), np.nan)}, "`labelled_embeddings` to be finite"),
        ({"embeddings": iter([])}, "`embeddings` to yield at least one batch"),
    ],
)
def test_what_does_not_fit_together(given, message):
    with pytest.raises(InvalidArgumentError, match=message):
        read_pool_data(3, given)


def test_no_numbers():
    with pytest.raises(InvalidTypeError, match="`embeddings` to hold real numbers"):
        read_pool_data(1, {"embeddings": np.array([["a", "b"]])})
