from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from baal.active.heuristics.functional import k_center


def literal_k_center(x, n, covered):
    """Farthest first, with every distance computed anew at every step."""
    chosen, gains = [], []
    for _ in range(n):
        centres = np.concatenate([covered, x[chosen]])
        if not len(centres):
            winner = int(np.argmin(np.linalg.norm(x - x.mean(axis=0), axis=1)))
            gains.append(np.linalg.norm(x - x[winner], axis=1).max())
        else:
            distances = cdist(x, centres).min(axis=1)
            distances[chosen] = -1
            winner = int(np.argmax(distances))
            gains.append(distances[winner])
        chosen.append(winner)
    return chosen, gains, cdist(x, np.concatenate([covered, x[chosen]])).min(axis=1)


@pytest.mark.parametrize("n_covered", [0, 1, 9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_a_literal_search(n_covered, dtype):
    rng = np.random.default_rng(n_covered)
    x, covered = rng.normal(size=(80, 5)).astype(dtype), rng.normal(size=(n_covered, 5))
    indices, gains, distances = k_center(x, 20, covered.astype(dtype))
    expected = literal_k_center(x.astype(np.float64), 20, covered.astype(dtype).astype(np.float64))
    assert indices.tolist() == expected[0]
    np.testing.assert_allclose(gains, expected[1], rtol=1e-5)
    np.testing.assert_allclose(distances, expected[2], rtol=1e-5, atol=1e-6)
    assert (distances[indices] == 0).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(0, 2))
def test_within_twice_the_smallest_radius_there_is(seed, n, n_covered):
    rng = np.random.default_rng(seed)
    x, covered = rng.normal(size=(10, 2)), rng.normal(size=(n_covered, 2))

    def radius(chosen):
        return cdist(x, np.concatenate([covered, x[list(chosen)]])).min(axis=1).max()

    indices, _, distances = k_center(x, n, covered)
    smallest = min(radius(chosen) for chosen in combinations(range(10), n))
    assert radius(indices) <= 2 * smallest + 1e-9
    assert distances.max() == pytest.approx(radius(indices), abs=1e-7)


@given(st.integers(0, 2**32 - 1))
def test_rotating_shifting_and_reordering_the_pool_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 4))
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    order = rng.permutation(40)
    indices, gains, _ = k_center(x, 10)
    turned, turned_gains, _ = k_center((x @ rotation + 3)[order], 10)
    assert order[turned].tolist() == indices.tolist()
    np.testing.assert_allclose(turned_gains, gains, rtol=1e-9)


def test_copies_wait_until_all_else_is_covered():
    x = np.repeat(np.random.default_rng(0).normal(size=(20, 3)), 5, axis=0).astype(np.float32)
    indices, gains, _ = k_center(x, 30)
    assert len({tuple(x[i]) for i in indices[:20]}) == 20
    assert sorted(indices[:20] % 5) == [0] * 20  # a tie goes to the lowest index
    np.testing.assert_allclose(gains[20:], 0, atol=2e-3)
    assert len(set(indices)) == 30


def test_more_than_there_is_and_nothing():
    x = np.eye(3)
    assert sorted(k_center(x, 7)[0]) == [0, 1, 2]
    indices, gains, distances = k_center(x, 0)
    assert (len(indices), len(gains)) == (0, 0)
    assert np.isinf(distances).all()
    assert [len(part) for part in k_center(x[:0], 2)] == [0, 0, 0]
