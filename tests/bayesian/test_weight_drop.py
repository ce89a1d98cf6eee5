"""Patching a model for MC-DropConnect, and unpatching it."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from baal.bayesian import consistent_dropout, dropout
from baal.bayesian.sampling import sample_posterior, samples_are_joint
from baal.bayesian.weight_drop import (
    MCDropoutConnectModule,
    WeightDropConv1d,
    WeightDropConv2d,
    WeightDropConv3d,
    WeightDropGRU,
    WeightDropLinear,
    WeightDropLSTM,
    get_weight_drop_module,
    patch_module,
    resample,
    unpatch_module,
)
from baal.exceptions import InvalidArgumentError, InvalidTypeError

ALL = ["Linear", "Conv1d", "Conv2d", "Conv3d", "LSTM", "GRU"]


class MyLinear(nn.Linear):
    """A layer of the user's own; here, that pickle may find it."""

    def forward(self, x):
        return 2 * super().forward(x)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(1234)


def a_net():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1, padding_mode="circular", bias=False),
        nn.ReLU(),
        nn.Dropout2d(0.4),
        nn.Flatten(),
        nn.Linear(64, 8),
        nn.Dropout(0.3),
        nn.Linear(8, 3),
    )


X = torch.linspace(-1, 1, 5 * 64).reshape(5, 1, 8, 8)


def test_patching_keeps_everything_else():
    net = a_net().double()
    net[4].weight.requires_grad_(False)
    net[6].eval()
    seen = []
    net[4].register_forward_hook(lambda *_: seen.append("hook"))
    before, layers = copy.deepcopy(net.state_dict()), list(net)
    parameters, text = dict(net.named_parameters()), repr(net)
    modes = [module.training for module in net.modules()]

    patched = patch_module(net, ["Linear", "Conv2d"], 0.5, seed=0)

    assert patched is net
    assert all(a is b for a, b in zip(net, layers, strict=True))
    assert isinstance(net[0], WeightDropConv2d)
    assert isinstance(net[4], WeightDropLinear)
    assert all(parameter is parameters[name] for name, parameter in net.named_parameters())
    assert [name for name, p in net.named_parameters() if not p.requires_grad] == ["4.weight"]
    assert [module.training for module in net.modules()] == modes
    assert list(net.state_dict()) == list(before)
    assert (net[0].stride, net[0].padding_mode, net[0].bias) == ((2, 2), "circular", None)
    samples = sample_posterior(net, X.double(), 4)
    assert samples.dtype == torch.float64
    assert len(seen) >= 4
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])

    assert unpatch_module(net) is net
    assert repr(net) == text
    assert [type(layer) for layer in net] == [type(layer) for layer in a_net()]
    assert [set(vars(layer)) for layer in net] == [set(vars(layer)) for layer in a_net()]
    assert torch.equal(net.eval()(X.double()), net(X.double()))


def test_plain_dropout_is_off_while_patched_and_patched_dropout_is_not():
    net = patch_module(a_net().train(), ["Linear"], 0.0)
    assert torch.equal(net(X), net(X))
    unpatch_module(net)
    assert (net[2].p, net[5].p) == (0.4, 0.3)
    assert not torch.equal(net(X), net(X))
    both = patch_module(dropout.patch_module(a_net()), ["Linear"], 0.0).eval()
    assert (both[2].p, both[5].p) == (0.4, 0.3)
    assert not torch.equal(both(X), both(X))


def test_patching_twice_and_bit_by_bit():
    net = patch_module(a_net().eval(), ["Linear"], 0.5, seed=0)
    first = sample_posterior(net, X, 4)
    patch_module(net, ["Conv2d", "Linear"], 0.2, seed=0)
    assert [net[i].weight_dropout for i in (0, 4, 6)] == [0.2] * 3
    assert not torch.allclose(sample_posterior(net, X, 4), first)
    unpatch_module(net)
    assert (net[2].p, net[5].p) == (0.4, 0.3)


def test_a_copy_is_patched_where_that_is_wanted():
    net = a_net()
    patched = patch_module(net, ["Linear"], 0.5, inplace=False)
    assert type(net[4]) is nn.Linear
    assert net[5].p == 0.3
    plain = unpatch_module(patched, inplace=False)
    assert type(patched[4]) is WeightDropLinear
    assert type(plain[4]) is nn.Linear


def test_unpatching_what_is_not_patched_warns():
    net = a_net()
    with pytest.warns(UserWarning, match="No layer was modified"):
        assert unpatch_module(net) is net
    with pytest.warns(UserWarning, match="No layer was modified"):
        patch_module(nn.ReLU(), ["Linear"], 0.5)


