import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from baal.active.heuristics import LCMD, CoreSet, GreedySampling, MaxDet, functional
from baal.exceptions import InvalidArgumentError, InvalidTypeError

BY_EMBEDDINGS = [LCMD, MaxDet]


def literal_largest_cluster(x, n, labelled):
    chosen, gains = [], []
    for _ in range(n):
        centres = np.concatenate([labelled, x[chosen]])
        if not len(centres):
            winner = int(np.argmax(np.linalg.norm(x, axis=1)))
            gains.append(np.linalg.norm(x[winner]))
        else:
            distances = cdist(x, centres)
            nearest, cluster = distances.min(axis=1), distances.argmin(axis=1)
            sizes = [(nearest[cluster == c] ** 2).sum() for c in range(len(centres))]
            inside = cluster == int(np.argmax(sizes))
            winner = int(np.argmax(np.where(inside, nearest, -1)))
            gains.append(nearest[winner])
        chosen.append(winner)
    return chosen, gains, cdist(x, np.concatenate([labelled, x[chosen]])).min(axis=1)


@pytest.mark.parametrize("n_labelled", [0, 1, 9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_largest_clusters_against_a_literal_search(n_labelled, dtype):
    rng = np.random.default_rng(n_labelled)
    x, labelled = (rng.normal(size=(n, 5)).astype(dtype) for n in (80, n_labelled))
    indices, gains, distances = functional.largest_cluster(x, 20, labelled)
    expected = literal_largest_cluster(x.astype(np.float64), 20, labelled.astype(np.float64))
    assert indices.tolist() == expected[0]
    np.testing.assert_allclose(gains, expected[1], rtol=1e-5)
    np.testing.assert_allclose(distances, expected[2], rtol=1e-5, atol=1e-6)


def test_an_outlier_waits_until_no_cluster_weighs_more():
    rng = np.random.default_rng(0)
    crowd = rng.uniform((17, -3), (23, 3), size=(200, 2))
    x = np.concatenate([[[6.0, 0.0]], crowd])
    labelled = np.array([[0.0, 0.0], [20.0, 0.0]])
    assert CoreSet(1)(embeddings=x, labelled_embeddings=labelled)[0] == 0
    assert LCMD(1)(embeddings=x, labelled_embeddings=labelled)[0] != 0


def literal_max_determinant(h, n, labelled, noise):
    """The item with which the determinant is largest, by determinants alone."""
    chosen, gains = [], []
    scale = noise * (h**2).sum(axis=1).mean()

    def log_determinant(rows):
        return np.linalg.slogdet(rows @ rows.T / scale + np.eye(len(rows)))[1]

    for _ in range(n):
        before = np.concatenate([labelled, h[chosen]])
        ratios = [
            -np.inf
            if i in chosen
            else log_determinant(np.concatenate([before, h[i : i + 1]])) - log_determinant(before)
            for i in range(len(h))
        ]
        chosen.append(int(np.argmax(ratios)))
        gains.append(scale * np.expm1(max(ratios)))  # det grows by 1 + variance / noise
    return chosen, gains


@pytest.mark.parametrize("n_labelled", [0, 1, 3, 9])
@pytest.mark.parametrize("noise", [1e-4, 0.3])
@pytest.mark.parametrize("bias", [False, True])
def test_largest_determinants_against_a_literal_search(n_labelled, noise, bias):
    rng = np.random.default_rng(n_labelled)
    h, labelled = rng.normal(size=(30, 5)), rng.normal(size=(n_labelled, 5))
    indices, gains, variances = functional.max_determinant(h, 8, labelled, noise, bias=bias)
    if bias:
        h, labelled = (np.concatenate([x, np.ones((len(x), 1))], axis=1) for x in (h, labelled))
    expected = literal_max_determinant(h, 8, labelled, noise)
    assert indices.tolist() == expected[0]
    np.testing.assert_allclose(gains, expected[1], rtol=1e-6)
    seen = np.concatenate([labelled, h[indices]])
    scale = noise * (h**2).sum(axis=1).mean()
    k = seen @ seen.T + scale * np.eye(len(seen))
    posterior = np.einsum("nd,nd->n", h, h) - np.einsum(
        "ns,sn->n", h @ seen.T, np.linalg.solve(k, seen @ h.T)
    )
    np.testing.assert_allclose(variances, posterior, rtol=1e-6, atol=1e-12)


def test_the_default_noise_covers_the_span_first():
    rng = np.random.default_rng(0)
    h = np.concatenate([rng.normal(size=(50, 3)) @ np.eye(3, 6) * 10, np.eye(6)[3:] * 0.1])
    indices, _, variances = functional.max_determinant(h, 6, bias=False)
    assert set(indices[3:]) == {50, 51, 52}
    assert variances.max() < 1e-3


def literal_spread(x, y, n, labelled, targets):
    chosen, gains = [], []
    for _ in range(n):
        centres, outputs = (
            np.concatenate([labelled, x[chosen]]),
            np.concatenate([targets, y[chosen]]),
        )
        products = (cdist(x, centres) * cdist(y, outputs)).min(axis=1)
        products[chosen] = -1
        chosen.append(int(np.argmax(products)))
        gains.append(products[chosen[-1]])
    return chosen, gains


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_greedy_sampling_against_a_literal_search(n_outputs, dtype):
    rng = np.random.default_rng(n_outputs)
    x, labelled = (rng.normal(size=(n, 4)).astype(dtype) for n in (60, 7))
    samples = rng.normal(size=(60, n_outputs, 5)).astype(dtype)
    targets = rng.normal(size=(7, n_outputs)).astype(dtype)
    ranks, scores = GreedySampling(15).get_ranks(
        samples, embeddings=x, labelled_embeddings=labelled, labelled_targets=targets
    )
    x, y, labelled, targets = (
        z.astype(np.float64) for z in (x, samples.astype(np.float64).mean(-1), labelled, targets)
    )
    chosen, gains = literal_spread(x, y, 15, labelled, targets)
    assert ranks[:15].tolist() == chosen
    np.testing.assert_allclose(scores[chosen], gains, rtol=1e-4)
    rest = ranks[15:]
    products = cdist(x, np.concatenate([labelled, x[chosen]]))
    products *= cdist(y, np.concatenate([targets, y[chosen]]))
    np.testing.assert_allclose(scores[rest], products.min(axis=1)[rest], rtol=1e-3, atol=1e-6)


def test_greedy_sampling_without_labels_looks_at_inputs_alone():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))
    expected = CoreSet(5).get_ranks(embeddings=x)
    for labelled in ({}, {"labelled_embeddings": x[:0], "labelled_targets": y[:0]}):
        got = GreedySampling(5).get_ranks(y, embeddings=x, **labelled)
        np.testing.assert_array_equal(got[0], expected[0])
        np.testing.assert_array_equal(got[1], expected[1])


