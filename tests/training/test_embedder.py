import numpy as np
import pytest
import torch
from torch import nn

from baal.bayesian.dropout import patch_module
from baal.exceptions import InvalidArgumentError
from baal.modelwrapper import ModelWrapper, TrainingArgs
from baal.utils.gradient_embeddings import factors_of


def wrapper(model=None, **arguments):
    torch.manual_seed(0)
    model = model or nn.Sequential(
        nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2)
    )
    return ModelWrapper(patch_module(model), TrainingArgs(workers=0, batch_size=4, **arguments))


X = torch.randn(10, 3, generator=torch.Generator().manual_seed(1))


def test_all_items_in_their_order():
    wrapped = wrapper()
    plain = nn.Sequential(*[layer for n, layer in enumerate(wrapped.model) if n != 2])
    got = wrapped.embed_on_dataset(list(X), verbose=False)
    np.testing.assert_allclose(got, plain[:4](X).detach().numpy(), rtol=1e-5, atol=1e-7)
    named = wrapped.embed_on_dataset([(x, 0) for x in X], layer="0", verbose=False)
    np.testing.assert_allclose(named, plain[0](X).detach().numpy(), rtol=1e-5, atol=1e-7)
    assert got.dtype == np.float32
    again = wrapped.embed_on_dataset(list(X), verbose=False)
    np.testing.assert_array_equal(again, got)
    assert np.ptp(wrapped.predict_on_dataset(list(X), 5, verbose=False), axis=-1).max() > 0


def test_gradients_of_the_last_layer():
    wrapped = wrapper()
    factors = wrapped.gradient_embed_on_dataset(list(X), verbose=False)
    embeddings = wrapped.embed_on_dataset(list(X), verbose=False)
    np.testing.assert_array_equal(factors.embeddings, embeddings)
    logits = wrapped.model[-1](torch.tensor(embeddings)).detach().numpy()
    np.testing.assert_allclose(
        factors.residuals, factors_of(logits, embeddings).residuals, rtol=1e-5, atol=1e-6
    )


def test_an_empty_dataset():
    assert wrapper().embed_on_dataset([], verbose=False).shape == (0, 0)
    assert len(wrapper().gradient_embed_on_dataset([], verbose=False).embeddings) == 0


def test_dict_batches_and_autocast():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, batch):
            return self.head(batch["x"])

    wrapped = ModelWrapper(Model(), TrainingArgs(workers=0, autocast=torch.bfloat16))
    items = [{"x": x, "label": 0} for x in X]
    got = wrapped.embed_on_dataset(items, verbose=False)
    np.testing.assert_allclose(got, X.numpy(), rtol=1e-2)
    factors = wrapped.gradient_embed_on_dataset(items, verbose=False)
    np.testing.assert_allclose(factors.residuals.sum(axis=1), 0, atol=1e-2)


def test_several_outputs_have_no_one_gradient():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, x):
            return self.head(x), x

    wrapped = ModelWrapper(Two(), TrainingArgs(workers=0))
    assert wrapped.embed_on_dataset(list(X), verbose=False).shape == (10, 3)
    with pytest.raises(InvalidArgumentError, match=r"one output, \[B, C\], .* but got tuple"):
        wrapped.gradient_embed_on_dataset(list(X), verbose=False)
