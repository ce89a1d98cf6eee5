import pytest
import torch
from torch import nn

from baal.bayesian import caching_utils as caching
from baal.bayesian.caching_utils import LRUCacheModule, MCCachingModule
from baal.bayesian.dropout import MCDropoutModule, patch_module
from baal.exceptions import InvalidArgumentError
from baal.modelwrapper import mc_inference


class Counted(nn.Linear):
    """Counts how often it is computed."""

    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return LRUCacheModule(Counted(3, 2)).eval()


@pytest.fixture(autouse=True)
def _no_grad():
    with torch.no_grad():
        yield


X = torch.arange(12.0).reshape(4, 3)


def test_the_same_input_is_computed_once(layer):
    first = layer(X)
    assert layer(X) is first
    assert layer(X.clone()) is first
    assert layer.module.calls == 1


def test_another_input_is_computed(layer):
    layer(X)
    torch.testing.assert_close(layer(X + 1), layer.module(X + 1))
    assert not torch.equal(layer(X), layer(X[:2]).repeat(2, 1))
    assert not torch.equal(layer(X), layer(X.double().float() * 2))


def test_an_input_changed_in_place(layer):
    x = X.clone()
    layer(x)
    x.mul_(2)
    torch.testing.assert_close(layer(x), layer.module(x))


def test_an_output_changed_in_place(layer):
    wanted = layer(X).clone()
    layer(X).relu_().add_(5)
    torch.testing.assert_close(layer(X), wanted)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.weight.mul_(2),
        lambda m: m.load_state_dict({k: v + 1 for k, v in m.state_dict().items()}),
        lambda m: setattr(m, "bias", nn.Parameter(m.bias + 1)),
        lambda m: setattr(m.weight, "data", m.weight.data + 1),
        lambda m: m.weight.data.mul_(2),
    ],
)
def test_weights_that_change(layer, change):
    layer(X)
    change(layer.module)
    torch.testing.assert_close(layer(X), layer.module(X))


def test_nothing_is_remembered_in_training_or_where_gradients_are_wanted(layer):
    layer.train()
    layer(X)
    layer(X)
    assert layer.module.calls == 2
    with torch.enable_grad():
        layer.eval()
        assert layer(X).requires_grad
    assert layer(X).requires_grad is False


def test_other_dtypes_are_other_inputs():
    same = LRUCacheModule(nn.Linear(3, 2).double()).eval()
    same(X.double())
    with pytest.raises(RuntimeError):
        same(X)  # equal in value, and yet the layer cannot take it


@pytest.mark.parametrize("size", [0, 2, None])
def test_one_output_is_all_it_remembers(size):
    with pytest.raises(InvalidArgumentError, match=f"`size` to be 1, but got {size}"):
        LRUCacheModule(nn.Linear(1, 1), size=size)


def test_patching_and_unpatching():
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.Sequential(nn.Linear(1, 1))).eval()
    inner, keys = net[2][0], list(net.state_dict())
    for _ in range(2):  # twice patched is once patched
        caching.patch_module(net)
        assert isinstance(net[0], LRUCacheModule)
        assert net[2][0].module is inner
        assert not net[0].training
        assert list(net.state_dict()) == keys
    caching.unpatch_module(net)
    assert net[2][0] is inner
    with pytest.warns(UserWarning, match="No layer was modified"):
        caching.unpatch_module(net)
    with pytest.warns(UserWarning, match="No layer was modified"):
        caching.patch_module(nn.ReLU())


def test_a_root_layer_and_a_copy():
    net = nn.Linear(1, 1).eval()
    patched = caching.patch_module(net, inplace=False)
    assert isinstance(patched, LRUCacheModule)
    assert patched.module is not net
    assert not patched.training
    assert caching.unpatch_module(patched) is patched.module


def test_with_dropout_in_a_loop_the_prefix_is_computed_once():
    torch.manual_seed(0)
    head, tail = Counted(3, 8), Counted(8, 2)
    net = patch_module(nn.Sequential(head, nn.Dropout(0.5), tail))
    model = MCCachingModule(net).eval()
    samples = torch.stack([model(X) for _ in range(6)], -1)
    assert (head.calls, tail.calls) == (1, 6)
    assert not torch.equal(samples[..., 0], samples[..., 1])
    model.unpatch()
    assert net[0] is head


def test_stacked_inputs_are_advised_against():
    model = MCCachingModule(MCDropoutModule(nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5)))).eval()
    with pytest.warns(UserWarning, match="replicate_in_memory=False"):
        stacked = mc_inference(model, X, 5, replicate_in_memory=True)
    looped = mc_inference(model, X, 5, replicate_in_memory=False)
    assert stacked.shape == looped.shape == (4, 2, 5)
    for samples in (stacked, looped):
        assert not torch.equal(samples[..., 0], samples[..., 1])
