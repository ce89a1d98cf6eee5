"""Seeds of layers: given, renewed, refused."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from baal.bayesian import joint as joint_module
from baal.bayesian.consistent_dropout import patch_module
from baal.bayesian.joint import (
    Joint,
    check_batch_axis,
    draw_seed,
    forget_joint,
    forget_joint_functions,
    functional_joint,
    is_joint,
    joint_of,
    make_functions_joint,
    make_joint,
    resample,
)
from baal.bayesian.sampling import sample_posterior
from baal.exceptions import InvalidArgumentError, InvalidTypeError


def test_a_seed_that_is_given_is_kept():
    assert [draw_seed(seed) for seed in (0, 7, np.int64(5), 2**70)] == [0, 7, 5, 2**70]
    assert type(draw_seed(np.int64(5))) is int


def test_a_seed_that_is_not_comes_from_torch():
    torch.manual_seed(1)
    first = [draw_seed(None), draw_seed(None)]
    torch.manual_seed(1)
    assert [draw_seed(None), draw_seed(None)] == first
    assert first[0] != first[1]
    assert all(0 <= seed < 2**62 for seed in first)


@pytest.mark.parametrize("seed", ["a", True, 1.0, np.float32(2), [1]])
def test_a_seed_of_another_kind(seed):
    with pytest.raises(InvalidTypeError, match="Expected `seed` to be an int or None, but got"):
        draw_seed(seed)


def test_a_negative_seed():
    with pytest.raises(InvalidArgumentError, match="Expected `seed` to be at least 0, but got -1"):
        draw_seed(-1)


def test_batch_axes():
    assert [check_batch_axis(axis) for axis in (None, 0, -2, np.int64(1))] == [None, 0, -2, 1]
    for axis in ("x", True, 1.0):
        with pytest.raises(InvalidTypeError, match="Expected `batch_axis` to be an int or None"):
            check_batch_axis(axis)


def test_layers_are_numbered_in_order():
    layers = [nn.Dropout(), nn.Dropout2d()]
    make_joint(layers, 5, batch_axis=1)
    assert [joint_of(layer) for layer in layers] == [Joint(5, 0, 1), Joint(5, 1, 1)]


@pytest.mark.parametrize(("seed", "axis"), [(-1, None), ("a", None), (0, "x")])
def test_nothing_changes_before_an_error(seed, axis):
    layer = nn.Dropout()
    with pytest.raises((InvalidArgumentError, InvalidTypeError)):
        make_joint([layer], seed, axis)
    assert not is_joint(layer)


def test_layers_and_functions_are_forgotten_apart():
    net = nn.Sequential(nn.Dropout(), nn.Linear(1, 1))
    keys = [set(vars(m)) for m in net.modules()]
    make_joint([net[0]], 0)
    make_functions_joint(net, Joint(0, 1))
    assert [is_joint(m) for m in net.modules()] == [True] * 3
    assert functional_joint(nn.Sequential(nn.ReLU(), net)) == Joint(0, 1)
    forget_joint_functions(net)
    assert functional_joint(net) is None
    assert [is_joint(m) for m in net.modules()] == [False, True, False]
    forget_joint(net[0])
    forget_joint(net[1])
    assert [set(vars(m)) for m in net.modules()] == keys


def test_copies_have_the_same_seed():
    layer = nn.Dropout()
    make_joint([layer], 3)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert joint_of(twin) == Joint(3, 0)
    assert list(layer.state_dict()) == []


def test_resampling_numbers_layers_anew():
    parts = nn.Sequential(*[patch_module(nn.Dropout(), seed=1) for _ in range(3)])
    before = sample_posterior(parts[0], torch.ones(1, 500), 1)
    assert torch.equal(before, sample_posterior(parts[1], torch.ones(1, 500), 1))
    resample(parts, 1)
    assert [joint_of(part) for part in parts] == [Joint(1, k) for k in range(3)]
    assert {functional_joint(part) for part in parts} == {Joint(1, 3)}
    masks = [sample_posterior(part, torch.ones(1, 500), 1) > 0 for part in parts]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert abs(float((masks[a] == masks[b]).float().mean()) - 0.5) < 0.15


def test_resampling_keeps_the_batch_axis():
    layer = patch_module(nn.Dropout(), seed=1, batch_axis=1)
    resample(layer)
    assert joint_of(layer).batch_axis == 1
    assert joint_of(layer).seed != 1


def test_nothing_to_resample():
    with pytest.raises(InvalidArgumentError, match="Expected `module` to have joint samples"):
        resample(nn.Sequential(nn.Dropout()))


@pytest.mark.parametrize(
    ("seed", "error"),
    [(-1, InvalidArgumentError), ("a", InvalidTypeError), (True, InvalidTypeError)],
)
def test_a_bad_seed_to_resample_by_changes_nothing(seed, error):
    layer = patch_module(nn.Dropout(), seed=1)
    with pytest.raises(error):
        resample(layer, seed)
    assert joint_of(layer) == Joint(1, 0)


def test_only_marked_modules_are_resampled():
    net = nn.Sequential(nn.Linear(1, 1), nn.Dropout())
    make_joint([net[1]], 0)
    resample(net, 9)
    assert joint_module._MARK not in vars(net[0])
    assert joint_of(net[1]) == Joint(9, 0)
