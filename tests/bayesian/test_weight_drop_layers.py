"""Layers whose weights are dropped, against torch's own layers with weights masked by hand."""

import copy

import pytest
import torch
from scipy import stats
from torch import nn

from baal.bayesian.joint import joint_of
from baal.bayesian.sampling import sample_posterior, samples_are_joint
from baal.bayesian.sampling.keyed import keep_mask
from baal.bayesian.weight_drop import patch_module, unpatch_module
from baal.bayesian.weight_drop_layers import (
    FIRST_CALL,
    WEIGHT_DROP_LAYERS,
    WeightDropConv2d,
    WeightDropGRU,
    WeightDropLinear,
    WeightDropLSTM,
    check_weight_dropout,
    names_of_dropped,
)
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError

P = 0.3
ALPHA = 1e-6
CONV = {"stride": 2, "groups": 2, "dilation": 2, "padding": 1, "padding_mode": "circular"}


class LastStep(nn.Module):
    """A recurrent layer whose output has the items first, whatever the layer likes."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        if self.layer.batch_first:
            return self.layer(x)[0][:, -1]
        return self.layer(x.transpose(0, 1))[0][-1]


CASES = {
    "linear": (lambda: nn.Linear(7, 5), (6, 7)),
    "linear on more axes, no bias": (lambda: nn.Linear(7, 5, bias=False), (6, 3, 7)),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, **CONV), (6, 4, 11)),
    "conv2d": (lambda: nn.Conv2d(4, 6, 3, **CONV), (6, 4, 9, 8)),
    "conv2d, no bias": (lambda: nn.Conv2d(2, 3, (1, 3), bias=False, padding="same"), (6, 2, 4, 5)),
    "conv3d": (lambda: nn.Conv3d(2, 4, 2, **{**CONV, "padding": 2}), (6, 2, 4, 5, 4)),
    "lstm": (lambda: LastStep(nn.LSTM(3, 4, batch_first=True)), (6, 5, 3)),
    "lstm, deep": (
        lambda: LastStep(nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2, batch_first=True)),
        (6, 5, 3),
    ),
    "gru, deep": (lambda: LastStep(nn.GRU(3, 4, 2, bidirectional=True, bias=False)), (6, 5, 3)),
}
NAMES = [kind.__name__ for kind in WEIGHT_DROP_LAYERS]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(1234)


def a_case(name, dtype=torch.float32):
    make, shape = CASES[name]
    net, x = make().eval().to(dtype), torch.randn(shape, dtype=dtype)
    return patch_module(net, NAMES, P, seed=7), x


def by_hand(net, x, number):
    """Sample `number`, by torch's own layers with the weights multiplied by `mask / (1 - p)`."""
    plain = unpatch_module(copy.deepcopy(net))
    for dropping, layer in zip(net.modules(), plain.modules(), strict=True):
        joint = joint_of(dropping)
        if joint is None:
            continue
        for call, name in enumerate(names_of_dropped(dropping)):
            weight = getattr(layer, name)
            key = (joint.seed, joint.number, FIRST_CALL + call, number, P, weight.numel())
            mask = torch.from_numpy(keep_mask(*key)).view(weight.shape)
            weight.data = weight.data * mask / (1 - P)
    with torch.no_grad():
        return plain(x)


@pytest.mark.parametrize("way", ["loop", "vmap", "auto"])
@pytest.mark.parametrize("name", CASES)
def test_sample_k_is_the_layer_with_a_masked_weight(name, way):
    net, x = a_case(name)
    samples = sample_posterior(net, x, 6, way)
    expected = torch.stack([by_hand(net, x, k) for k in range(6)], -1)
    torch.testing.assert_close(samples, expected, rtol=1e-4, atol=1e-5)
    assert (samples.std(-1) > 1e-4).float().mean() > 0.9
    assert samples_are_joint(net)


@pytest.mark.parametrize("name", ["linear", "conv2d", "lstm, deep", "gru, deep"])
def test_neither_batch_nor_number_of_samples_makes_a_difference(name):
    net, x = a_case(name, torch.float64)
    whole = sample_posterior(net, x, 9, "loop")
    for way in ("auto", "loop", "vmap"):
        for sizes in ([1, 5], [2, 2, 2], [6]):
            parts = [sample_posterior(net, part, 9, way) for part in x.split(sizes)]
            torch.testing.assert_close(torch.cat(parts), whole)
        for k in (1, 2, 4):
            torch.testing.assert_close(sample_posterior(net, x, k, way), whole[..., :k])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["linear", "conv1d"])
