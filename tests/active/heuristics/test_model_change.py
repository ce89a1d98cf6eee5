import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from baal.active.heuristics import ExpectedErrorReduction, ExpectedGradientLength, functional
from baal.active.heuristics.functional import model_change
from baal.exceptions import InvalidArgumentError, InvalidTypeError


def draw(n, n_classes=3, n_features=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n_classes), size=n), rng.normal(size=(n, n_features))


def gradients(p, h):
    """Gradients of the loss with respect to a last layer by autograd, `[N, C, C * D]`."""
    items = []
    for probabilities, embedding in zip(torch.tensor(p), torch.tensor(h), strict=True):
        # Weights that give these probabilities for this embedding.
        logits = probabilities.log()
        weight = torch.outer(logits, embedding) / embedding.square().sum()
        weight.requires_grad_()
        for label in range(len(probabilities)):
            loss = F.cross_entropy(weight @ embedding, torch.tensor(label))
            items.append(torch.autograd.grad(loss, weight)[0].flatten().numpy())
    return np.array(items).reshape(*p.shape, -1)


def literal_squared_products(p, h, q, k, items=()):
    """`items`: which of the candidates those of the pool are."""
    g, others = gradients(p, h), gradients(q, k)
    scores = np.zeros(len(p))
    for i in range(len(p)):
        rest = [j for j in range(len(q)) if j >= len(items) or items[j] != i]
        for j in rest:
            for y in range(p.shape[1]):
                for z in range(p.shape[1]):
                    scores[i] += p[i, y] * q[j, z] * (g[i, y] @ others[j, z]) ** 2 / len(rest)
    return scores


def test_lengths_of_residuals_keep_their_digits():
    p, _ = draw(20, 5)
    expected = [[np.linalg.norm(row - np.eye(5)[c]) for c in range(5)] for row in p]
    np.testing.assert_allclose(functional.residual_lengths(p), expected, rtol=1e-13)
    sure = np.array([[1 - 2e-12, 1e-12, 1e-12]])
    np.testing.assert_allclose(
        functional.residual_lengths(sure)[0, 0], np.sqrt(6) * 1e-12, rtol=1e-4
    )


def test_gradient_length_of_the_last_layer_is_that_of_autograd():
    p, h = draw(15)
    lengths = np.linalg.norm(gradients(p, h), axis=2)
    scores = ExpectedGradientLength().get_uncertainties(p, embeddings=h)
    np.testing.assert_allclose(scores, (p * lengths).sum(axis=1), rtol=1e-12)
    whole = ExpectedGradientLength(whole_model=True)
    assert (whole.needs_embeddings, whole.needs_gradient_lengths) == (False, True)
    np.testing.assert_allclose(whole.get_uncertainties(p, gradient_lengths=lengths), scores)
    assert (whole(p, gradient_lengths=lengths) == ExpectedGradientLength()(p, embeddings=h)).all()


def test_samples_are_averaged_and_one_column_has_two_outcomes():
    p = np.random.default_rng(0).dirichlet([1, 1], size=(6, 5)).swapaxes(1, 2)
    h = draw(6)[1]
    for heuristic in (ExpectedGradientLength(), ExpectedErrorReduction()):
        expected = heuristic.get_uncertainties(p.mean(axis=-1), embeddings=h)
        np.testing.assert_allclose(heuristic.get_uncertainties(p, embeddings=h), expected)
        one = heuristic.get_uncertainties(p[:, 1:], embeddings=h)
        np.testing.assert_allclose(one, expected)


def test_gradient_lengths_must_fit_the_classes():
    with pytest.raises(InvalidArgumentError, match=r"to be \[2, 2\], one for each class, .*\(2, 3"):
        ExpectedGradientLength(True)([[0.5, 0.5]] * 2, gradient_lengths=np.ones((2, 3)))
    with pytest.raises(InvalidArgumentError, match="`gradient_lengths` to be given to Expected"):
        ExpectedGradientLength(True)([[0.5, 0.5]], embeddings=np.ones((1, 3)))


@pytest.mark.parametrize("n_classes", [2, 4])
def test_squared_products_against_the_literal_sums(n_classes, monkeypatch):
    monkeypatch.setattr(model_change, "_ROWS", 3)
    p, h = draw(8, n_classes)
    q, k = draw(5, n_classes, seed=1)
    scores = functional.expected_squared_products(p, h, q, k)
    np.testing.assert_allclose(scores, literal_squared_products(p, h, q, k), rtol=1e-10)
    items = np.array([7, 0, 4, 3])
    scores = functional.expected_squared_products(p, h, p[items], h[items], items)
    expected = literal_squared_products(p, h, p[items], h[items], items)
    np.testing.assert_allclose(scores, expected, rtol=1e-10)
    scores = ExpectedErrorReduction().get_uncertainties(p, embeddings=h)
    expected = literal_squared_products(p, h, p, h, np.arange(8))
    np.testing.assert_allclose(scores, expected, rtol=1e-10)


def test_an_item_that_is_orthogonal_to_all_others_comes_last_and_a_long_one_first():
    rng = np.random.default_rng(0)
    p, h = draw(1000, 3, 16)
    h[:, 15] = 0
    for length in (4.0, 15.0, 30.0):
        h[0], p[0] = length * np.eye(16)[15], [0.34, 0.33, 0.33]
        for max_pool in (None, 999, 500):
            ranks, scores = ExpectedErrorReduction(max_pool).get_ranks(p, embeddings=h)
            assert (ranks[-1], scores[0]) == (0, 0)
    # What the documentation says: lengths count by their squares.
    h[0] = rng.normal(size=16)
    one, twice = (
        ExpectedErrorReduction().get_uncertainties(p, embeddings=np.r_[h[:1] * by, h[1:]])[0]
        for by in (1, 2)
    )
    assert twice == pytest.approx(4 * one, rel=1e-12)


