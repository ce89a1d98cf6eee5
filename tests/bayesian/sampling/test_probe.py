"""What a probe finds, on models of which it is known."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from baal.bayesian.consistent_dropout import patch_module
from baal.bayesian.dropout import Dropout
from baal.bayesian.dropout import patch_module as mc_patch_module
from baal.bayesian.sampling.axes import BatchAxis
from baal.bayesian.sampling.choice import as_one_function
from baal.bayesian.sampling.probe import Findings, looks_joint, probe
from baal.bayesian.sampling.state import has_hooks, kept_buffers
from baal.utils.random_states import RandomStates

X = torch.ones(10, 10)
CALM = {
    "is_random": False,
    "whole_batch": False,
    "shares_prefix": True,
    "changes_input": False,
    # These models below give the same whatever the batch: not one output for each item.
    "stackable": False,
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(80)
    np.random.seed(80)
    random.seed(80)


def look(forward):
    class Model(nn.Module):
        def forward(self, data):
            return forward()

    with torch.no_grad():
        return probe(Model(), X)


def test_a_deterministic_model():
    findings = look(lambda: torch.exp(X * 2))
    assert findings == Findings(**CALM, prefix_bytes=800, random_bytes=0, largest_bytes=0)
    assert findings.prefix_share == 1


def test_bytes_before_and_after_the_first_random_operation():
    findings = look(lambda: torch.cat([(X * 2) + torch.rand(10, 10), X]) * 3)
    sizes = {"prefix_bytes": 400, "random_bytes": 400 + 400 + 800 + 800, "largest_bytes": 800}
    noisy = {**CALM, "is_random": True}
    assert findings == Findings(**noisy, **sizes)
    assert findings.prefix_share == 400 / 2800


def test_views_weigh_nothing():
    findings = look(lambda: (X + torch.rand(())).t()[:5].unsqueeze(0).expand(9, 5, 10))
    assert (findings.prefix_bytes, findings.random_bytes) == (0, 404)


def test_a_stochastic_layer():
    layer = Dropout(0.5).eval()
    with torch.no_grad():
        findings = probe(nn.Sequential(nn.ReLU(), layer), X)
    assert findings.is_random
    assert findings.shares_prefix
    assert not findings.whole_batch
    assert findings.stackable
    assert findings.prefix_bytes >= 400


@pytest.mark.parametrize("draw", [np.random.rand, random.random])
def test_randomness_of_the_host(draw):
    findings = look(lambda: X + draw())
    assert findings.whole_batch
    assert findings.is_random


@pytest.mark.parametrize(
    ("decide", "expected"),
    [
        (lambda noise: X * 2 if bool(noise[0, 0] > 0.5) else X, True),
        (lambda noise: X * noise.sum().item(), True),
        (lambda noise: X * noise, False),
    ],
)
def test_deciding_by_values_that_differ_between_samples(decide, expected):
    """Stacked samples would all go the way of one of them."""
    layer = Dropout(0.5).eval()

    def forward():
        before = bool(X.sum() > 0)  # the same for all
        return decide(layer(X)) * before

    assert look(forward).whole_batch is expected


def test_randomness_outside_of_the_layers_known():
    class Noisy(nn.Module):
        def forward(self, x):
            return x * torch.rand(10)

    for net in (Noisy(), nn.Dropout(0.5)):
        with torch.no_grad():
            assert not probe(net, X).stackable


def test_randomness_that_nobody_can_put_back_shares_no_prefix():
    generator = np.random.default_rng(0)
    findings = look(lambda: X + torch.from_numpy(generator.random((10, 10))))
    assert findings.is_random
    assert not findings.shares_prefix


def test_what_is_changed_in_place_shares_no_prefix():
    def forward():
        h = X + 1
        h += torch.rand(10, 10)
        return h

    assert not look(forward).shares_prefix


def test_whether_the_input_is_changed_in_place_on_a_copy_of_it():
    class Changes(nn.Module):
        def forward(self, data):
            return data["x"][0].add_(1) + torch.rand(3)

    data = {"x": [torch.ones(3)]}
    assert probe(Changes(), data).changes_input
    assert data["x"][0].tolist() == [1.0] * 3
    assert not look(lambda: X + 1).changes_input


def test_the_random_states_are_as_before():
    before = RandomStates.current()

    def draw():
        return torch.rand(1).item(), np.random.rand(), random.random()

    wanted = draw()
    before.restore()
    look(lambda: X + torch.rand(1) + np.random.rand() + random.random())
    assert draw() == wanted


def test_and_so_they_are_after_an_error_which_is_the_models_own():
    error = KeyError("mine")

    def forward():
        torch.rand(1)
        raise error

    state = torch.get_rng_state()
    with pytest.raises(KeyError) as caught:
        look(forward)
    assert caught.value is error
    assert torch.equal(torch.get_rng_state(), state)


def test_a_model_that_does_not_bear_being_watched():
    """It runs by itself, and fails under any dispatch mode: then nothing is shared."""

    def forward():
        if torch.utils._python_dispatch._get_current_dispatch_mode() is not None:
            raise RuntimeError
        return X + torch.rand(10, 10)

    findings = look(forward)
    assert findings.is_random
    assert not findings.shares_prefix
    assert findings.prefix_share == 0


@pytest.mark.parametrize("register", ["register_forward_hook", "register_forward_pre_hook"])
def test_hooks_are_seen_for_as_long_as_they_are_there(register):
    net = nn.Sequential(nn.ReLU())
    handle = getattr(net[0], register)(lambda *_: None)
    assert has_hooks(net[0])
    assert not has_hooks(net)
    handle.remove()
    assert not has_hooks(net[0])


def test_buffers_are_put_back_changed_in_place_or_replaced():
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("n", torch.zeros(()))
            self.norm = nn.BatchNorm1d(3)

        def forward(self, x):
            self.n = self.n + 1
            return self.norm(x)

    net = Counts()
    held, before = net.n, {key: value.clone() for key, value in net.state_dict().items()}
    with pytest.raises(KeyError), kept_buffers(net):
        net(torch.randn(4, 3))
        assert float(net.n) == 1
        raise KeyError
    assert net.n is held
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_global_hooks_are_hooks():
    assert not has_hooks(nn.ReLU())
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        assert has_hooks(nn.ReLU())
    finally:
        handle.remove()


def joint_net(*layers):
    return patch_module(nn.Sequential(nn.Linear(10, 10), nn.Dropout(0.5), *layers), seed=0).eval()


def findings_of(net, x=X):
    """As the engine has them."""
    axes = {(id(m), 0): BatchAxis(0) for m in net.modules()}
    with torch.no_grad():
        return probe(net, x, as_one_function(net, axes))


class Reads(nn.Module):
    """Reads a value while others that differ between samples are about."""

    def __init__(self, what):
        super().__init__()
        self.what = what

    def forward(self, h):
        calm = torch.ones(3)
        view, copy = h[0], h.clone()
        filled = torch.zeros(3)
        filled.add_(h.sum())
        listed = [torch.ones(2), torch.ones(2)]
        torch._foreach_add_(listed, [h[0, :2], h[0, 2:4]])
        value = {
            "nothing of them": calm.sum(),
            "a view": view[1],
            "a copy": copy.mean(),
            "what was filled in place": filled[0],
            "a list that was": listed[1][0],
        }[self.what]
        return h if float(value) > -1e9 else h * 2


@pytest.mark.parametrize("patch", [patch_module, mc_patch_module])
@pytest.mark.parametrize(
    ("what", "whole_batch"),
    [
        ("nothing of them", False),
        ("a view", True),
        ("a copy", True),
        ("what was filled in place", True),
        ("a list that was", True),
    ],
)
def test_reading_a_value_matters_where_it_differs_between_samples(patch, what, whole_batch):
    """A mask of padding that is looked at after the first dropout, as in Hugging Face, does not."""
    net = patch(nn.Sequential(nn.Linear(10, 10), nn.Dropout(0.5), Reads(what))).eval()
    assert findings_of(net, torch.randn(10, 10)).whole_batch is whole_batch


def test_consistent_dropout_is_joint_and_can_be_stacked():
    findings = findings_of(joint_net(nn.ReLU()), torch.randn(4, 10))
    assert findings.is_joint
    assert findings.is_random
    assert findings.stackable
    assert findings.shares_prefix
    assert not findings.whole_batch


def test_a_prefix_of_joint_samples_ends_with_the_first_mask():
    net = patch_module(
        nn.Sequential(nn.Linear(10, 90), nn.Linear(90, 10), nn.Dropout(0.5)), seed=0
    ).eval()
    findings = findings_of(net, torch.randn(4, 10))
    assert findings.prefix_bytes >= 4 * 4 * (90 + 10)
    assert 4 * 4 * 10 <= findings.random_bytes < 4 * 4 * 90


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(10).train(), nn.Softmax(0)])
def test_items_that_meet_are_not_joint(layer):
    net = joint_net(layer)
    layer.train()
    findings = findings_of(net, torch.randn(4, 10))
    assert not findings.is_joint
    assert not findings.stackable


def test_what_fails_or_moves_a_generator_does_not_look_joint():
    def fails(_):
        raise RuntimeError

    x = torch.randn(4, 10)
    net = nn.Linear(10, 2)
    assert looks_joint(net, net, x)
    assert not looks_joint(net, fails, x)
    assert not looks_joint(net, lambda data: (torch.rand(1), net(data))[1], x)
    assert not looks_joint(net, lambda data: (np.random.rand(), net(data))[1], x)
    assert not looks_joint(net, nn.Dropout(0.5), x)
