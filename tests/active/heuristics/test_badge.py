import numpy as np
import pytest
import torch

from baal.active.heuristics import BADGE, functional, get_heuristic, gradient_embeddings


def draw_gradients(n=60, c=4, d=6, seed=0):
    rng = np.random.default_rng(seed)
    return gradient_embeddings(rng.dirichlet(np.ones(c), size=n), rng.normal(size=(n, d)))


def test_the_batch_comes_first_and_the_rest_by_distance():
    given = draw_gradients()
    expected = functional.k_means_plus_plus(*given, 9, np.random.default_rng(5))
    ranks, scores = BADGE(9, seed=5).get_ranks(gradient_embeddings=given)
    assert ranks[:9].tolist() == expected[0].tolist()
    np.testing.assert_array_equal(scores[ranks[:9]], expected[1])
    np.testing.assert_array_equal(scores[ranks[9:]], np.sort(expected[2][ranks[9:]])[::-1])


def test_distances_are_those_of_the_gradients_that_torch_computes():
    x = torch.randn(12, 5, generator=torch.manual_seed(0), dtype=torch.float64)
    layer = torch.nn.Linear(5, 3, bias=False, dtype=torch.float64)
    gradients = []
    for item in x:
        logits = layer(item[None])
        loss = torch.nn.functional.cross_entropy(logits, logits.argmax(dim=1))
        gradients.append(torch.autograd.grad(loss, layer.weight)[0].flatten())
    distances = torch.cdist(torch.stack(gradients), torch.stack(gradients))
    p = layer(x).softmax(dim=1).detach()
    ranks, scores = BADGE(1, seed=0).get_ranks(
        gradient_embeddings=gradient_embeddings(p.numpy(), x.numpy())
    )
    first = ranks[0]
    assert first == torch.stack(gradients).norm(dim=1).argmax()
    others = np.delete(np.arange(12), first)
    np.testing.assert_allclose(scores[others], distances[first, others], rtol=1e-9)
    assert scores[first] == pytest.approx(float(torch.stack(gradients).norm(dim=1).max()))


def test_labelled_items_have_no_say_and_predictions_are_not_read():
    given = draw_gradients()
    expected = BADGE(5, seed=1)(gradient_embeddings=given)
    got = BADGE(5, seed=1)(
        np.zeros(60), gradient_embeddings=given, labelled_embeddings="read by nobody"
    )
    assert got.tolist() == expected.tolist()


def test_seeds():
    given = draw_gradients()
    heuristic = BADGE(10, seed=1)
    first = heuristic(gradient_embeddings=given).tolist()
    assert BADGE(10, seed=1)(gradient_embeddings=given).tolist() == first
    assert heuristic(gradient_embeddings=given).tolist() != first
    np.random.seed(3)
    first = BADGE(10)(gradient_embeddings=given).tolist()
    np.random.seed(3)
    assert BADGE(10)(gradient_embeddings=given).tolist() == first


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_dtypes(dtype):
    r, h = (part.astype(dtype) for part in draw_gradients())
    expected = BADGE(8, seed=0).get_ranks(
        gradient_embeddings=(r.astype(np.float64), h.astype(np.float64))
    )
    for given in ((r, h), (r.astype(np.float64), h), (torch.tensor(r), torch.tensor(h))):
        ranks, scores = BADGE(8, seed=0).get_ranks(gradient_embeddings=given)
        assert ranks[:8].tolist() == expected[0][:8].tolist()
        np.testing.assert_allclose(scores, expected[1], rtol=1e-4, atol=1e-6)


def test_broken_items_are_left_out():
    r, h = draw_gradients()
    r[4, 0], h[9, 2] = np.nan, np.inf
    with pytest.warns(RuntimeWarning, match="got 2 of 60 that are not"):
        ranks, scores = BADGE(100, seed=0).get_ranks(gradient_embeddings=(r, h))
    assert ranks[-2:].tolist() == [4, 9]
    assert np.isnan(scores[[4, 9]]).all()


def test_by_name():
    assert get_heuristic("badge", query_size=3).query_size == 3
