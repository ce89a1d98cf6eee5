"""Scripts in the idiom of BaaL 2.1: consistent dropout, DropConnect, ensembles, unchanged."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal import ActiveLearningDataset, ModelWrapper
from baal.active import ActiveLearningLoop
from baal.active.heuristics import BALD
from baal.bayesian import ConsistentDropout, MCDropoutConnectModule
from baal.bayesian.consistent_dropout import ConsistentDropout2d, MCConsistentDropoutModule
from baal.bayesian.consistent_dropout import patch_module as patch_consistent
from baal.bayesian.consistent_dropout import unpatch_module as unpatch_consistent
from baal.bayesian.weight_drop import (
    WeightDropConv2d,
    WeightDropLinear,
    get_weight_drop_module,
    patch_module,
    unpatch_module,
)
from baal.ensemble import EnsembleModelWrapper, ensemble_prediction
from baal.modelwrapper import TrainingArgs


@pytest.fixture
def blobs():
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(3, (90,), generator=generator)
    x = torch.randn(90, 4, generator=generator) + 3 * nn.functional.one_hot(y, 4)
    torch.manual_seed(0)
    return TensorDataset(x[:60], y[:60]), TensorDataset(x[60:], y[60:])


class DummyModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, kernel_size=10)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout()
        self.linear = nn.Linear(8, 1)

    def forward(self, x):
        x = self.relu(self.conv(x)).flatten(1)
        return self.linear(self.dropout(x))


def test_drop_connect_on_a_module():
    torch.manual_seed(0)
    model = DummyModel()
    plain = deepcopy(model).eval()
    x = torch.randn(2, 3, 10, 10)
    mc_module = MCDropoutConnectModule(
        model, layers=["Conv2d", "Linear", "LSTM", "GRU"], weight_dropout=0.5
    )
    assert any(isinstance(module, WeightDropConv2d) for module in mc_module.modules())
    assert any(isinstance(module, WeightDropLinear) for module in mc_module.modules())
    mc_module.eval()
    assert not torch.allclose(mc_module(x), mc_module(x))
    assert list(mc_module.state_dict()) == list(plain.state_dict())
    unpatched = mc_module.unpatch()
    assert not any(isinstance(m, WeightDropLinear | WeightDropConv2d) for m in unpatched.modules())
    assert torch.equal(unpatched.eval()(x), plain(x))


@pytest.mark.parametrize("inplace", [True, False])
@pytest.mark.parametrize("layers", [["Linear"], ["Linear", "Conv2d", "LSTM", "GRU"]])
def test_drop_connect_by_patching(inplace, layers):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 5), nn.ReLU(), nn.Linear(5, 2)).eval()
    x = torch.randn(10, 10)
    patched = patch_module(model, layers, weight_dropout=0.2, inplace=inplace)
    assert (patched is model) == inplace
    assert not all(torch.allclose(patched(x), patched(x)) for _ in range(10))
    unpatched = unpatch_module(patched, inplace=inplace)
    assert torch.equal(unpatched(x), unpatched(x))


def test_drop_connect_without_such_layers():
    with pytest.warns(UserWarning, match="No layer was modified by patch_module!"):
        MCDropoutConnectModule(nn.Sequential(nn.ReLU()), layers=["Linear"], weight_dropout=0.5)


def test_drop_connect_layers():
    layer = WeightDropLinear(weight_dropout=0.3, in_features=10, out_features=4)
    assert layer(torch.ones(2, 10)).shape == (2, 4)
    layer = WeightDropConv2d(weight_dropout=0.3, in_channels=3, out_channels=4, kernel_size=3)
    assert layer(torch.ones(2, 3, 5, 5)).shape == (2, 4, 3, 3)
    layer = get_weight_drop_module("Linear", 0.5, in_features=10, out_features=4)
    assert isinstance(layer, WeightDropLinear)
    lstm = get_weight_drop_module("LSTM", 0.5, input_size=4, hidden_size=3, batch_first=True)
    out, _ = lstm(torch.ones(2, 5, 4))
    assert out.shape == (2, 5, 3)


def test_drop_connect_in_the_loop(blobs):
    train, test = blobs
    active_set = ActiveLearningDataset(train, random_state=1337)
    active_set.label_randomly(20)
    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))
    model = MCDropoutConnectModule(model, layers=["Linear"], weight_dropout=0.3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    args = TrainingArgs(
        optimizer=optimizer, criterion=nn.CrossEntropyLoss(), epoch=15, batch_size=8, workers=0,
        use_cuda=False, replicate_in_memory=False,
    )  # fmt: skip
    wrapper = ModelWrapper(model, args)
    loop = ActiveLearningLoop(
        active_set, wrapper.predict_on_dataset, heuristic=BALD(), query_size=10, iterations=10,
        verbose=False,
    )  # fmt: skip
    for _ in range(2):
        history = wrapper.train_on_dataset(active_set)
        assert history[-1] < history[0]
        assert loop.step()
    assert len(active_set) == 40
    predictions = wrapper.predict_on_dataset(test, iterations=10, verbose=False)
    labels = np.array([int(y) for _, y in test])
    assert (predictions.mean(-1).argmax(1) == labels).mean() > 0.8
    assert predictions.std(-1).min() > 0


def test_consistent_dropout_by_hand():
    torch.manual_seed(0)
    for layer, x in (
        (ConsistentDropout(p=0.5), torch.rand(8, 100)),
        (ConsistentDropout2d(p=0.5), torch.rand(8, 100, 3, 3)),
    ):
        layer.train()
        assert not torch.allclose(layer(x), layer(x))
        layer.eval()
        first = layer(x)
        assert torch.allclose(first, layer(x))
        layer.eval()
        second = layer(x)
        assert not torch.allclose(first, second)
        layer.reset()
        assert not torch.allclose(second, layer(x))


@pytest.mark.parametrize("inplace", [True, False])
def test_consistent_dropout_by_patching(inplace):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 50), nn.ReLU(), nn.Dropout(0.5), nn.Linear(50, 2))
    x = torch.randn(6, 10)
    patched = patch_consistent(model, inplace=inplace).eval()
    assert (patched is model) == inplace
    assert any(isinstance(module, ConsistentDropout) for module in patched.modules())
    assert torch.allclose(patched(x), patched(x))
    assert not torch.allclose(patched(x), patched.eval()(x))
    unpatched = unpatch_consistent(patched, inplace=inplace)
    assert not any(isinstance(module, ConsistentDropout) for module in unpatched.modules())


def test_consistent_dropout_in_the_wrapper(blobs):
    train, _ = blobs
    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 3))
    model = MCConsistentDropoutModule(model)
    wrapper = ModelWrapper(model, TrainingArgs(workers=0, use_cuda=False, batch_size=7))
    first = wrapper.predict_on_dataset(train, iterations=12, verbose=False)
    assert first.shape == (60, 3, 12)
    assert first.std(-1).min() > 0
    assert np.allclose(first, wrapper.predict_on_dataset(train, 12, verbose=False), atol=1e-5)


def test_an_ensemble_in_a_training_loop(blobs):
    train, test = blobs
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    args = TrainingArgs(
        optimizer=optimizer, criterion=nn.CrossEntropyLoss(), epoch=10, batch_size=8, workers=0,
        use_cuda=False,
    )  # fmt: skip
    wrapper = EnsembleModelWrapper(model, args)
    with pytest.raises(ValueError):
        wrapper.predict_on_dataset(test, iterations=1, verbose=False)
    for _ in range(2):
        wrapper.clear_checkpoints()
        for _ in range(3):
            wrapper.reset_all()
            wrapper.train_on_dataset(train)
            wrapper.add_checkpoint()
        predictions = wrapper.predict_on_dataset(test, iterations=20, verbose=False)
        assert predictions.shape == (30, 3, 3)
    labels = np.array([int(y) for _, y in test])
    assert (predictions.mean(-1).argmax(1) == labels).mean() > 0.8
    assert wrapper.test_on_dataset(test) < 0.7
    assert wrapper.predict_on_batch(test[0][0][None], iterations=1, cuda=False).shape == (1, 3, 3)


def test_ensemble_prediction():
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    weights = [nn.Linear(4, 2).state_dict() for _ in range(5)]
    x = torch.randn(3, 4)
    out = ensemble_prediction(x, model, weights=weights, cuda=False)
    expected = [nn.functional.linear(x, w["weight"], w["bias"]) for w in weights]
    assert torch.allclose(out, torch.stack(expected, -1), atol=1e-6)
