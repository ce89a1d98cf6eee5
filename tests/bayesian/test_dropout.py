import copy
import pickle

import pytest
import torch
from scipy import stats
from torch import nn

from baal.bayesian import dropout as mc

FAMILY = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]
INPUTS = {
    "Dropout": (4, 5000),
    "Dropout1d": (10, 2000, 2),
    "Dropout2d": (10, 2000, 2, 2),
    "Dropout3d": (10, 2000, 1, 2, 1),
    "AlphaDropout": (4, 5000),
    "FeatureAlphaDropout": (10, 2000, 2),
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(1234)


@pytest.mark.parametrize("name", FAMILY)
def test_stays_on_in_eval_mode_at_the_binomial_rate(name):
    """Number of dropped units against the binomial law, at a significance of 1e-6."""
    p = 0.3
    layer = mc.patch_module(getattr(nn, name)(p)).eval()
    x = torch.full(INPUTS[name], 3.0)
    out = layer(x)
    kept_value = out.flatten().mode().values
    dropped = out != kept_value
    if dropped.ndim > 2:  # whole channels go together
        channels = dropped.flatten(2)
        assert torch.equal(channels.all(-1), channels.any(-1))
        dropped = channels[..., 0]
    test = stats.binomtest(int(dropped.sum()), dropped.numel(), p)
    assert test.pvalue > 1e-6
    assert not layer.training


@pytest.mark.parametrize("name", FAMILY)
def test_unpatching_gives_back_torchs_layer(name):
    original = getattr(nn, name)(0.25, inplace=True)
    layer = mc.patch_module(original)
    assert layer is original
    assert isinstance(layer, getattr(mc, name))
    assert mc.unpatch_module(layer) is original
    assert type(original) is getattr(nn, name)
    assert (original.p, original.inplace) == (0.25, True)
    x = torch.ones(1, 2, 3, 4, 5)[(0,) * {"Dropout1d": 2, "Dropout2d": 1}.get(name, 0)]
    assert torch.equal(original.eval()(x), x)


def test_patching_keeps_everything_else():
    seen = []
    shared = nn.Dropout(0.4)
    net = nn.Sequential(nn.Linear(2, 2).double(), shared, nn.Sequential(shared), nn.BatchNorm1d(2))
    net[3].eval()
    handle = shared.register_forward_hook(lambda *_: seen.append(1))
    before = {name: id(module) for name, module in net.named_modules()}
    flags = [module.training for module in net.modules()]
    state = copy.deepcopy(net.state_dict())

    for change in (mc.patch_module, mc.patch_module, mc.unpatch_module):
        assert change(net) is net
        assert {name: id(module) for name, module in net.named_modules()} == before
        assert [module.training for module in net.modules()] == flags
        assert list(net.state_dict()) == list(state)
        assert all(torch.equal(net.state_dict()[key], state[key]) for key in state)
    shared(torch.ones(1))
    assert seen == [1]
    handle.remove()
    assert type(shared) is nn.Dropout


def test_patching_a_copy():
    net = nn.Sequential(nn.Dropout(0.5))
    patched = mc.patch_module(net, inplace=False)
    assert type(net[0]) is nn.Dropout
    assert type(patched[0]) is mc.Dropout
    back = mc.unpatch_module(patched, inplace=False)
    assert type(patched[0]) is mc.Dropout
    assert type(back[0]) is nn.Dropout


@pytest.mark.parametrize("change", [mc.patch_module, mc.unpatch_module])
def test_nothing_to_do_warns(change):
    with pytest.warns(UserWarning, match="No layer was modified"):
        change(nn.Sequential(nn.Linear(1, 1)))


def test_a_mode_changed_during_the_pass_by_an_error_is_restored():
    layer = mc.Dropout2d(0.5).eval()
    with pytest.raises(TypeError):
        layer()
    assert not layer.training


def test_mean_and_variance_of_a_linear_layer_in_closed_form():
    """y = sum_i w_i x_i m_i / (1 - p), m Bernoulli: mean w.x, variance p/(1-p) sum (w_i x_i)^2."""
    p, n = 0.4, 200_000
    w = torch.tensor([1.0, -2.0, 0.5, 3.0])
    x = torch.tensor([0.5, 1.0, 2.0, -1.0])
    net = nn.Sequential(nn.Dropout(p), nn.Linear(4, 1, bias=False))
    net[1].weight.data = w[None]
    samples = mc.MCDropoutModule(net).eval()(x.expand(n, 4)).detach()[:, 0].double()
    mean = float(w @ x)
    variance = p / (1 - p) * float(((w * x) ** 2).sum())
    assert float(samples.mean()) == pytest.approx(mean, abs=5 * (variance / n) ** 0.5)
    assert float(samples.var()) == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize("p", [-0.1, 1.5])
def test_a_probability_outside_of_0_and_1(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        mc.Dropout(p)


def test_a_patched_model_can_be_pickled_and_copied():
    net = mc.patch_module(nn.Sequential(nn.Dropout(0.5)))
    assert type(pickle.loads(pickle.dumps(net))[0]) is mc.Dropout
    assert type(copy.deepcopy(net)[0]) is mc.Dropout