def test_the_layers_dtype(name, dtype):
    net, x = a_case(name, dtype)
    samples = sample_posterior(net, x, 4)
    assert samples.dtype == net(x).dtype == dtype
    exact = net.to(torch.float64)
    expected = torch.stack([by_hand(exact, x.double(), k) for k in range(4)], -1)
    slack = 20 * torch.finfo(dtype).eps
    torch.testing.assert_close(samples.double(), expected, rtol=slack, atol=slack)


def test_stacking_is_refused_and_never_chosen():
    net, x = a_case("linear")
    with pytest.raises(StateError, match="another way than 'stack'"):
        sample_posterior(net, x, 5, "stack")
    # All is random here, where stacking would be the first choice for dropout.
    torch.testing.assert_close(sample_posterior(net, x, 5), sample_posterior(net, x, 5, "loop"))


def kept_by(layer):
    """Which weights a linear layer kept, read from what it makes of the identity."""
    with torch.no_grad():
        out = layer(torch.eye(layer.in_features, dtype=torch.float64)) - layer.bias
    factor = (out / layer.weight.T).T
    kept = factor > 0.5
    torch.testing.assert_close(factor[kept], torch.full_like(factor[kept], 1 / (1 - P)))
    torch.testing.assert_close(factor[~kept], torch.zeros_like(factor[~kept]))
    return kept


@pytest.mark.parametrize("training", [True, False])
def test_called_by_hand_each_call_draws(training):
    layer = WeightDropLinear(P, 40, 50, dtype=torch.float64).train(training)
    first, second = kept_by(layer), kept_by(layer)
    dropped = 4000 - int(first.sum()) - int(second.sum())
    assert stats.binomtest(dropped, 4000, P).pvalue > ALPHA
    both = int((first & second).sum())
    assert stats.binomtest(both, 2000, (1 - P) ** 2).pvalue > ALPHA


@pytest.mark.parametrize("name", CASES)
def test_called_by_hand_another_mask_each_time(name):
    net, x = a_case(name)
    for mode in (True, False):
        net.train(mode)
        assert not torch.allclose(net(x), net(x))


def test_each_weight_is_dropped_with_probability_p_on_its_own():
    """Chi-square over the samples: for each weight, for pairs of weights, and between layers."""
    k, n = 2000, 12
    net = patch_module(nn.ModuleList([nn.Linear(3, 4), nn.Linear(3, 4)]), ["Linear"], P, seed=5)

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = net

        def forward(self, x):
            return [layer(x) - layer.bias for layer in self.layers]

    outputs = sample_posterior(Both(), torch.eye(3), k, "loop")  # [3, 4, K] each
    dropped = torch.cat([(out == 0).reshape(n, k) for out in outputs]).double()
    counts = dropped.sum(1)
    chi = ((counts - k * P) ** 2 / (k * P * (1 - P))).sum()
    assert stats.chi2(2 * n).sf(float(chi)) > ALPHA
    assert stats.chi2(2 * n).cdf(float(chi)) > ALPHA
    z = (dropped - P) / (P * (1 - P)) ** 0.5
    correlations = (z @ z.T / k**0.5)[tuple(torch.triu_indices(2 * n, 2 * n, 1))]
    assert stats.chi2(len(correlations)).sf(float((correlations**2).sum())) > ALPHA
    assert float(correlations.abs().max()) < 6
    # Neither does a sample know of the one before it.
    lagged = (z[:, 1:] * z[:, :-1]).sum(1) / k**0.5
    assert float(lagged.abs().max()) < 6


def test_a_run_takes_nothing_from_the_global_generator():
    net, x = a_case("conv2d")
    before = torch.get_rng_state()
    first = sample_posterior(net, x, 5)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(sample_posterior(net, x, 5), first)


