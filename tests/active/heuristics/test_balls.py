from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from baal.active.heuristics.functional import (
    ball_cover,
    balls,
    cluster_spread,
    k_center,
    k_means,
    pure_radius,
)


def literal(x, n, radius, covered):
    """Greedy, with the whole graph, and every number of neighbours counted anew at every step."""
    near = cdist(x, x) <= radius
    is_open = np.ones(len(x), bool)
    if len(covered):
        is_open = cdist(x, covered).min(axis=1) > radius
    to_mean = np.linalg.norm(x - x.mean(axis=0), axis=1)
    chosen, gains = [], []
    while len(chosen) < n and is_open.any():
        counts = near[:, is_open].sum(axis=1)
        counts[chosen] = -1
        best = np.flatnonzero(counts == counts.max())
        winner = int(best[np.argmin(to_mean[best])])
        chosen.append(winner)
        gains.append(counts[winner])
        is_open &= ~near[winner]
    others = np.setdiff1d(np.arange(len(x)), chosen)
    centres = np.concatenate([covered, x[chosen]])
    further = others[k_center(x[others], n - len(chosen), centres)[0]].tolist()
    return chosen + further, gains + [0] * len(further), near[:, is_open].sum(axis=1)


@pytest.mark.parametrize("n_covered", [0, 1, 9])
@pytest.mark.parametrize("radius", [0.0, 0.6, 1.2, 3.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_a_literal_search(n_covered, radius, dtype):
    rng = np.random.default_rng(n_covered)
    x, covered = rng.normal(size=(120, 3)).astype(dtype), rng.normal(size=(n_covered, 3))
    indices, gains, rest = ball_cover(x, 25, radius, covered.astype(dtype))
    expected = literal(x.astype(np.float64), 25, radius, covered)
    assert indices.tolist() == expected[0]
    assert gains.tolist() == expected[1]
    assert rest.tolist() == expected[2].tolist()


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
@settings(max_examples=30)
def test_close_to_the_best_cover_there_is(seed, n):
    x = np.random.default_rng(seed).normal(size=(12, 2))
    near = cdist(x, x) <= 0.8
    best = max(near[list(some)].any(axis=0).sum() for some in combinations(range(12), n))
    indices, gains, rest = ball_cover(x, n, 0.8)
    assert gains.sum() == near[indices].any(axis=0).sum()
    assert gains.sum() >= (1 - 1 / np.e) * best
    assert (np.diff(gains) <= 0).all()
    assert rest.max() <= gains[-1]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_neither_order_nor_rotation_nor_shift_matters(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 3))
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    order = rng.permutation(60)
    labels = k_means(x, 5)
    turned_x, turned_labels = (x @ rotation + 3)[order], labels[order]
    radius, spread = pure_radius(x, labels), cluster_spread(x, labels)
    turned_radius = pure_radius(turned_x, turned_labels)
    assert turned_radius == pytest.approx(radius, rel=1e-9)
    assert cluster_spread(turned_x, turned_labels) == pytest.approx(spread, rel=1e-9)
    indices, gains, _ = ball_cover(x, 10, radius)
    turned, turned_gains, _ = ball_cover(turned_x, 10, turned_radius)
    assert order[turned].tolist() == indices.tolist()
    assert turned_gains.tolist() == gains.tolist()


def test_copies_wait_until_all_else_is_covered():
    x = np.repeat(np.random.default_rng(0).normal(size=(20, 3)), 5, axis=0).astype(np.float32)
    for radius in (0.0, 0.5):
        indices, gains, _ = ball_cover(x, 30, radius)
        assert len({tuple(x[i]) for i in indices[:20]}) == 20
        assert gains.sum() == 100
        assert len(set(indices)) == 30


def test_blocks_change_nothing(monkeypatch):
    x = np.random.default_rng(0).normal(size=(300, 3))
    labels = k_means(x, 6)
    expected = ball_cover(x, 20, 0.7), pure_radius(x, labels)
    monkeypatch.setattr(balls, "_POINTS", 7)
    monkeypatch.setattr("baal.active.heuristics.functional.distances._ROWS", 1)
    got = ball_cover(x, 20, 0.7), pure_radius(x, labels)
    for a, b in zip(got[0], expected[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert got[1] == pytest.approx(expected[1], rel=1e-12)


@pytest.mark.parametrize("purity", [0.5, 0.9, 0.95, 1.0])
def test_the_radius_is_the_largest_of_balls_that_are_pure(purity):
    x = np.random.default_rng(0).normal(size=(150, 3))
    labels = k_means(x, 4)
    distances = cdist(x, x)
    other = labels[:, np.newaxis] != labels
    radius = pure_radius(x, labels, purity)

    def share_of_pure(r):
        return 1 - (other & (distances < r)).any(axis=1).mean()

    assert share_of_pure(radius * (1 - 1e-9)) >= purity
    assert share_of_pure(radius * (1 + 1e-9)) < purity


def test_of_a_large_pool_some_items_are_looked_at(monkeypatch):
    x = np.random.default_rng(0).normal(size=(2000, 3))
    labels = k_means(x, 4)
    exact = pure_radius(x, labels)
    monkeypatch.setattr(balls, "_SAMPLE", 500)
    estimate = pure_radius(x, labels)
    assert estimate != exact
    assert estimate == pytest.approx(exact, rel=0.5)
    order = np.random.default_rng(1).permutation(2000)
    assert pure_radius(x[order], labels[order]) == pytest.approx(estimate, rel=1e-9)


def test_more_than_there_is_and_nothing():
    x = np.eye(3)
    assert sorted(ball_cover(x, 7, 0.1)[0]) == [0, 1, 2]
    indices, gains, rest = ball_cover(x, 0, 2.0)
    assert (len(indices), len(gains), rest.tolist()) == (0, 0, [3, 3, 3])
    assert [len(part) for part in ball_cover(x[:0], 2, 1.0)] == [0, 0, 0]
    nobody, same = np.zeros(0, np.int64), np.zeros(3, np.int64)
    assert pure_radius(x[:0], nobody) == cluster_spread(x[:0], nobody) == 0
    assert pure_radius(np.ones((3, 2)), same) == cluster_spread(np.ones((3, 2)), same) == 0
    assert pure_radius(np.array([[0.0], [2.0], [4.0]]), same) == 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_spread_is_the_distance_to_the_mean_of_the_cluster(dtype):
    x = (np.random.default_rng(0).normal(size=(200, 3)) + 9).astype(dtype)
    labels = k_means(x, 5)
    means = np.stack([x[labels == c].mean(axis=0, dtype=np.float64) for c in range(5)])
    expected = np.sqrt(((x - means[labels]) ** 2).sum(axis=1).mean())
    assert cluster_spread(x, labels) == pytest.approx(expected, rel=1e-5)
