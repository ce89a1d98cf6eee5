import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from baal.active.heuristics.functional import Similarity, ranked_batch, similarity


def literal_similarities(x, y, kind, scale=1.0):
    if kind == "cosine":
        return 1 - cdist(x, y, "cosine") / 2
    return np.exp(-(cdist(x, y) ** 2) / (2 * scale**2))


@pytest.mark.parametrize("kind", ["cosine", "rbf"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_every_pair(kind, dtype):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(70, 5)).astype(dtype), rng.normal(size=(9, 5)).astype(dtype)
    got = Similarity(x, kind, 1.5)
    atol = 1e-6 if dtype == np.float32 else 1e-12
    expected = literal_similarities(x, x, kind, 1.5)
    np.testing.assert_allclose(got.to_item(3), expected[3], atol=atol)
    np.testing.assert_allclose(got.mean(), expected.mean(axis=1), atol=atol)
    nearest = literal_similarities(x, y, kind, 1.5).max(axis=1)
    np.testing.assert_allclose(got.to_nearest(y), nearest, atol=atol)
    assert got.to_nearest(y[:0]).tolist() == [0] * 70
    some = np.array([3, 8, 60])
    if kind == "rbf":
        np.testing.assert_allclose(got.mean(some), expected[:, some].mean(axis=1), atol=atol)


def test_the_scale_is_the_pools_own():
    x = np.random.default_rng(0).normal(size=(70, 5)) + 100
    scale = np.sqrt(x.var(axis=0).sum())
    np.testing.assert_allclose(
        Similarity(x, "rbf").mean(), literal_similarities(x, x, "rbf", scale).mean(axis=1)
    )
    np.testing.assert_array_equal(Similarity(x, "cosine").points, Similarity(x, "cosine", 3).points)


def test_rows_of_zeros_and_pools_of_one_item():
    x = np.array([[0.0, 0.0], [0.0, 0.0], [2.0, 0.0]])
    np.testing.assert_allclose(Similarity(x, "cosine").to_item(0), [1, 1, 0.75])
    for kind in ("cosine", "rbf"):
        assert Similarity(x[:2], kind).mean().tolist() == [1, 1]
        assert Similarity(x[2:], kind).mean().tolist() == [1]
        assert Similarity(x[:0], kind).mean().tolist() == []


def test_blocks_change_nothing(monkeypatch):
    x = np.random.default_rng(0).normal(size=(70, 5))
    expected = Similarity(x, "rbf").mean()
    monkeypatch.setattr(similarity, "_POINTS", 9)
    monkeypatch.setattr("baal.active.heuristics.functional.distances._ROWS", 1)
    np.testing.assert_allclose(Similarity(x, "rbf").mean(), expected, rtol=1e-12)


def literal_batch(x, u, n, labelled, kind):
    """Cardoso et al., with every similarity computed anew at every step."""
    chosen, gains = [], []

    def scores():
        known = np.concatenate([labelled, x[chosen]])
        alpha = (len(x) - len(chosen)) / (len(x) + len(labelled))
        alike = literal_similarities(x, known, kind).max(axis=1) if len(known) else np.zeros(len(x))
        return alpha * (1 - alike) + (1 - alpha) * u

    for _ in range(n):
        values = scores()
        gains.append(values)
        values = values.copy()
        values[chosen] = -np.inf
        winner = int(np.argmax(values))
        if not len(labelled) and not chosen:
            placed = x / np.linalg.norm(x, axis=1)[:, np.newaxis] if kind == "cosine" else x
            winner = int(np.argmin(np.linalg.norm(placed - placed.mean(axis=0), axis=1)))
        chosen.append(winner)
    return chosen, [values[i] for values, i in zip(gains, chosen, strict=True)], scores()


@pytest.mark.parametrize("kind", ["cosine", "rbf"])
@pytest.mark.parametrize("n_labelled", [0, 1, 200])
def test_ranked_batches_against_a_literal_search(kind, n_labelled):
    rng = np.random.default_rng(n_labelled)
    x, labelled, u = rng.normal(size=(60, 4)), rng.normal(size=(n_labelled, 4)), rng.random(60)
    indices, gains, rest = ranked_batch(Similarity(x, kind, 1.0), u, 20, labelled)
    expected = literal_batch(x, u, 20, labelled, kind)
    assert indices.tolist() == expected[0]
    np.testing.assert_allclose(gains, expected[1], atol=1e-9)
    np.testing.assert_allclose(rest, expected[2], atol=1e-9)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_neither_order_nor_rotation_matters(seed):
    rng = np.random.default_rng(seed)
    x, u = rng.normal(size=(40, 4)), rng.random(40)
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    order = rng.permutation(40)
    for kind in ("cosine", "rbf"):
        indices = ranked_batch(Similarity(x, kind), u, 8, x[:0])[0]
        turned = ranked_batch(Similarity((x @ rotation)[order], kind), u[order], 8, x[:0])[0]
        assert order[turned].tolist() == indices.tolist()


def test_copies_wait_until_all_else_is_covered():
    x = np.repeat(np.random.default_rng(0).normal(size=(20, 3)), 5, axis=0).astype(np.float32)
    indices, _, _ = ranked_batch(Similarity(x, "rbf"), np.ones(100), 30, x[:0])
    assert len({tuple(x[i]) for i in indices[:20]}) == 20
    assert len(set(indices)) == 30


def test_more_than_there_is_and_nothing():
    x, u = np.eye(3), np.zeros(3)
    assert sorted(ranked_batch(Similarity(x, "cosine"), u, 7, x[:0])[0]) == [0, 1, 2]
    nothing = ranked_batch(Similarity(x[:0], "rbf"), u[:0], 2, x)
    assert [len(part) for part in nothing] == [0, 0, 0]
    assert len(ranked_batch(Similarity(x, "rbf"), u, 0, x[:0])[0]) == 0
