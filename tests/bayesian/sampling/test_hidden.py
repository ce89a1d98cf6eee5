"""Dropout hidden in functions: found, kept on, and nothing else switched."""

import logging

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from baal.bayesian.dropout import MCDropoutModule, patch_module, unpatch_module
from baal.bayesian.sampling import sample_posterior
from baal.bayesian.sampling.hidden import (
    find_hidden_dropout,
    in_training,
    keep_hidden_dropout,
    keeps_hidden_dropout,
)

X = torch.arange(1.0, 13.0).reshape(2, 6)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(50)


class Functional(nn.Module):
    def forward(self, x):
        return F.dropout(x, 0.5, self.training)


class Switch(nn.Module):
    """Functional dropout, and something else that the same flag switches."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.drop = kind, nn.Dropout(0.0)
        self.heads = nn.ModuleList([nn.Linear(6, 6), nn.Linear(6, 6)])
        self.norm = nn.BatchNorm1d(6)

    def forward(self, x):
        on = self.training
        x = F.dropout(self.drop(x), 0.5, on)
        return {
            "layer drop": lambda: self.heads[0](x) if not on or torch.rand(()) < 0.5 else x,
            "other randomness": lambda: x + torch.rand_like(x) if on else x,
            "batch norm": lambda: F.batch_norm(
                x, self.norm.running_mean, self.norm.running_var, training=on
            ),
            "scale": lambda: x * (2.0 if on else 1.0),
            "another head": lambda: self.heads[int(on)](x),
            "an auxiliary output": lambda: (x, x) if on else x,
            "another slice": lambda: x[:, :3] if on else x[:, 3:],
            "another shape": lambda: x[:, :4] if on else x[:, :5],
            "error": lambda: x if not on else 1 / 0,
        }[self.kind]()


def found(net, x=X):
    keep_hidden_dropout(net, True)
    with torch.no_grad():
        return [reference() for reference in find_hidden_dropout(net, lambda: net(x))]


@pytest.mark.parametrize(
    "function",
    ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"],
)
def test_every_function_is_found_and_kept_on(function):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.known = nn.Dropout(0.0)

        def forward(self, x):
            return self.known(getattr(F, function)(x, p=0.5, training=self.training))

    x = torch.ones((2, 6, *[2] * {"dropout1d": 1, "dropout2d": 2, "dropout3d": 3}.get(function, 0)))
    net = patch_module(Net().eval())
    assert found(net, x) == [net]
    for way in ("auto", "loop", "stack"):
        samples = sample_posterior(net, x, 6, way)
        assert not torch.equal(samples[..., 0], samples[..., 1])
        assert [m.training for m in net.modules()] == [False, False]


def test_a_module_in_training_mode_or_without_dropout_is_none():
    assert found(nn.Sequential(Functional(), nn.Linear(6, 6))) == []
    assert found(nn.Sequential(nn.Linear(6, 6), nn.ReLU()).eval()) == []


def test_only_the_module_that_calls_is_found():
    inner = Functional()
    net = nn.Sequential(nn.BatchNorm1d(6), nn.Sequential(inner), nn.ReLU()).eval()
    assert found(net) == [inner]


KINDS = ["layer drop", "other randomness", "batch norm", "scale", "another head", "error"]
KINDS += ["an auxiliary output", "another slice", "another shape"]


@pytest.mark.parametrize("kind", KINDS)
def test_where_the_flag_switches_something_else_it_stays_off_and_the_log_says_so(kind, caplog):
    net = patch_module(Switch(kind)).eval()
    with caplog.at_level(logging.WARNING, "baal"):
        assert found(net) == []
    assert "functional dropout stays off" in caplog.text
    assert "module='Switch'" in caplog.text
    wanted = net(X).detach()
    with pytest.warns(UserWarning, match="identical"):
        out = sample_posterior(net, X, 3)
    torch.testing.assert_close(out, wanted[..., None].expand_as(out))


def test_one_that_switches_more_does_not_keep_the_others_off():
    good = Functional()
    net = patch_module(nn.Sequential(good, Switch("scale"))).eval()
    assert found(net) == [good]


def test_looking_for_it_changes_nothing():
    net = nn.Sequential(Functional(), Switch("error"), Switch("batch norm")).eval()
    net[2].drop.train()
    weights = {key: value.clone() for key, value in net.state_dict().items()}
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules()]
    flags = [m.training for m in net.modules()]
    state = torch.get_rng_state()
    found(net)
    assert torch.equal(torch.get_rng_state(), state)
    assert [m.training for m in net.modules()] == flags
    after = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules()]
    assert after == hooks
    # A module that normalises by the batch while it is tried out would move its running averages.
    assert all(torch.equal(value, weights[key]) for key, value in net.state_dict().items())


def test_an_error_of_the_model_removes_the_hooks():
    class Broken(nn.Module):
        def forward(self, x):
            F.dropout(x, 0.5, self.training)
            raise KeyError("mine")

    net = nn.Sequential(Broken()).eval()
    with pytest.raises(KeyError, match="mine"):
        found(net)
    assert not net[0]._forward_hooks
    assert not net[0]._forward_pre_hooks


def test_flags_are_put_back_after_an_error_in_a_sampling_run():
    class Fragile(Functional):
        broken = False

        def forward(self, x):
            if self.broken:
                raise ZeroDivisionError
            return super().forward(x)

    net = patch_module(nn.Sequential(Fragile(), nn.Dropout(0.5))).eval()
    sample_posterior(net, X, 3)
    net[0].broken = True
    with pytest.raises(ZeroDivisionError):
        sample_posterior(net, X, 3)
    assert not any(m.training for m in net.modules())


def test_in_training_sets_those_alone_and_forgets_the_dead():
    net = nn.Sequential(nn.Sequential(nn.ReLU())).eval()
    from weakref import ref

    dead = ref(nn.Linear(1, 1))
    with pytest.raises(KeyError), in_training([ref(net[0]), dead]):
        assert [m.training for m in net.modules()] == [False, True, False]
        raise KeyError
    assert not any(m.training for m in net.modules())


def test_what_was_not_patched_stays_off():
    """Patching one part of a model leaves the rest of it as it is."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.patched, self.other = nn.Dropout(0.5), Functional()

        def forward(self, x):
            return torch.cat([self.patched(x), self.other(x)], dim=1)

    net = Two().eval()
    patch_module(net.patched)
    samples = sample_posterior(net, X, 8)
    assert torch.equal(samples[:, 6:], X[..., None].expand(2, 6, 8))
    assert not torch.equal(samples[:, :6, 0], samples[:, :6, 1])