def test_a_users_own_class_by_its_name():
    net = nn.Sequential(MyLinear(4, 3), nn.Linear(3, 2)).eval()
    x = torch.randn(2, 4)
    patch_module(net, ["MyLinear"], 0.5, seed=0)
    assert isinstance(net[0], MyLinear)
    assert type(net[0]).__name__ == "MyLinear"
    assert type(net[1]) is nn.Linear
    samples = sample_posterior(net[0], x, 40)
    # Its own forward pass runs: twice what the layer of torch gives.
    assert torch.all(samples.std(-1) > 0)
    for duplicate in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(sample_posterior(duplicate, x, 5), sample_posterior(net, x, 5))
        assert isinstance(duplicate[0], MyLinear)
        assert type(unpatch_module(duplicate)[0]) is MyLinear
    unpatch_module(net)
    assert type(net[0]) is MyLinear
    assert torch.equal(net[0](x), 2 * nn.functional.linear(x, net[0].weight, net[0].bias))


@pytest.mark.parametrize("name", ALL)
def test_copies_and_pickles_give_the_same_samples(name):
    sizes = (3, 2, 2) if name.startswith("Conv") else (3, 2)
    layer = patch_module(getattr(nn, name)(*sizes), [name], 0.5, seed=3)
    x = torch.randn(4, 3, *[5] * int(name[4])) if name.startswith("Conv") else torch.randn(4, 3)
    expected = layer.state_dict()
    for duplicate in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(duplicate) is type(layer)
        assert all(torch.equal(duplicate.state_dict()[key], expected[key]) for key in expected)
        ours, theirs = (sample_posterior(net, x, 3, "loop") for net in (layer, duplicate))
        if isinstance(ours, tuple):
            ours, theirs = ours[0], theirs[0]
        assert torch.equal(ours, theirs)


def test_what_cannot_be_dropped_is_an_error_that_lists_what_can():
    parametrized = nn.Linear(3, 3)
    parametrize.register_parametrization(parametrized, "weight", nn.Identity())
    net = nn.Sequential(parametrized, nn.Conv2d(1, 1, 1), nn.MultiheadAttention(4, 2))
    for name in ("ParametrizedLinear", "NonDynamicallyQuantizableLinear", "ReLU", "linear"):
        with pytest.raises(InvalidArgumentError, match=name) as caught:
            patch_module(net, ["Conv2d", name], 0.5)
        assert "['Conv1d', 'Conv2d', 'Conv3d', 'GRU', 'LSTM', 'Linear']" in str(caught.value)
        assert "In this module, ['Conv2d'] can be dropped." in str(caught.value)
    assert type(net[1]) is nn.Conv2d
    with pytest.warns(UserWarning, match="No layer was modified"):
        patch_module(net, ["Linear"], 0.5)
    for layers in ([nn.Linear], [3], ["Linear", None]):
        with pytest.raises(InvalidTypeError, match="names of classes"):
            patch_module(net, layers, 0.5)
    assert type(patch_module(nn.Linear(2, 2), "Linear", 0.5)) is WeightDropLinear


@pytest.mark.parametrize(
    ("p", "error"),
    [(1.0, ValueError), (-0.1, ValueError), (float("nan"), ValueError), ("a", TypeError)],
)
def test_a_wrong_probability_changes_nothing(p, error):
    net = a_net()
    for patch in (patch_module, MCDropoutConnectModule):
        with pytest.raises(error, match="weight_dropout"):
            patch(net, ["Linear"], p)
    with pytest.raises(InvalidArgumentError, match="seed"):
        patch_module(net, ["Linear"], 0.5, seed=-1)
    assert type(net[4]) is nn.Linear
    assert net[5].p == 0.3


def test_seeds_and_resampling():
    net = patch_module(a_net().eval(), ["Linear"], 0.5, seed=1)
    other = patch_module(copy.deepcopy(unpatch_module(net, inplace=False)), ["Linear"], 0.5, seed=1)
    first = sample_posterior(net, X, 6)
    torch.testing.assert_close(sample_posterior(other, X, 6), first)
    resample(net, seed=2)
    assert not torch.allclose(sample_posterior(net, X, 6), first)
    resample(net, seed=1)
    torch.testing.assert_close(sample_posterior(net, X, 6), first)
    model = MCDropoutConnectModule(other, ["Linear"], 0.5, seed=1)
    torch.testing.assert_close(sample_posterior(model, X, 6), first)
    model.resample()
    assert not torch.allclose(sample_posterior(model, X, 6), first)
    model.unpatch()
    with pytest.raises(InvalidArgumentError, match="joint samples"):
        model.resample()


def test_as_a_module():
    net = a_net().eval()
    plain = net(X)
    with MCDropoutConnectModule(net, layers=["Conv2d", "Linear"], weight_dropout=0.5) as model:
        assert not torch.allclose(model(X), model(X))
        samples = sample_posterior(model, X, 8)
        assert samples_are_joint(model)
        assert samples.std(-1).min() > 0
        assert list(model.state_dict()) == list(net.state_dict())
    assert torch.equal(net(X), plain)


