import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from baal.active.heuristics import ExpectedGradientLength
from baal.bayesian import MCConsistentDropoutModule, MCDropoutConnectModule
from baal.bayesian.dropout import patch_module
from baal.exceptions import InvalidArgumentError, StateError
from baal.modelwrapper import ModelWrapper
from baal.training import gradient_lengths as measuring
from baal.training.gradient_lengths import gradient_lengths
from baal.training_args import TrainingArgs


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(6, 5, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        return self.head(self.lstm(x[:, None])[0][:, -1])


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(2, 2, 8, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.encoder(x.reshape(len(x), 3, 2)).flatten(1))


class Branching(nn.Module):
    """Looks at its input's values, which vmap refuses."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(x) if x.sum() > 0 else self.head(2 * x)


class Named(nn.Module):
    """One input by name, one that does not belong to items, and a parameter without use."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 4)
        self.unused = nn.Parameter(torch.ones(2))

    def forward(self, data):
        return self.head(data["x"] * data["scale"])


def convolutional():
    return nn.Sequential(
        nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 4, 2, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Flatten(), nn.Dropout(0.5), nn.LazyLinear(3),
    )  # fmt: skip


def mlp(n_outputs=3):
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, n_outputs))


def by_drop_connect(model):
    return MCDropoutConnectModule(model, layers=["Linear"])


X = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))


def by_autograd(model, items, n_labels, loss=F.cross_entropy):
    """One item and one label after the other, by the loss itself."""
    rows = []
    for item in items:
        row = []
        for label in range(n_labels):
            model.zero_grad()
            loss(model(item), torch.tensor([label])).backward()
            gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
            row.append(float(torch.cat(gradients).norm()))
        rows.append(row)
    model.zero_grad()
    return np.array(rows)


@pytest.mark.parametrize("make", [mlp, convolutional, Recurrent, Attending, Branching])
def test_against_the_loss_item_by_item(make):
    torch.manual_seed(0)
    model = make().double()
    x = X.double()
    model(x)  # a lazy layer learns its size, running averages move
    expected = by_autograd(model.eval(), x.split(1), 3)
    np.testing.assert_allclose(gradient_lengths(model, x), expected, rtol=1e-12)


def test_vmap_and_one_by_one_agree_in_any_portions(monkeypatch):
    torch.manual_seed(0)
    model = mlp()
    expected = by_autograd(model.eval(), X.split(1), 3)
    monkeypatch.setattr(measuring, "_one_by_one", None)
    for most in (1, 2, 7, 1000):
        monkeypatch.setattr(measuring, "_GRADIENTS", most)
        np.testing.assert_allclose(gradient_lengths(model, X), expected, rtol=1e-5)
    monkeypatch.undo()
    monkeypatch.setattr(measuring, "_by_vmap", lambda *_: None)
    np.testing.assert_allclose(gradient_lengths(model, X), expected, rtol=1e-5)


