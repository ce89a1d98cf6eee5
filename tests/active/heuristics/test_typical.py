import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from baal.active.heuristics.functional import k_means, neighbour_distances, typical_of_clusters


def literal_distances(x, k):
    if len(x) == 1:
        return np.zeros(1)
    return np.sort(cdist(x, x), axis=1)[:, 1 : k + 1].mean(axis=1)


def literal(x, n, labelled, max_clusters=500, k=20):
    """One cluster after the other, as the docstring tells."""
    labels = k_means(np.concatenate([labelled, x]), min(n + len(labelled), max_clusters))
    clusters = []
    for c in sorted(set(labels)):
        known = (labels[: len(labelled)] == c).sum()
        items = np.flatnonzero(labels[len(labelled) :] == c)
        size = known + len(items)
        order = np.argsort(literal_distances(x[items], k), kind="stable") if len(items) else []
        clusters.append((known, size <= 5, -size, c, [int(items[i]) for i in order]))
    clusters.sort(key=lambda cluster: cluster[:4])
    chosen, turn = [], 0
    while len(chosen) < n:
        chosen += [items[turn] for *_, items in clusters if turn < len(items)]
        turn += 1
    return chosen[:n]


@pytest.mark.parametrize("k", [1, 5, 20, 400])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mean_distances_to_neighbours(k, dtype):
    x = (np.random.default_rng(0).normal(size=(90, 6)) + 3).astype(dtype)
    expected = literal_distances(x.astype(np.float64), k)
    np.testing.assert_allclose(neighbour_distances(x, k), expected, rtol=1e-6)


def test_blocks_change_nothing(monkeypatch):
    x = np.random.default_rng(0).normal(size=(90, 6))
    expected = neighbour_distances(x, 5)
    monkeypatch.setattr("baal.active.heuristics.functional.distances._ROWS", 4)
    np.testing.assert_array_equal(neighbour_distances(x, 5), expected)


def test_neighbours_that_are_copies_or_none():
    x = np.repeat(np.random.default_rng(0).normal(size=(4, 300)).astype(np.float32), 3, axis=0)
    assert (neighbour_distances(x, 2) == 0).all()
    assert neighbour_distances(x[:1], 20).tolist() == [0]
    assert neighbour_distances(x[:0], 20).tolist() == []


@pytest.mark.parametrize("n_labelled", [0, 1, 12])
@pytest.mark.parametrize("max_clusters", [500, 4])
def test_against_a_literal_choice(n_labelled, max_clusters):
    rng = np.random.default_rng(n_labelled)
    x, labelled = rng.normal(size=(150, 4)), rng.normal(size=(n_labelled, 4))
    got = typical_of_clusters(x, 10, labelled, max_clusters=max_clusters, n_neighbours=5)
    assert got[0].tolist() == literal(x, 10, labelled, max_clusters, 5)
    np.testing.assert_array_equal(got[1], got[2][got[0]])


@given(st.integers(0, 2**32 - 1), st.integers(0, 6))
@settings(max_examples=30)
def test_each_item_comes_from_a_cluster_without_a_label(seed, n_labelled):
    rng = np.random.default_rng(seed)
    x, labelled = rng.normal(size=(80, 3)), rng.normal(size=(n_labelled, 3))
    indices, _, _ = typical_of_clusters(x, 7, labelled)
    labels = k_means(np.concatenate([labelled, x]), 7 + n_labelled)
    of_chosen = labels[n_labelled:][indices]
    assert len(set(of_chosen)) == 7
    assert not set(of_chosen) & set(labels[:n_labelled])


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_neither_order_nor_rotation_nor_shift_matters(seed):
    rng = np.random.default_rng(seed)
    x, labelled = rng.normal(size=(80, 4)), rng.normal(size=(3, 4))
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    order = rng.permutation(80)
    indices, _, scores = typical_of_clusters(x, 4, labelled)
    turned, _, turned_scores = typical_of_clusters(
        (x @ rotation + 3)[order], 4, labelled @ rotation + 3
    )
    np.testing.assert_allclose(turned_scores, scores[order], rtol=1e-9)
    # Two items that are alone in a cluster tie, and of them the first is taken.
    np.testing.assert_allclose(scores[order[turned]], scores[indices], rtol=1e-9)


def test_copies_are_not_taken_twice():
    x = np.repeat(np.random.default_rng(0).normal(size=(20, 3)), 5, axis=0)
    indices, gains, _ = typical_of_clusters(x, 23)
    assert len({tuple(x[i]) for i in indices[:20]}) == 20
    assert sorted(indices[:20] % 5) == [0] * 20  # a tie goes to the lowest index
    assert (gains == 0).all()
    assert len(set(indices)) == 23


def test_outliers_come_after_dense_places():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(30, 2)), [[40.0, 0.0]], rng.normal(size=(30, 2)) + 20])
    indices, _, scores = typical_of_clusters(x, 3)
    assert indices[2] == 30
    assert scores[30] == pytest.approx(-np.linalg.norm(x[30] - x.mean(axis=0)))


def test_more_than_there_is_and_nothing():
    x = np.random.default_rng(0).normal(size=(3, 2))
    assert sorted(typical_of_clusters(x, 7)[0]) == [0, 1, 2]
    assert [len(part) for part in typical_of_clusters(x, 0)] == [0, 0, 3]
    assert [len(part) for part in typical_of_clusters(x[:0], 2)] == [0, 0, 0]
    assert [len(part) for part in typical_of_clusters(x[:0], 2, x)] == [0, 0, 0]
    assert typical_of_clusters(x[:1], 2)[0].tolist() == [0]
