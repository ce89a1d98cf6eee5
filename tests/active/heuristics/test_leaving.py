import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baal.active.heuristics.functional.leaving import dispensable


def literal(seen, reach, n_factors, n):
    """With whole matrices: the trace is that of `(I + sum of W_i W_i^T)^-1 reach^T reach`."""
    items = np.split(seen, seen.shape[1] // n_factors, axis=1)

    def trace(kept):
        matrix = np.eye(len(seen)) + sum((items[i] @ items[i].T for i in kept), start=0)
        return np.trace(np.linalg.solve(matrix, reach.T @ reach))

    stay = list(range(len(items)))
    while len(stay) > n:
        stay.remove(min(stay, key=lambda i: trace([j for j in stay if j != i])))
    return stay


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(0, 7), st.integers(1, 30))
def test_against_the_traces_of_what_stays(seed, n_factors, n, size):
    rng = np.random.default_rng(seed)
    seen = rng.normal(size=(size, 7 * n_factors)) * rng.uniform(0.1, 3)
    reach = rng.normal(size=(int(rng.integers(1, 30)), size))
    assert dispensable(seen, reach, n_factors, n) == literal(seen, reach, n_factors, n)


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6])
def test_of_copies_the_last_goes_and_lonely_items_stay(scale):
    w = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0], [0.0] * 4, [0.0] * 4]) * scale
    reach = np.eye(4)
    assert dispensable(w, reach, 1, n=3) == [0, 1, 2]
    assert dispensable(w, reach, 1, n=2) == [0, 2]


def test_items_that_tell_nothing():
    assert dispensable(np.zeros((3, 4)), np.ones((1, 3)), 2, n=1) == [0]
    assert dispensable(np.eye(2), np.eye(2), 1, n=2) == [0, 1]