@pytest.mark.parametrize("max_pool", [None, 1, 1000])
def test_the_only_item_of_a_pool_tells_nothing(max_pool):
    heuristic = ExpectedErrorReduction(max_pool)
    ranks, scores = heuristic.get_ranks([[0.5, 0.5]], embeddings=[[3.0]])
    assert (ranks.tolist(), scores.tolist()) == ([0], [0.0])
    assert heuristic(np.zeros((0, 2)), embeddings=np.zeros((0, 1))).tolist() == []


def test_where_one_item_stands_for_the_pool_it_has_no_other():
    p, h = draw(5)
    drawn = np.random.default_rng(0).choice(5, 1, replace=False)[0]
    scores = ExpectedErrorReduction(1).get_uncertainties(p, embeddings=h)
    assert np.flatnonzero(scores == 0).tolist() == [drawn]


def test_lengths_make_no_copy_of_the_embeddings():
    p, h = np.full((20_000, 2), 0.5, np.float32), np.ones((20_000, 256), np.float32)
    tracemalloc.start()
    ExpectedGradientLength().get_uncertainties(p, embeddings=h)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < h.nbytes / 2


def test_plain_products_vanish_and_squared_ones_are_information():
    """What the docstring says: a joint distribution with both marginals, and what it tells."""
    p, h = draw(2)
    g = gradients(p, h)
    products = g[0] @ g[1].T  # [y, y']
    independent = np.outer(p[0], p[1])
    assert (independent * products).sum() == pytest.approx(0, abs=1e-12)
    step = 1e-3
    joint = independent * (1 + step * products)
    np.testing.assert_allclose(joint.sum(axis=1), p[0])
    np.testing.assert_allclose(joint.sum(axis=0), p[1])
    information = (joint * np.log(joint / independent)).sum()
    score = functional.expected_squared_products(p[:1], h[:1], p[1:], h[1:])[0]
    assert information == pytest.approx(step**2 / 2 * score, rel=0.02)


def test_the_score_is_the_product_with_the_fisher_information_of_the_rest():
    p, h = draw(10)
    g = gradients(p, h)
    fisher = np.einsum("ny,nya,nyb->nab", p, g, g)
    rest = (fisher.sum(axis=0) - fisher) / 9
    expected = np.einsum("nab,nba->n", fisher, rest)
    np.testing.assert_allclose(functional.expected_squared_products(p, h), expected, rtol=1e-10)


def test_confident_items_keep_their_digits():
    p, h = np.array([[1 - 1e-9, 1e-9]] * 2), np.ones((2, 1))
    assert functional.expected_squared_products(p, h)[0] == pytest.approx(4e-18, rel=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_rotation_of_embeddings_and_order_of_classes_change_nothing(seed):
    rng = np.random.default_rng(seed)
    p, h = draw(12, seed=seed)
    rotation, order = np.linalg.qr(rng.normal(size=(4, 4)))[0], rng.permutation(3)
    for heuristic in (ExpectedGradientLength(), ExpectedErrorReduction()):
        scores = heuristic.get_uncertainties(p, embeddings=h)
        turned = heuristic.get_uncertainties(p[:, order], embeddings=h @ rotation)
        np.testing.assert_allclose(turned, scores, rtol=1e-9)


def test_a_part_of_the_pool_stands_for_it_by_the_seed():
    p, h = draw(200)
    whole = ExpectedErrorReduction(None).get_uncertainties(p, embeddings=h)
    np.testing.assert_array_equal(
        ExpectedErrorReduction(200).get_uncertainties(p, embeddings=h), whole
    )
    some = ExpectedErrorReduction(50, seed=3)
    scores = some.get_uncertainties(p, embeddings=h)
    np.testing.assert_array_equal(some.get_uncertainties(p, embeddings=h), scores)
    items = np.random.default_rng(3).choice(200, 50, replace=False)
    np.testing.assert_allclose(
        scores, functional.expected_squared_products(p, h, p[items], h[items], items)
    )
    assert np.corrcoef(scores, whole)[0, 1] > 0.95
    with pytest.raises(InvalidArgumentError, match="`max_pool` to be 1 or more, but got 0"):
        ExpectedErrorReduction(0)
    with pytest.raises(InvalidTypeError, match="`max_pool` to be an int"):
        ExpectedErrorReduction(2.5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_half_and_single_precision(dtype):
    p, h = draw(30)
    for heuristic in (ExpectedGradientLength(), ExpectedErrorReduction()):
        expected = heuristic.get_uncertainties(p, embeddings=h)
        got = heuristic.get_uncertainties(p.astype(dtype), embeddings=h.astype(dtype))
        assert got.dtype == np.float64
        np.testing.assert_allclose(got, expected, rtol=40 * np.finfo(dtype).eps)


def test_a_model_that_is_sure_of_everything_has_nothing_to_learn():
    p, h = np.eye(3), np.ones((3, 2))
    for heuristic in (ExpectedGradientLength(), ExpectedErrorReduction()):
        assert heuristic.get_uncertainties(p, embeddings=h).tolist() == [0, 0, 0]
        assert heuristic(p, embeddings=h).tolist() == [0, 1, 2]
