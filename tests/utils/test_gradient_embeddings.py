import numpy as np
import pytest
import torch

from baal.utils.gradient_embeddings import gradient_embeddings


@pytest.mark.parametrize("with_labels", [False, True])
def test_the_outer_products_are_the_gradients_that_torch_computes(with_labels):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(9, 5)))
    layer = torch.nn.Linear(5, 3, dtype=torch.float64)
    labels = rng.integers(3, size=9) if with_labels else None
    probabilities = layer(x).softmax(dim=1).detach().numpy()
    before = probabilities.copy()
    residuals, embeddings = gradient_embeddings(probabilities, x.numpy(), labels)
    np.testing.assert_array_equal(probabilities, before)
    for i, item in enumerate(x):
        logits = layer(item[None])
        label = logits.argmax(dim=1) if labels is None else torch.tensor([labels[i]])
        loss = torch.nn.functional.cross_entropy(logits, label)
        weight, bias = torch.autograd.grad(loss, [layer.weight, layer.bias])
        np.testing.assert_allclose(np.outer(residuals[i], embeddings[i]), weight, atol=1e-12)
        np.testing.assert_allclose(residuals[i], bias, atol=1e-12)