def test_unpatching_a_part_turns_that_part_off():
    net = patch_module(nn.ModuleDict({"a": nn.Sequential(Functional(), nn.Dropout(0.1))})).eval()
    unpatch_module(net["a"])
    with pytest.warns(UserWarning, match="identical"):
        out = sample_posterior(net["a"], X, 3)
    assert torch.equal(out, X[..., None].expand(2, 6, 3))


def test_marks_are_found_at_any_depth_and_taken_away():
    net = nn.Sequential(nn.Sequential(nn.ReLU()))
    keep_hidden_dropout(net[0], True)
    assert keeps_hidden_dropout(net)
    keep_hidden_dropout(net, False)
    assert not keeps_hidden_dropout(net)
    assert not keeps_hidden_dropout(net[0])


def test_the_wrapper_keeps_it_on_and_leaving_it_turns_it_off():
    net = nn.Sequential(Functional(), nn.Dropout(0.0)).eval()
    keys = [set(vars(m)) for m in net.modules()]
    with MCDropoutModule(net) as sampler:
        samples = sample_posterior(sampler, X, 6)
        assert not torch.equal(samples[..., 0], samples[..., 1])
    assert [set(vars(m)) for m in net.modules()] == keys
    assert torch.equal(net(X), X)


def test_a_model_patched_after_its_first_samples_is_looked_at_again():
    class Noisy(nn.Module):
        def forward(self, x):
            return torch.cat([x + torch.rand_like(x), F.dropout(x, 0.5, self.training)], dim=1)

    net = Noisy().eval()
    before = sample_posterior(net, X, 4)
    assert torch.equal(before[:, 6:], X[..., None].expand(2, 6, 4))
    keep_hidden_dropout(net, True)
    after = sample_posterior(net, X, 4)
    assert bool((after[:, 6:] == 0).any())


def test_one_sample_is_a_sample_too():
    net = patch_module(nn.Sequential(Functional(), nn.Dropout(0.0))).eval()
    drawn = [sample_posterior(net, X, 1) for _ in range(5)]
    assert all(sample.shape == (2, 6, 1) for sample in drawn)
    assert len({str(sample) for sample in drawn}) == 5
