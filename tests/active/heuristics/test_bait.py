from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baal.active.heuristics import BAIT, functional
from baal.active.heuristics.functional import bait
from baal.exceptions import InvalidArgumentError, InvalidTypeError


def draw(n, n_classes=3, n_features=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n_classes), size=n), rng.normal(size=(n, n_features))


def information(p, h):
    return np.array(
        [
            np.kron(np.diag(q) - np.outer(q, q), np.outer(x, x))
            for q, x in zip(p.astype(np.float64), h.astype(np.float64), strict=True)
        ]
    )


def literal_bait(fisher, n, labelled, ridge):
    """Forward and back with whole matrices, each inverse taken anew."""
    start = ridge * np.eye(fisher.shape[1]) + labelled.sum(axis=0)
    target = fisher.mean(axis=0)

    def trace(items):
        return np.trace(np.linalg.solve(start + fisher[items].sum(axis=0), target))

    chosen = []
    for _ in range(min(2 * n, len(fisher))):
        others = [i for i in range(len(fisher)) if i not in chosen]
        chosen.append(min(others, key=lambda i: trace([*chosen, i])))
    while len(chosen) > n:
        chosen.remove(min(chosen, key=lambda i: trace([j for j in chosen if j != i])))
    traces = [trace(chosen[:k]) for k in range(len(chosen) + 1)]
    rest = [traces[-1] - trace([*chosen, i]) for i in range(len(fisher))]
    return chosen, -np.diff(traces), np.array(rest)