def test_memory_that_runs_out_makes_for_smaller_portions(monkeypatch):
    model, asked = mlp(), []
    expected = gradient_lengths(model, X)
    real = measuring._vmapped

    def cramped(model, weights, data, items_at_once, labels_at_once):
        asked.append(items_at_once * labels_at_once)
        if asked[-1] > 3:
            raise RuntimeError("out of memory")
        return real(model, weights, data, items_at_once, labels_at_once)

    monkeypatch.setattr(measuring, "_vmapped", cramped)
    torch.testing.assert_close(gradient_lengths(model, X), expected)
    assert asked[-1] <= 3
    assert len(asked) > 3
    monkeypatch.setattr(measuring, "_vmapped", lambda *_: [].count(1 // 0))
    torch.testing.assert_close(gradient_lengths(model, X), expected)
    monkeypatch.setattr(measuring, "_vmapped", lambda *_: torch.empty(1 << 60))
    torch.testing.assert_close(gradient_lengths(model, X), expected)


def test_a_single_column_is_the_logit_of_the_second_class():
    model = mlp(1)

    def loss(logits, label):
        return F.binary_cross_entropy_with_logits(logits[:, 0], label.float())

    expected = by_autograd(model.eval(), X.split(1), 2, loss)
    np.testing.assert_allclose(gradient_lengths(model, X), expected, rtol=1e-5)


def test_nested_input_and_frozen_parameters():
    model = Named()
    model.head.bias.requires_grad_(False)
    data = {"x": X, "scale": torch.tensor(2.0)}
    items = [{"x": x, "scale": torch.tensor(2.0)} for x in X.split(1)]
    expected = by_autograd(model, items, 4)
    np.testing.assert_allclose(gradient_lengths(model, data), expected, rtol=1e-5)


@pytest.mark.parametrize("patch", [patch_module, MCConsistentDropoutModule, by_drop_connect])
def test_dropout_is_silent_and_everything_is_put_back(patch):
    torch.manual_seed(0)
    plain = mlp()
    model = patch(mlp())
    model.load_state_dict(plain.state_dict())
    expected = gradient_lengths(plain, X)
    model.train()
    frozen = next(m for m in model.modules() if isinstance(m, nn.Tanh)).eval()
    modes = [m.training for m in model.modules()]
    with torch.no_grad():
        torch.testing.assert_close(gradient_lengths(model, X), expected)
    assert [m.training for m in model.modules()] == modes
    assert not frozen.training
    assert all(p.grad is None for p in model.parameters())


def test_modes_are_put_back_after_an_error_and_it_is_the_models():
    class Broken(nn.Linear):
        def forward(self, x):
            raise ZeroDivisionError("mine")

    model = Broken(6, 3).train()
    with pytest.raises(ZeroDivisionError, match="mine"):
        gradient_lengths(model, X)
    assert model.training


def test_hooks_get_real_tensors():
    seen, model = [], mlp()
    expected = gradient_lengths(model, X)
    model[0].register_forward_hook(lambda *_args: seen.append(_args[2].detach().numpy().copy()))
    torch.testing.assert_close(gradient_lengths(model, X), expected)
    assert {x.shape for x in seen} == {(1, 8)}


def test_what_cannot_be_measured():
    with pytest.raises(InvalidArgumentError, match=r"logits \[B, C\], but got \(1, 3, 2\)"):
        gradient_lengths(nn.Sequential(nn.Linear(6, 6), nn.Unflatten(1, (3, 2))), X)
    with pytest.raises(InvalidArgumentError, match=r"logits \[B, C\], but got tuple"):
        gradient_lengths(nn.GRU(6, 2), X)
    with pytest.raises(StateError, match="parameters that require a gradient"):
        gradient_lengths(nn.Linear(6, 2).requires_grad_(False), X)
    with pytest.raises(InvalidArgumentError, match="at least one item"):
        gradient_lengths(nn.Linear(6, 2), X[:0])


@pytest.mark.parametrize("batch_size", [2, 32])
def test_a_dataset_and_the_heuristic_that_wants_it(batch_size):
    torch.manual_seed(0)
    model = mlp()
    wrapper = ModelWrapper(model, TrainingArgs(batch_size=batch_size, workers=0, use_cuda=False))
    dataset = TensorDataset(X, torch.zeros(5, dtype=torch.long))
    lengths = wrapper.gradient_lengths_on_dataset(dataset, verbose=False)
    assert lengths.dtype == np.float32
    np.testing.assert_allclose(lengths, by_autograd(model.eval(), X.split(1), 3), rtol=1e-5)
    assert wrapper.gradient_lengths_on_dataset(TensorDataset(X[:0]), verbose=False).shape == (0, 2)
    p = wrapper.predict_on_dataset(dataset, 1, verbose=False)
    scores = ExpectedGradientLength(whole_model=True).get_uncertainties(p, gradient_lengths=lengths)
    np.testing.assert_allclose(scores, (softmax(p[..., 0], 1) * lengths).sum(1), rtol=1e-5)
