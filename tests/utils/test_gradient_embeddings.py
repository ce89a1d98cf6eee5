import numpy as np
import pytest
import torch
from torch import nn

from baal.exceptions import InvalidArgumentError
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