@pytest.mark.parametrize("n_labelled", [0, 1, 12])
@pytest.mark.parametrize("ridge", [0.01, 1.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_a_literal_search(n_labelled, ridge, dtype):
    p, h = (x.astype(dtype) for x in draw(25))
    q, k = (x.astype(dtype) for x in draw(n_labelled, seed=1))
    indices, gains, rest = functional.fisher_batch(p, h, 5, q, k, ridge=ridge)
    expected = literal_bait(information(p, h), 5, information(q, k).reshape(-1, 12, 12), ridge)
    assert indices.tolist() == expected[0]
    np.testing.assert_allclose(gains, expected[1], rtol=1e-6)
    others = np.delete(np.arange(25), indices)
    np.testing.assert_allclose(rest[others], expected[2][others], rtol=1e-6)


def test_going_back_mends_what_going_forward_did():
    """A case where the two differ: without the way back the first choice would stay."""
    differ = 0
    for seed in range(20):
        p, h = draw(25, seed=seed)
        both = functional.fisher_batch(p, h, 3, ridge=0.01)
        six = functional.fisher_batch(p, h, 6, ridge=0.01)
        forward = literal_bait(information(p, h), 3, np.zeros((0, 12, 12)), 0.01)[0]
        assert both[0].tolist() == forward
        differ += both[0].tolist() != six[0][:3].tolist()
    assert differ > 0


def test_the_binary_form_against_a_literal_search():
    p, h = draw(25, 5)
    first = p.max(axis=1)
    fisher = np.einsum("n,na,nb->nab", first * (1 - first), h, h)
    indices, gains, _ = functional.fisher_batch(p, h, 5, binary=True)
    expected = literal_bait(fisher, 5, np.zeros((0, 4, 4)), 1.0)
    assert indices.tolist() == expected[0]
    np.testing.assert_allclose(gains, expected[1], rtol=1e-6)


def test_two_classes_are_the_binary_form():
    p, h = draw(25, 2)
    # The other class's weights move against the first one's: twice the information.
    both = functional.fisher_batch(p, h, 6, ridge=1.0)
    binary = functional.fisher_batch(p, h, 6, ridge=0.5, binary=True)
    assert both[0].tolist() == binary[0].tolist()
    np.testing.assert_allclose(both[1], binary[1], rtol=1e-8)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_rotation_order_and_names_of_classes_change_nothing(seed):
    rng = np.random.default_rng(seed)
    (p, h), (q, k) = draw(20, seed=seed), draw(4, seed=seed + 1)
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    order, names = rng.permutation(20), rng.permutation(3)
    ranks, scores = BAIT(4).get_ranks(
        p, embeddings=h, labelled_predictions=q, labelled_embeddings=k
    )
    turned, turned_scores = BAIT(4).get_ranks(
        p[order][:, names],
        embeddings=(h @ rotation)[order],
        labelled_predictions=q[:, names],
        labelled_embeddings=k @ rotation,
    )
    assert order[turned[:4]].tolist() == ranks[:4].tolist()
    np.testing.assert_allclose(turned_scores, scores[order], rtol=1e-7, atol=1e-12)


def test_fewer_directions_lose_nothing_where_the_pool_has_no_more():
    p, _ = draw(30)
    rng = np.random.default_rng(0)
    h = rng.normal(size=(30, 5)) @ rng.normal(size=(5, 40))
    expected = functional.fisher_batch(p, h, 5, p[:3], h[:3])
    narrow = functional.fisher_batch(p, h, 5, p[:3], h[:3], max_parameters=3 * 5 + 2)
    assert narrow[0].tolist() == expected[0].tolist()
    np.testing.assert_allclose(narrow[1], expected[1], rtol=1e-8)
    np.testing.assert_allclose(narrow[2], expected[2], rtol=1e-6, atol=1e-12)
    alone = functional.fisher_batch(p, h, 5, max_parameters=3 * 5 + 2)
    assert alone[0].tolist() == functional.fisher_batch(p, h, 5)[0].tolist()


def test_copies_wait_and_labelled_items_repel():
    h = np.repeat(np.eye(4) * [4, 3, 2, 1], 3, axis=0)
    p = np.full((12, 2), 0.5)
    ranks = BAIT(4, ridge=1e-3)(p, embeddings=h)
    assert sorted(ranks[:4]) == [0, 3, 6, 9]  # a tie goes to the lowest index
    labelled = {"labelled_predictions": p[:2], "labelled_embeddings": h[[0, 9]]}
    assert sorted(BAIT(2, ridge=1e-3)(p, embeddings=h, **labelled)[:2]) == [3, 6]


@pytest.mark.parametrize("binary", [False, True])
def test_items_that_are_all_the_same_or_tell_nothing(binary):
    heuristic = BAIT(3, binary=binary)
    for p, h in [
        (np.full((5, 3), 1 / 3), np.ones((5, 2))),
        (np.full((5, 3), 1 / 3), np.zeros((5, 2))),
        (np.eye(3)[[0] * 5], np.ones((5, 2))),
    ]:
        ranks, scores = heuristic.get_ranks(p, embeddings=h)
        assert ranks.tolist() == [0, 1, 2, 3, 4]
        assert np.isfinite(scores).all()


def test_more_than_there_is_nothing_and_broken_items():
    p, h = draw(4)
    assert sorted(BAIT(9)(p, embeddings=h)) == [0, 1, 2, 3]
    assert BAIT(2)(p[:0], embeddings=h[:0]).tolist() == []
    ranks, scores = BAIT(0).get_ranks(p, embeddings=h)
    assert ranks.tolist() == np.argsort(-scores).tolist()
    h[2] = np.inf
    with pytest.warns(RuntimeWarning, match="got 1 of 4"):
        assert BAIT(4)(p, embeddings=h)[-1] == 2


def test_one_column_of_logits_in_half_precision():
    logits = np.linspace(-3, 3, 7)[:, None]
    p = 1 / (1 + np.exp(-logits))
    h = draw(7)[1].astype(np.float16)
    expected = BAIT(3)(np.concatenate([1 - p, p], axis=1), embeddings=h)
    assert BAIT(3)(logits.astype(np.float16), embeddings=h)[:3].tolist() == expected[:3].tolist()


def test_pools_that_are_too_large(monkeypatch):
    monkeypatch.setattr(bait, "MAX_PRODUCTS", 100)
    p, h = draw(12)
    with pytest.raises(InvalidArgumentError, match=r"at most 11 items with 3 classes, .* got 12"):
        BAIT(2)(p, embeddings=h)
    assert len(BAIT(2, binary=True)(p, embeddings=h)) == 12
    assert len(BAIT(2)(p[:11], embeddings=h[:11])) == 11


def test_arguments():
    p, h = draw(5)
    with pytest.raises(InvalidArgumentError, match="of the same items, but got 0 and 2"):
        BAIT(1)(p, embeddings=h, labelled_embeddings=h[:2])
    with pytest.raises(InvalidArgumentError, match="of the same items, but got 3 and 2"):
        BAIT(1)(p, embeddings=h, labelled_embeddings=h[:2], labelled_predictions=p[:3])
    for ridge in (0, -1.0, np.inf, np.nan):
        with pytest.raises(InvalidArgumentError, match="`ridge` to be above 0 and finite, but got"):
            BAIT(1, ridge=ridge)
    for ridge in ("a", None, True):
        with pytest.raises(InvalidTypeError, match="`ridge` to be a number, but got"):
            BAIT(1, ridge=ridge)
    with pytest.raises(InvalidArgumentError, match="`max_parameters` to be 1 or more, but got 0"):
        BAIT(1, max_parameters=0)
    with pytest.raises(InvalidTypeError, match="`query_size` to be an int"):
        BAIT(1.0)


def test_embeddings_beside_which_nothing_is_left_of_the_ridge():
    p, h = np.full((3, 2), 0.5), np.eye(3) * 1e20
    with pytest.raises(InvalidArgumentError, match=r"1e\+13 times `ridge`, but got 1e\+40"):
        BAIT(1).get_ranks(p, embeddings=h)
    assert BAIT(1, ridge=1e40).get_ranks(p, embeddings=h)[0].tolist() == [0, 1, 2]
    with pytest.raises(InvalidArgumentError, match="but got inf for `embeddings`"):
        functional.fisher_batch(p, np.eye(3) * 1e200, 1)
    with pytest.raises(InvalidArgumentError, match=r"got 1.2e\+13 for `labelled_embeddings`"):
        BAIT(1).get_ranks(
            p, embeddings=h / 1e20, labelled_embeddings=h / 1e14 * 2, labelled_predictions=p
        )


def final_trace(p, h, chosen, labelled=((), ())):
    """Of the batch, in rational numbers: as exact as its arguments."""
    fisher = [exact_information(*item) for item in zip(p, h, strict=True)]
    start = [exact_information(*item) for item in zip(*labelled, strict=True)]
    matrix = sum([*start, *(fisher[i] for i in chosen)], start=np.eye(len(fisher[0]), dtype=int))
    return trace_of_the_solution(matrix, sum(fisher) / Fraction(len(p)))


def exact_information(q, x):
    q, x = (np.array([Fraction(float(v)) for v in values]) for values in (q, x))
    q = q / sum(q)
    return np.kron(np.diag(q) - np.outer(q, q), np.outer(x, x))


def trace_of_the_solution(matrix, target):
    """`tr(matrix^-1 target)` by elimination."""
    size = len(matrix)
    rows = np.concatenate([matrix, target], axis=1)
    for k in range(size):
        rows[k] = rows[k] / rows[k, k]
        for i in range(size):
            if i != k:
                rows[i] = rows[i] - rows[i, k] * rows[k]
    return sum(rows[:, size:].diagonal())


def exact_bait(p, h, n, labelled):
    chosen = []
    for _ in range(min(2 * n, len(p))):
        others = [i for i in range(len(p)) if i not in chosen]
        chosen.append(min(others, key=lambda i: final_trace(p, h, [*chosen, i], labelled)))
    while len(chosen) > n:
        rest = [[j for j in chosen if j != i] for i in chosen]
        chosen = min(rest, key=lambda items: final_trace(p, h, items, labelled))
    return chosen


@pytest.mark.parametrize("n_labelled", [0, 2])
@pytest.mark.parametrize("scale", [1, 1e3, 3e3, 1e4, 1e5, 1e6])
def test_long_embeddings_against_a_search_in_rational_numbers(scale, n_labelled):
    for seed in range(3):
        p, h = draw(7, 2, 2, seed)
        q, k = draw(n_labelled, 2, 2, seed + 100)
        h, k = h * scale, k * scale
        chosen, gains, _ = functional.fisher_batch(p, h, 2, q, k)
        best = final_trace(p, h, exact_bait(p, h, 2, (q, k)), (q, k))
        got = [final_trace(p, h, chosen[:i], (q, k)) for i in range(3)]
        assert float(got[-1] / best) <= 1 + 1e-6
        # What is left is a small part of what the first brings.
        np.testing.assert_allclose(gains[0], float(got[0] - got[1]), rtol=1e-5)


def test_where_the_first_items_gains_hide_what_is_left():
    """One feature: any item takes all but the ten billionth part, and that part is the choice."""
    p, h = np.full((3, 2), 0.5), np.array([[1.0], [1.5], [2.0]]) * 1e5
    assert BAIT(1)(p, embeddings=h)[0] == 2
    assert sorted(BAIT(2)(p, embeddings=h)[:2]) == [1, 2]


@pytest.mark.parametrize("scale", [1e3, 1e4, 1e5])
def test_larger_pools_of_long_embeddings_against_a_literal_search(scale):
    """In float64, but for the class that no label tells of, whose weights only spoil the digits."""
    rng = np.random.default_rng(0)
    p, h = rng.dirichlet(np.ones(3), 40), np.abs(rng.normal(size=(40, 6))) * scale
    basis = np.linalg.svd(np.ones((1, 3)))[2][1:]
    fisher = np.array(
        [
            np.kron(basis @ (np.diag(q) - np.outer(q, q)) @ basis.T, np.outer(x, x))
            for q, x in zip(p, h, strict=True)
        ]
    )
    expected = literal_bait(fisher, 5, np.zeros((0, 12, 12)), 1.0)[0]
    matrix, target = np.eye(12), fisher.mean(axis=0)
    got, best = (
        np.trace(np.linalg.solve(matrix + fisher[items].sum(axis=0), target))
        for items in (BAIT(5)(p, embeddings=h)[:5], expected)
    )
    assert got <= best * (1 + 1e-6)


def test_copies_of_long_embeddings_wait():
    h = np.repeat(np.eye(4) * [4, 3, 2, 1], 3, axis=0) * 1e4
    ranks = BAIT(4)(np.full((12, 2), 0.5), embeddings=h)
    assert sorted(ranks[:4]) == [0, 3, 6, 9]


@given(
    st.integers(0, 2**32 - 1),
    st.floats(-4, 8),
    st.floats(-4, 4),
    st.booleans(),
    st.sampled_from([np.float32, np.float64]),
)
def test_any_lengths_give_ranks_or_the_one_error(seed, length, ridge, binary, dtype):
    rng = np.random.default_rng(seed)
    n, n_features, n_directions = rng.integers(1, 12, size=3)
    h = rng.normal(size=(n + 3, n_directions)) @ rng.normal(size=(n_directions, n_features))
    h = (h[rng.integers(n + 3, size=n + 3)] * 10**length).astype(dtype)
    p = rng.dirichlet(np.ones(3) * 10 ** rng.uniform(-2, 1), n + 3).astype(dtype)
    labelled = {"labelled_embeddings": h[n:], "labelled_predictions": p[n:]}
    heuristic = BAIT(4, ridge=10**ridge, binary=binary)
    squares = (h.astype(np.float64) ** 2).sum(axis=1)
    if max(squares[:n].max(), squares[n:].sum()) > 1e13 * heuristic.ridge:
        with pytest.raises(InvalidArgumentError, match="squared lengths of `embeddings`"):
            heuristic.get_ranks(p[:n], embeddings=h[:n], **labelled)
        return
    ranks, scores = heuristic.get_ranks(p[:n], embeddings=h[:n], **labelled)
    assert sorted(ranks) == list(range(n))
    assert (np.isfinite(scores) & (scores >= 0)).all()
