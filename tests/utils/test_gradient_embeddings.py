import numpy as np
import pytest
import torch
from torch import nn

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.utils.gradient_embeddings import factors_of, gradient_embeddings


@pytest.mark.parametrize("with_labels", [False, True])
def test_the_outer_products_are_the_gradients_that_torch_computes(with_labels):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(9, 5)))
    layer = nn.Linear(5, 3, dtype=torch.float64)
    labels = rng.integers(3, size=9) if with_labels else None
    probabilities = layer(x).softmax(dim=1).detach().numpy()
    before = probabilities.copy()
    residuals, embeddings = gradient_embeddings(probabilities, x.numpy(), labels)
    np.testing.assert_array_equal(probabilities, before)
    for i, item in enumerate(x):
        logits = layer(item[None])
        label = logits.argmax(dim=1) if labels is None else torch.tensor([labels[i]])
        loss = nn.functional.cross_entropy(logits, label)
        weight, bias = torch.autograd.grad(loss, [layer.weight, layer.bias])
        np.testing.assert_allclose(np.outer(residuals[i], embeddings[i]), weight, atol=1e-12)
        np.testing.assert_allclose(residuals[i], bias, atol=1e-12)


def test_factors_are_the_gradient_of_the_last_layer():
    torch.manual_seed(0)
    head, x = nn.Linear(5, 3, bias=False), torch.randn(4, 5)
    factors = factors_of(head(x).detach().numpy(), x.numpy())
    for item in range(4):
        head.zero_grad()
        logits = head(x[item : item + 1])
        nn.functional.cross_entropy(logits, logits.argmax(1)).backward()
        product = np.outer(factors.residuals[item], factors.embeddings[item])
        np.testing.assert_allclose(product, head.weight.grad, rtol=1e-4, atol=1e-6)


def test_factors_of_a_single_output():
    torch.manual_seed(0)
    head, x = nn.Linear(5, 1, bias=False), torch.randn(4, 5)
    factors = factors_of(3 * head(x).detach().numpy(), x.numpy())
    for item in range(4):
        head.zero_grad()
        logit = 3 * head(x[item])
        nn.functional.binary_cross_entropy_with_logits(logit, (logit > 0).float()).backward()
        product = 3 * factors.residuals[item] * factors.embeddings[item]
        np.testing.assert_allclose(product, head.weight.grad[0], rtol=1e-4, atol=1e-6)


def test_factors_of_nothing_and_of_pixels():
    assert len(factors_of(np.zeros((0, 0)), np.zeros((0, 0))).residuals) == 0
    with pytest.raises(InvalidArgumentError, match=r"one output, \[N, C\], .* shape \(2, 3, 4\)"):
        factors_of(np.zeros((2, 3, 4)), np.zeros((2, 5)))


def test_a_single_column_is_a_bernoulli_with_labels_or_without():
    p, x = np.array([[0.25], [0.75], [0.5]]), np.eye(3)
    assert gradient_embeddings(p, x).residuals.tolist() == [[0.25], [-0.25], [0.5]]
    told = gradient_embeddings(p, x, [1, 0, 1]).residuals
    assert told.tolist() == [[-0.75], [0.75], [-0.5]]


@pytest.mark.parametrize(
    ("p", "x", "labels", "message"),
    [
        (np.ones((2, 3, 4)) / 3, np.eye(2), None, r"`probabilities` to be \[N, C\].*\(2, 3, 4\)"),
        (np.ones(2) / 2, np.eye(2), None, r"`probabilities` to be \[N, C\].*\(2,\)"),
        (np.ones((2, 0)), np.eye(2), None, r"`probabilities` to be \[N, C\].*\(2, 0\)"),
        ([[0.5, 0.5], [1.0]], np.eye(2), None, "`probabilities` .* lists of unequal lengths"),
        (np.eye(2), np.ones(2), None, r"`embeddings` to be \[N, D\], but got shape \(2,\)"),
        (np.eye(2), np.eye(3), None, r"each of the 2 `probabilities`, but got shape \(3, 3\)"),
        ([[3.0, -1.0]], [[1.0]], None, "lie in .* got values from -1 to 3 with sums from 2 to 2"),
        ([[0.5, 0.25]], [[1.0]], None, "sum to one .* sums from 0.75 to 0.75"),
        ([[1.5]], [[1.0]], None, "lie in .* got values from 1.5 to 1.5"),
        (np.eye(3), np.eye(3), [0, 1, 5], "classes from 0 to 2, but got values from 0 to 5"),
        (np.eye(3), np.eye(3), [0, 1, -1], "classes from 0 to 2, but got values from -1 to 1"),
        ([[0.5]], [[1.0]], [2], "classes from 0 to 1, but got values from 2 to 2"),
        (np.eye(3), np.eye(3), [0, 1], r"each of the 3 `probabilities`, but got shape \(2,\)"),
    ],
)
def test_what_does_not_fit(p, x, labels, message):
    with pytest.raises(InvalidArgumentError, match=message):
        gradient_embeddings(p, x, labels)


@pytest.mark.parametrize(
    ("p", "x", "labels", "name"),
    [
        ([["a", "b"]], [[1.0]], None, "probabilities"),
        ([[1.0, 0.0]], [[1j]], None, "embeddings"),
        ([[1.0, 0.0]], [[1.0]], [0.5], "labels"),
    ],
)
def test_what_is_no_number(p, x, labels, name):
    with pytest.raises(InvalidTypeError, match=f"`{name}` to hold"):
        gradient_embeddings(p, x, labels)


def test_whole_numbers_and_tensors():
    whole = gradient_embeddings(np.array([[1, 0], [0, 1]]), np.array([[2], [3]]), [1, 1])
    assert whole.residuals.tolist() == [[1, -1], [0, 0]]
    assert (whole.residuals.dtype, whole.embeddings.dtype) == (np.float64, np.float64)
    p = torch.tensor([[0.75, 0.25]], requires_grad=True)
    x = torch.ones(1, 2, dtype=torch.bfloat16)
    factors = gradient_embeddings(p, x, torch.tensor([1]))
    assert factors.residuals.tolist() == [[0.75, -0.75]]
    assert (factors.residuals.dtype, factors.embeddings.dtype) == (np.float32, np.float32)
    assert p.tolist() == [[0.75, 0.25]]
    half = gradient_embeddings(np.array([[0.75, 0.25]], np.float16), np.ones((1, 1)))
    assert half.residuals.dtype == np.float16


def test_broken_items_stay_broken_for_the_heuristic_to_report():
    residuals = gradient_embeddings([[np.nan, 0.5], [0.75, 0.25]], np.eye(2)).residuals
    assert np.isnan(residuals[0]).any()
    assert residuals[1].tolist() == [-0.25, 0.25]


def test_no_items():
    assert gradient_embeddings(np.zeros((0, 3)), np.zeros((0, 2)), []).residuals.shape == (0, 3)
    assert gradient_embeddings(np.zeros((0, 1)), np.zeros((0, 2))).residuals.shape == (0, 1)
