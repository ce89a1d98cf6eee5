"""Models that were sampled wrongly once: each against plain passes, or against what is left."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from baal.bayesian.dropout import patch_module, unpatch_module
from baal.bayesian.sampling import engine, sample_posterior
from baal.exceptions import StateError


class Two(nn.Module):
    """Something of its own in the first eight outputs, dropout in the others."""

    def __init__(self, own):
        super().__init__()
        self.linear, self.drop, self.own = nn.Linear(8, 8), nn.Dropout(0.5), own

    def forward(self, x):
        h = self.linear(x)
        return torch.cat([self.own(h), self.drop(h)], dim=1)


def seeded_generator(h):
    return h @ torch.randn(8, 8, generator=torch.Generator().manual_seed(0))


def seeded_fork(h):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return h + torch.randn(8)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(90)


@pytest.mark.parametrize("own", [seeded_generator, seeded_fork])
def test_numbers_drawn_from_a_seed_of_the_model_s_own_are_the_same_in_every_sample(own):
    net, x = patch_module(Two(own)).eval(), torch.randn(8, 8)
    samples = sample_posterior(net, x, 20)
    assert float(samples[:, :8].std(-1).max()) < 1e-6
    assert float(samples[:, 8:].std(-1).max()) > 0.1


def private_numpy():
    rng = np.random.default_rng(0)
    return lambda h: h + torch.from_numpy(rng.normal(size=h.shape)).float()


def private_number():
    rng = np.random.default_rng(0)
    return lambda h: h + rng.normal()


def private_branch():
    rng = random.Random(1)
    return lambda h: h + 1 if rng.random() < 0.5 else h - 1


def alternating():
    state = {"n": 0}

    def own(h):
        state["n"] += 1
        return h * (-1) ** state["n"]

    return own


@pytest.mark.parametrize("make", [private_numpy, private_number, private_branch, alternating])
def test_randomness_and_state_that_nobody_else_knows_of(make):
    net, x = patch_module(Two(make())).eval(), torch.randn(8, 8)
    samples = sample_posterior(net, x, 40)
    assert float(samples[:, :8].std(-1).min()) > 0.01


def test_a_counter_in_a_buffer():
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)
            self.register_buffer("n", torch.zeros(()))

        def forward(self, x):
            self.n += 1
            return torch.cat([x * self.n, self.drop(x)], dim=1)

    net = patch_module(Counts()).eval()
    samples = sample_posterior(net, torch.ones(2, 3), 5)
    assert samples[0, 0].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert float(net.n) == 5


@pytest.mark.parametrize("way", ["loop", "auto"])
def test_memory_that_is_filled_in_place_before_the_randomness(way):
    class Filled(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.drop = nn.Linear(16, 16), nn.AlphaDropout(0.5)

        def forward(self, x):
            b = torch.empty(len(x), 16)
            b[:].copy_(self.linear(x))
            return torch.cat([self.drop(b), b], dim=1)

    for _ in range(10):
        net = patch_module(Filled()).eval()
        for _ in range(3):
            x = torch.randn(32, 16)
            samples = sample_posterior(net, x, 4, way)
            wanted = net.linear(x).detach()[..., None].expand(-1, -1, 4)
            torch.testing.assert_close(samples[:, 16:], wanted)


def test_a_model_that_stores_tensors_can_be_used_afterwards():
    class Stores(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.drop = nn.Linear(6, 6), nn.Dropout(0.5)
            self.register_buffer("mean", torch.zeros(6))

        def forward(self, x):
            h = self.drop(self.linear(x))
            self.features = h
            self.mean = 0.9 * self.mean + 0.1 * h.mean(0)
            return h

    net, x = patch_module(Stores()).eval(), torch.randn(4, 6)
    sample_posterior(net, x, 10)
    assert (net.features + 1).shape == (4, 6)
    assert bool(torch.isfinite(net.state_dict()["mean"] + 1).all())
    assert net(x).shape == (4, 6)


def test_one_bad_batch_changes_no_plan():
    net = patch_module(nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5))).eval()
    sample_posterior(net, torch.randn(4, 8), 5)
    before = repr(engine._plans[net]["auto"])
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        sample_posterior(net, torch.randn(4, 7), 5)
    assert repr(engine._plans[net]["auto"]) == before


def test_torch_dropout_is_functional_dropout_too():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.known = nn.Dropout(0.0)

        def forward(self, x):
            return torch.dropout(self.known(x), 0.5, self.training)

    samples = sample_posterior(patch_module(Net()).eval(), torch.ones(4, 8), 10)
    assert sorted(samples.unique().tolist()) == [0.0, 2.0]


def test_unpatching_a_part_turns_its_functional_dropout_off():
    class Part(nn.Module):
        def __init__(self):
            super().__init__()
            self.known = nn.Dropout(0.0)

        def forward(self, x):
            return F.dropout(self.known(x), 0.5, self.training)

    net = patch_module(nn.ModuleList([Part(), Part()])).eval()
    unpatch_module(net[0])
    whole = nn.Sequential(*net)
    net[1].forward = lambda x: torch.cat([x, nn.functional.dropout(x, 0.5, net[1].training)], 1)
    samples = sample_posterior(whole, torch.ones(2, 5), 10)
    assert torch.equal(samples[:, :5], torch.ones(2, 5, 10))


def test_an_output_of_another_shape_in_each_pass_is_refused():
    class Shapes(nn.Module):
        n = 1

        def forward(self, x):
            self.n += 1
            return torch.rand(len(x), self.n)

    with pytest.raises(StateError, match="the same shape in every pass"):
        sample_posterior(Shapes(), torch.ones(2, 3), 4)


def test_identical_samples_with_nan_are_identical():
    class Nan(nn.Module):
        def forward(self, x):
            return x / 0 * 0

    with pytest.warns(UserWarning, match="identical"):
        sample_posterior(Nan(), torch.ones(2, 3), 4)


def test_samples_have_memory_of_their_own():
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.drop = nn.Linear(3, 3), nn.Dropout(0.5)

        def forward(self, x):
            h = self.linear(x)
            return h, self.drop(h)

    constant, _ = sample_posterior(patch_module(Constant()).eval(), torch.ones(2, 3), 4)
    constant[..., 0] += 1
    assert not torch.equal(constant[..., 0], constant[..., 1])
