import warnings

import pytest
import torch
from torch import nn

from baal.bayesian.common import BayesianModule, patch_layers, replace_layers_in_module
from baal.bayesian.dropout import MCDropoutModule


def to_gelu(layer):
    return nn.GELU() if isinstance(layer, nn.ReLU) else None


def test_replaces_at_every_depth_and_says_so():
    net = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU())))
    assert replace_layers_in_module(net, to_gelu) is True
    assert isinstance(net[0], nn.GELU)
    assert isinstance(net[1][1][0], nn.GELU)
    assert replace_layers_in_module(net, to_gelu) is False


def test_the_module_itself_is_not_replaced():
    assert replace_layers_in_module(nn.ReLU(), to_gelu) is False


def test_passes_arguments_on():
    net = nn.Sequential(nn.Linear(2, 2))
    replace_layers_in_module(
        net, lambda layer, width, bias: nn.Linear(width, width, bias=bias), 5, bias=False
    )
    assert net[0].in_features == 5
    assert net[0].bias is None


def test_shared_layers_stay_shared():
    relu = nn.ReLU()
    net = nn.ModuleDict({"a": relu, "b": nn.Sequential(relu), "c": nn.ReLU()})
    replace_layers_in_module(net, to_gelu)
    assert net["a"] is net["b"][0]
    assert net["a"] is not net["c"]


def test_one_layer_under_two_names_of_one_parent():
    relu = nn.ReLU()
    net = nn.Module()
    net.first, net.second = relu, relu
    replace_layers_in_module(net, to_gelu)
    assert isinstance(net.second, nn.GELU)
    assert net.first is net.second


def test_absent_children_and_flags():
    net = nn.Sequential(nn.ReLU(), nn.ReLU())
    net.register_module("nothing", None)
    net[0].eval()
    replace_layers_in_module(net, to_gelu)
    assert (net[0].training, net[1].training) == (False, True)


def test_a_replacement_is_not_searched_again():
    net = nn.Sequential(nn.ReLU())
    replace_layers_in_module(
        net, lambda m: nn.Sequential(nn.ReLU()) if isinstance(m, nn.ReLU) else None
    )
    assert isinstance(net[0][0], nn.ReLU)


def freeze(layer):
    if not isinstance(layer, nn.Linear):
        return False
    layer.requires_grad_(False)
    return True


def test_patching_nothing_warns():
    with pytest.warns(UserWarning, match="No layer was modified by patch_module!") as caught:
        patch_layers(nn.ReLU(), freeze)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_patching_a_copy_leaves_the_original():
    net = nn.Sequential(nn.Linear(1, 1))
    patched = patch_layers(net, freeze, inplace=False)
    assert net[0].weight.requires_grad
    assert not patched[0].weight.requires_grad


def make(*layers):
    return nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5), *layers)


def test_state_dict_has_the_keys_of_the_module():
    plain = make()
    keys = list(plain.state_dict())
    sampler = MCDropoutModule(plain)
    assert list(sampler.state_dict()) == keys
    assert list(nn.ModuleDict({"net": sampler}).state_dict()) == [f"net.{key}" for key in keys]


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("nested", [False, True])
def test_both_forms_of_state_dict_load(prefix, nested):
    wanted = make().state_dict()
    sampler = MCDropoutModule(make())
    target = nn.Sequential(sampler) if nested else sampler
    outer = "0." if nested else ""
    target.load_state_dict({f"{outer}{prefix}{key}": v for key, v in wanted.items()})
    for key, value in sampler.state_dict().items():
        assert torch.equal(value, wanted[key])


def test_a_child_called_module_is_not_mistaken_for_the_prefix():
    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(1))
            self.module = nn.ParameterDict({"weight": nn.Parameter(torch.rand(1))})
            self.drop = nn.Dropout()

    wanted = Inner().state_dict()
    sampler = MCDropoutModule(Inner())
    sampler.load_state_dict(wanted)
    for key, value in sampler.state_dict().items():
        assert torch.equal(value, wanted[key])


def test_strict_loading_still_refuses_strangers():
    with pytest.raises(RuntimeError, match="Unexpected key"):
        MCDropoutModule(make()).load_state_dict({**make().state_dict(), "nope": torch.ones(1)})


def test_context_manager_unpatches_even_after_an_error():
    net = make()
    with pytest.raises(KeyError), MCDropoutModule(net):
        assert type(net[1]) is not nn.Dropout
        raise KeyError
    assert type(net[1]) is nn.Dropout


def test_mode_follows_the_wrapped_module_and_parameters_are_shared():
    net = make().eval()
    sampler = MCDropoutModule(net)
    assert not sampler.training
    assert isinstance(sampler, BayesianModule)
    assert [id(p) for p in sampler.parameters()] == [id(p) for p in net.parameters()]
    assert sampler.unpatch() is net


def test_no_warning_when_something_was_patched():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MCDropoutModule(make()).unpatch()