def test_a_transformers_fast_path_does_not_go_past_its_linear_layers():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    net = nn.TransformerEncoder(layer, 2).eval()
    x = torch.randn(4, 5, 8)
    padded = torch.zeros(4, 5, dtype=torch.bool)
    padded[1:, 3:] = True
    with torch.no_grad():
        plain = net(x)
        patch_module(net, ["Linear"], 0.5, seed=0)
        assert not torch.allclose(net(x), net(x))
        # Nor is it given nested tensors, of which torch would warn here.
        assert net(x, src_key_padding_mask=padded).shape == x.shape
        loop, vmap = (sample_posterior(net, x, 5, way) for way in ("loop", "vmap"))
        torch.testing.assert_close(loop, vmap)
        assert loop.std(-1).min() > 0
        torch.testing.assert_close(unpatch_module(net)(x), plain)
    assert net.use_nested_tensor
    assert net.layers[0].activation_relu_or_gelu == 1


class _LastStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(3, 2, 2, dropout=0.5, batch_first=True)

    def forward(self, x):
        return self.rnn(x)[0][:, -1]


@pytest.mark.parametrize("mc", [dropout, consistent_dropout])
@pytest.mark.parametrize("connect_first", [True, False])
def test_together_with_dropout_patched_and_unpatched_in_any_order(mc, connect_first):
    net, x = _LastStep().eval(), torch.randn(4, 6, 3)
    plain, layer = net(x), net.rnn
    patch_module(mc.patch_module(net), ["LSTM"], 0.3, seed=0)
    loop, vmap = (sample_posterior(net, x, 5, way) for way in ("loop", "vmap"))
    torch.testing.assert_close(loop, vmap)
    assert samples_are_joint(net)
    both = (unpatch_module, mc.unpatch_module)
    for unpatch in both if connect_first else reversed(both):
        unpatch(net)
    assert net.rnn is layer
    assert type(layer) is nn.LSTM
    assert torch.equal(net(x), plain)


@pytest.mark.parametrize(
    ("name", "kind", "sizes"),
    [
        ("Linear", WeightDropLinear, {"in_features": 3, "out_features": 2}),
        ("Conv1d", WeightDropConv1d, {"in_channels": 3, "out_channels": 2, "kernel_size": 2}),
        ("Conv2d", WeightDropConv2d, {"in_channels": 3, "out_channels": 2, "kernel_size": 2}),
        ("Conv3d", WeightDropConv3d, {"in_channels": 3, "out_channels": 2, "kernel_size": 2}),
        ("LSTM", WeightDropLSTM, {"input_size": 3, "hidden_size": 2}),
        ("GRU", WeightDropGRU, {"input_size": 3, "hidden_size": 2}),
    ],
)
def test_layers_by_name(name, kind, sizes):
    layer = get_weight_drop_module(name, 0.5, **sizes)
    assert type(layer) is kind
    assert layer.weight_dropout == 0.5
    assert {key: getattr(layer, key) for key in sizes if key != "kernel_size"} == {
        key: value for key, value in sizes.items() if key != "kernel_size"
    }


def test_an_unknown_name():
    with pytest.raises(InvalidArgumentError, match="'GRU', 'LSTM', 'Linear'], but got 'RNN'"):
        get_weight_drop_module("RNN", 0.5, input_size=1, hidden_size=1)


def test_training_by_hand_learns_what_patching_left_to_learn():
    net = patch_module(nn.Linear(3, 1), ["Linear"], 0.2, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        x = torch.randn(256, 3)
        y = x @ torch.tensor([[1.0], [-2.0], [0.5]])
        for _ in range(200):
            optimizer.zero_grad()
            (net(x) - y).square().mean().backward()
            optimizer.step()
    mean = sample_posterior(net, x, 200).mean(-1)
    assert float((mean - y).square().mean()) < 0.2 * float(y.square().mean())


def test_layers_that_compute_their_weights_are_told_of():
    layers = nn.Linear(3, 3), nn.Linear(3, 3), nn.Conv1d(3, 3, 1), nn.MultiheadAttention(4, 2)
    net = nn.Sequential(*layers)
    parametrize.register_parametrization(net[0], "weight", nn.Identity())
    parametrize.register_parametrization(net[2], "weight", nn.Identity())
    with pytest.warns(UserWarning, match=r"keep their weights whole.*: \['0'\]\. Remove"):
        patch_module(net, ["Linear"], 0.5)
    assert type(net[1]) is WeightDropLinear


def test_lazy_layers_are_none_that_can_be_dropped():
    net = nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 2))
    with pytest.raises(
        InvalidArgumentError, match=r"\['LazyLinear'\]. In this .* \['Linear'\] can"
    ):
        patch_module(net, ["LazyLinear"], 0.5)
    net(torch.ones(1, 4))
    assert type(patch_module(net, ["Linear"], 0.5)[0]) is WeightDropLinear


def test_a_probability_of_numpy():
    net = patch_module(nn.Linear(3, 2), ["Linear"], np.float32(0.5))
    assert type(net.weight_dropout) is float
