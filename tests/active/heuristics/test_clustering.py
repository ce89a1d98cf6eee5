import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from baal.active.heuristics.functional import clustering, k_means


def blobs(n_each=30, n_blobs=6, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    centres = 20 * np.eye(n_blobs, 7)
    labels = np.repeat(np.arange(n_blobs), n_each)
    return (centres[labels] + rng.normal(size=(len(labels), 7))).astype(dtype), labels


def same_partition(a, b):
    return (np.equal.outer(a, a) == np.equal.outer(b, b)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(4))
def test_separate_clusters_are_found(dtype, seed):
    x, expected = blobs(dtype=dtype)
    labels = k_means(x, 6, seed)
    assert same_partition(labels, expected)
    assert sorted(set(labels)) == list(range(6))


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 3))
@settings(max_examples=40)
def test_it_ends_where_lloyds_algorithm_rests(seed, k, kmeans_seed):
    x = np.random.default_rng(seed).normal(size=(60, 3))
    labels = k_means(x, k, kmeans_seed)
    assert sorted(set(labels)) == list(range(k))
    centres = np.stack([x[labels == c].mean(axis=0) for c in range(k)])
    assert cdist(x, centres).argmin(axis=1).tolist() == labels.tolist()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_neither_order_nor_rotation_nor_shift_matters(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(80, 4))
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    order = rng.permutation(80)
    labels = k_means(x, 7)
    assert k_means((x @ rotation + 2)[order], 7).tolist() == labels[order].tolist()


def test_copies_are_one_cluster():
    x = np.repeat(np.random.default_rng(0).normal(size=(5, 3)), 8, axis=0)
    for k in (5, 9, 100):
        assert same_partition(k_means(x, k), np.repeat(np.arange(5), 8))
    assert k_means(np.ones((4, 2)), 3).tolist() == [0, 0, 0, 0]
    assert k_means(np.ones((0, 2)), 3).tolist() == []
    assert k_means(np.ones((1, 2)), 3).tolist() == [0]


def test_a_cluster_that_loses_its_items_takes_the_farthest(monkeypatch):
    x = np.array([[0.0], [1.0], [2.0], [50.0], [54.0]])
    # The centre between the two groups has no item of its own.
    centres = np.array([[1.0], [28.0], [52.0]])
    labels = clustering._assign(clustering.CentredRows(x), centres)
    assert labels.tolist() == [0, 0, 0, 1, 2]
    copies = np.zeros((3, 1))
    labels = clustering._assign(clustering.CentredRows(copies), np.array([[0.0], [9.0]]))
    assert labels.tolist() == [0, 0, 0]
    np.testing.assert_array_equal(clustering.cluster_means(copies + 2, labels, 2), [[2.0], [2.0]])


def test_blocks_change_nothing(monkeypatch):
    x = np.random.default_rng(0).normal(size=(300, 4))
    expected = k_means(x, 9)
    monkeypatch.setattr(clustering, "_ROWS", 7)
    monkeypatch.setattr("baal.active.heuristics.functional.distances._ROWS", 1)
    assert k_means(x, 9).tolist() == expected.tolist()
