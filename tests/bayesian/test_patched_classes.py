"""Layers of classes derived from torch's own, by users and by parametrizations."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from baal.bayesian.dropout import patch_module, unpatch_module
from baal.bayesian.patched_classes import drops, patched_class


class Mine(nn.Dropout):
    """Adds one to what survives."""

    def forward(self, x):
        return super().forward(x) + 1


def test_a_user_s_own_class_keeps_its_forward_pass():
    torch.manual_seed(0)
    layer = Mine(0.5).eval()
    assert patch_module(layer) is layer
    assert isinstance(layer, Mine)
    assert sorted(layer(torch.ones(100)).unique().tolist()) == [1.0, 3.0]
    assert not layer.training
    assert patched_class(Mine) is type(layer)
    unpatch_module(layer)
    assert type(layer) is Mine
    assert layer(torch.ones(3)).tolist() == [2.0] * 3


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_and_pickles_stay_patched(again):
    net = patch_module(nn.Sequential(nn.Linear(2, 2), Mine(0.25))).eval()
    other = again(net)
    assert type(other[1]) is type(net[1])
    assert other[1].p == 0.25
    assert torch.equal(other[0].weight, net[0].weight)
    assert type(unpatch_module(other)[1]) is Mine


@pytest.mark.parametrize("patched_first", [True, False])
def test_a_parametrized_layer(patched_first):
    torch.manual_seed(0)
    layer, x = nn.LSTM(3, 3, 2, dropout=0.5).eval(), torch.ones(4, 2, 3)
    wanted = layer(x)[0]
    if patched_first:
        patch_module(layer)
    parametrizations.weight_norm(layer, "weight_hh_l0")
    if not patched_first:
        patch_module(layer)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    unpatch_module(layer)
    torch.testing.assert_close(layer(x)[0], wanted)
    parametrize.remove_parametrizations(layer, "weight_hh_l0")
    assert type(layer) is nn.LSTM
    torch.testing.assert_close(layer(x)[0], wanted)


def test_what_has_no_dropout_is_not_patched():
    class Other(nn.Linear):
        pass

    assert not drops(Other(1, 1))
    assert not drops(nn.Identity())
    with pytest.raises(KeyError):
        patched_class(Other)
