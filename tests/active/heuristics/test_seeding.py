import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import chisquare

from baal.active.heuristics.functional import k_means_plus_plus
from baal.active.heuristics.functional.distances import CentredRows
from baal.active.heuristics.functional.seeding import draw_apart


def draw_factors(n, c=3, d=4, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, c)).astype(dtype), rng.normal(size=(n, d)).astype(dtype)


def literal(residuals, embeddings, n, rng):
    """k-means++ on gradients that are formed, with every distance computed anew."""
    g = np.einsum("nc,nd->ncd", residuals, embeddings).reshape(len(residuals), -1)
    chosen, gains = [], []
    for step in range(n):
        if step == 0:
            lengths = np.linalg.norm(g, axis=1)
            winner = int(np.argmax(lengths))
            gains.append(lengths[winner])
        else:
            weights = cdist(g, g[chosen]).min(axis=1) ** 2
            winner = int(np.flatnonzero(np.cumsum(weights) > rng.random() * weights.sum())[0])
            gains.append(weights[winner] ** 0.5)
        chosen.append(winner)
    return chosen, gains, cdist(g, g[chosen]).min(axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(3))
def test_against_gradients_that_are_formed(dtype, seed):
    r, h = draw_factors(200, seed=seed, dtype=dtype)
    indices, gains, distances = k_means_plus_plus(r, h, 30, np.random.default_rng(seed))
    expected = literal(r.astype(np.float64), h.astype(np.float64), 30, np.random.default_rng(seed))
    assert indices.tolist() == expected[0]
    np.testing.assert_allclose(gains, expected[1], rtol=1e-4 if dtype == np.float32 else 1e-12)
    np.testing.assert_allclose(distances, expected[2], atol=2e-3 if dtype == np.float32 else 1e-7)
    assert (distances[indices] == 0).all()


def test_the_second_item_is_drawn_by_its_squared_distance():
    r, h = draw_factors(5, 2, 2, seed=3)
    g = np.einsum("nc,nd->ncd", r, h).reshape(5, -1)
    first = int(np.argmax(np.linalg.norm(g, axis=1)))
    weights = ((g - g[first]) ** 2).sum(axis=1)
    for rng in (np.random.default_rng(0), np.random.RandomState(0)):
        seconds = [k_means_plus_plus(r, h, 2, rng)[0][1] for _ in range(4000)]
        observed = np.delete(np.bincount(seconds, minlength=5), first)
        expected = np.delete(weights, first)
        assert chisquare(observed, 4000 * expected / expected.sum()).pvalue > 1e-4


@given(st.integers(0, 2**32 - 1))
def test_rotating_either_factor_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    r, h = draw_factors(30, seed=seed)
    turn_r, turn_h = (np.linalg.qr(rng.normal(size=(k, k)))[0] for k in (3, 4))
    indices, gains, _ = k_means_plus_plus(r, h, 8, np.random.default_rng(1))
    turned, turned_gains, _ = k_means_plus_plus(r @ turn_r, h @ turn_h, 8, np.random.default_rng(1))
    assert turned.tolist() == indices.tolist()
    np.testing.assert_allclose(turned_gains, gains, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [3, 2048])
def test_copies_wait_until_all_else_is_covered(dtype, d):
    r, h = draw_factors(20, 10, d, dtype=dtype)
    h += 5  # as behind a ReLU: far from zero, so that products are large
    r, h = np.repeat(r, 50, axis=0), np.repeat(h, 50, axis=0)
    for seed in range(5):
        indices, gains, distances = k_means_plus_plus(r, h, 30, np.random.default_rng(seed))
        assert sorted(indices[:20] // 50) == list(range(20))
        assert (gains[:20] > 0).all()
        assert (gains[20:] == 0).all()
        assert (distances == 0).all()
        assert len(set(indices)) == 30
        left = np.setdiff1d(np.arange(1000), indices[:20])
        assert indices[20:].tolist() == left[:10].tolist()


def test_items_without_a_gradient_are_copies_of_each_other():
    r, h = draw_factors(6)
    r[2:] = 0
    indices, gains, _ = k_means_plus_plus(r, h, 6, np.random.default_rng(0))
    assert set(indices[:3].tolist()) >= {0, 1}
    assert gains[3:].tolist() == [0, 0, 0]


def test_more_than_there_is_and_nothing():
    r, h = draw_factors(3)
    assert sorted(k_means_plus_plus(r, h, 7, np.random.default_rng(0))[0]) == [0, 1, 2]
    indices, gains, distances = k_means_plus_plus(r, h, 0, np.random.default_rng(0))
    assert (len(indices), len(gains)) == (0, 0)
    assert np.isinf(distances).all()
    nothing = k_means_plus_plus(r[:0], h[:0], 2, np.random.default_rng(0))
    assert [len(part) for part in nothing] == [0, 0, 0]


def test_an_order_that_belongs_to_the_items_makes_the_draw_so():
    x = np.random.default_rng(0).normal(size=(50, 3))
    shuffled = np.random.default_rng(1).permutation(50)

    def draw(points):
        rows = CentredRows(points)
        order = np.argsort(rows.squares)
        return draw_apart(rows, 9, int(order[0]), np.random.default_rng(2), order)[0]

    assert shuffled[draw(x[shuffled])].tolist() == draw(x).tolist()


class _AlmostOne(np.random.RandomState):
    def random(self, *_):
        return np.nextafter(1.0, 0.0)


def test_a_draw_at_the_very_end_takes_an_item_with_a_weight():
    x = np.array([[0.0], [3.0], [1.0], [0.0], [0.0]])
    indices, _, _ = draw_apart(CentredRows(x), 3, 0, _AlmostOne())
    assert indices.tolist() == [0, 2, 1]