@pytest.mark.parametrize("name", ["linear", "conv3d", "lstm, deep", "gru, deep"])
def test_training_reaches_the_weights_and_leaves_them_in_place(name):
    net, x = a_case(name)
    net.train()
    parameters = dict(net.named_parameters())
    net(x).square().sum().backward()
    for key, parameter in net.named_parameters():
        assert parameter is parameters[key]
        assert isinstance(parameter, nn.Parameter)
        assert parameter.grad is not None
        share = float((parameter.grad == 0).float().mean())
        # What was dropped has no part in the output; projections and biases are not.
        assert share > 0 or "bias" in key or "weight_hr" in key
        # The way back of the top layer has come no further than its first step.
        assert share < 1 or key.endswith("hh_l1_reverse")
    layer = getattr(net, "layer", net)
    if isinstance(layer, nn.RNNBase):
        own = [getattr(layer, key) for key in layer._flat_weights_names]
        assert all(a is b for a, b in zip(layer._flat_weights, own, strict=True))


def test_the_gradient_is_that_of_the_masked_weight():
    layer = WeightDropLinear(P, 4, 3)
    x = torch.randn(5, 4)
    torch.manual_seed(3)
    mask = torch.rand(3, 4) >= P
    torch.manual_seed(3)
    layer(x).sum().backward()
    expected = x.sum(0).expand(3, 4) * mask / (1 - P)
    torch.testing.assert_close(layer.weight.grad, expected)
    torch.testing.assert_close(layer.bias.grad, torch.full((3,), 5.0))


def test_weights_are_back_after_an_error():
    for layer in (WeightDropLinear(P, 3, 2), WeightDropLSTM(P, 3, 2), WeightDropGRU(P, 3, 2)):
        before = dict(layer.named_parameters())
        with pytest.raises(RuntimeError):
            layer(torch.ones(4, 5))
        assert all(layer._parameters[name] is before[name] for name in before)
        if isinstance(layer, nn.RNNBase):
            assert layer._flat_weights[0] is before["weight_ih_l0"]


def test_without_probability_it_is_torchs_layer():
    layer = WeightDropConv2d(in_channels=2, out_channels=3, kernel_size=2)
    x = torch.randn(2, 2, 4, 4)
    assert layer.weight_dropout == 0
    assert torch.equal(layer(x), nn.functional.conv2d(x, layer.weight, layer.bias))
    assert repr(layer).endswith("stride=(1, 1), weight_dropout=0.0)")


def test_a_seed_makes_the_samples():
    x = torch.randn(3, 8)
    torch.manual_seed(0)
    first = WeightDropLinear(P, 8, 8, seed=1)
    second, third = copy.deepcopy(first), WeightDropLinear(P, 8, 8, seed=2)
    third.load_state_dict(first.state_dict())
    samples = [sample_posterior(layer, x, 4) for layer in (first, second, third)]
    assert torch.equal(samples[0], samples[1])
    assert not torch.allclose(samples[0], samples[2])


def test_more_recurrent_weights_than_a_layer_has():
    layer = nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2)
    weights = [name for name, _ in layer.named_parameters() if name.startswith("weight_")]
    assert names_of_dropped(layer) == [name for name in weights if "weight_hr" not in name]
    assert len(names_of_dropped(layer)) == 8


@pytest.mark.parametrize("p", [1.0, -0.1, float("nan"), 2, float("inf")])
def test_no_probability(p):
    with pytest.raises(InvalidArgumentError, match=r"in \[0, 1\)"):
        check_weight_dropout(p)
    with pytest.raises(ValueError, match="weight_dropout"):
        WeightDropLinear(p, 3, 2)


@pytest.mark.parametrize("p", ["a", True, None, [0.5]])
def test_no_number(p):
    with pytest.raises(InvalidTypeError, match=r"number in \[0, 1\)"):
        WeightDropLinear(p, 3, 2)


def test_a_recurrent_layer_does_not_gather_its_weights_anew_at_each_call(monkeypatch):
    layer = WeightDropLSTM(P, 3, 2, batch_first=True)
    gathered = []
    monkeypatch.setattr(layer, "_init_flat_weights", lambda: gathered.append(1))
    layer(torch.ones(4, 5, 3))
    sample_posterior(layer, torch.ones(4, 5, 3), 3, "vmap")
    with torch.no_grad():
        torch.nn.LSTM.forward(layer, torch.ones(4, 5, 3))
    assert gathered == []