@pytest.mark.parametrize("targets", [None, np.ones((3, 2)), np.ones((2, 1)), np.ones(2)])
def test_targets_must_be_outputs(targets):
    with pytest.raises(
        InvalidArgumentError, match=r"`labelled_targets` to be \[3, 1\], .* got shape"
    ):
        GreedySampling(1)(
            np.ones((4, 1)),
            embeddings=np.eye(4),
            labelled_embeddings=np.eye(4)[:3],
            labelled_targets=targets,
        )


def test_greedy_sampling_reads_targets_of_any_shape_of_one_output():
    x, y = np.arange(8.0)[:, None], np.arange(8.0)[:, None] ** 2
    ways = [
        GreedySampling(4)(y, embeddings=x, labelled_embeddings=x[:2], labelled_targets=targets)
        for targets in (y[:2], y[:2, 0], [0, 1])
    ]
    assert ways[0].tolist() == ways[1].tolist() == ways[2].tolist()


@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_rotation_and_order_change_nothing(seed, n_labelled):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, 4)), rng.normal(size=(40, 2))
    labelled, targets = rng.normal(size=(n_labelled, 4)), rng.normal(size=(n_labelled, 2))
    rotation, order = np.linalg.qr(rng.normal(size=(4, 4)))[0], rng.permutation(40)
    for heuristic in (LCMD(8), MaxDet(8, noise=1e-3), GreedySampling(8)):
        ranks, scores = heuristic.get_ranks(
            y, embeddings=x, labelled_embeddings=labelled, labelled_targets=targets
        )
        turned, turned_scores = heuristic.get_ranks(
            y[order],
            embeddings=(x @ rotation)[order],
            labelled_embeddings=labelled @ rotation,
            labelled_targets=targets,
        )
        assert order[turned[:8]].tolist() == ranks[:8].tolist()
        np.testing.assert_allclose(turned_scores, scores[order], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", [*BY_EMBEDDINGS, GreedySampling])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_copies_wait_until_all_else_is_covered(kind, dtype):
    rng = np.random.default_rng(0)
    n = 5 if kind is MaxDet else 20  # as many directions as there are
    x = np.repeat(rng.normal(size=(n, 5)), 4, axis=0).astype(dtype)
    y = np.repeat(rng.normal(size=(n, 1)), 4, axis=0)
    given_too = {"labelled_embeddings": x[:1] + 9, "labelled_targets": y[:1] + 9}
    if kind is MaxDet:
        heuristic, given_too = MaxDet(2 * n, bias=False), {}
    else:
        heuristic = kind(2 * n)
    ranks = heuristic(y, embeddings=x, **given_too)
    assert sorted(ranks[:n] % 4) == [0] * n  # a tie goes to the lowest index
    assert len({i // 4 for i in ranks[:n]}) == n
    assert sorted(ranks) == list(range(4 * n))


@pytest.mark.parametrize("kind", [*BY_EMBEDDINGS, GreedySampling])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_items_that_are_all_the_same(kind, value):
    x, y = np.full((6, 3), value), np.full((6, 1), value)
    for labelled in ({}, {"labelled_embeddings": x[:2], "labelled_targets": y[:2]}):
        ranks, scores = kind(4).get_ranks(y, embeddings=x, **labelled)
        assert ranks.tolist() == list(range(6))
        assert np.isfinite(scores).all()


@pytest.mark.parametrize("kind", [*BY_EMBEDDINGS, GreedySampling])
def test_more_than_there_is_and_nothing(kind):
    y = np.ones((3, 1))
    assert sorted(kind(9)(y, embeddings=np.eye(3))) == [0, 1, 2]
    assert kind(2)(y[:0], embeddings=np.eye(3)[:0]).tolist() == []
    ranks = kind(0)(
        y, embeddings=np.eye(3), labelled_embeddings=np.eye(3)[:1], labelled_targets=y[:1]
    )
    assert sorted(ranks) == [0, 1, 2]
    x = np.eye(3)
    x[1, 1] = np.nan
    with pytest.warns(RuntimeWarning, match="got 1 of 3"):
        assert kind(3)(y, embeddings=x)[-1] == 1


def test_arguments():
    for kind in (LCMD, MaxDet, GreedySampling):
        with pytest.raises(InvalidArgumentError, match="`query_size` to be 0 or more, but got -1"):
            kind(-1)
        with pytest.raises(InvalidTypeError, match="`query_size` to be an int"):
            kind(2.0)
    for noise in (0, -1.0, np.inf, np.nan):
        with pytest.raises(InvalidArgumentError, match="`noise` to be above 0 and finite, but got"):
            MaxDet(1, noise=noise)
