"""How a model is to be sampled: chosen by rule on a few items, and anew when the model changes."""

import pytest
import torch
from torch import nn

from baal.bayesian import consistent_dropout
from baal.bayesian.dropout import patch_module, unpatch_module
from baal.bayesian.sampling import engine, sample_posterior
from baal.bayesian.sampling.choice import (
    as_one_function,
    candidates,
    defies_vmap,
    fingerprint,
    make_plan,
)
from baal.bayesian.sampling.probe import Findings

X = torch.ones(3, 8)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(90)


def mc(*layers):
    return patch_module(nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), *layers)).eval()


def plan_of(net, way="auto"):
    return engine._plans[net][way]


def found(prefix_bytes=60, whole_batch=False, stackable=True):
    return Findings(
        is_random=True,
        whole_batch=whole_batch,
        stackable=stackable,
        shares_prefix=True,
        changes_input=False,
        prefix_bytes=prefix_bytes,
        random_bytes=100 - prefix_bytes,
        largest_bytes=1,
    )


@pytest.mark.parametrize(
    ("model", "findings", "at_once", "expected"),
    [
        (nn.Dropout(), found(), 20, "vmap stack loop"),
        (nn.Dropout(), found(prefix_bytes=1), 20, "stack vmap loop"),
        (nn.Dropout(), found(), 3, "loop"),
        (nn.Dropout(), found(whole_batch=True), 20, "loop"),
        (nn.GRU(1, 1, 2, dropout=0.1), found(), 20, "stack loop"),
        (nn.GRU(1, 1, 2), found(), 20, "vmap stack loop"),
    ],
)
def test_ways_to_try(model, findings, at_once, expected):
    assert " ".join(candidates(model, findings, at_once, "cpu")) == expected


@pytest.mark.parametrize("prefix_bytes", [1, 60])
def test_what_may_be_drawn_once_for_the_batch_is_never_stacked(prefix_bytes):
    """Noise on the weights is one draw for all items, and would be one for all samples."""
    ways = candidates(nn.Dropout(), found(prefix_bytes, stackable=False), 20, "cpu")
    assert "stack" not in ways
    assert ways[-1] == "loop"


@pytest.mark.parametrize("change", ["patch", "unpatch", "mode", "hook", "layer", "root hook"])
def test_a_changed_model_gets_another_plan(change):
    net = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.AlphaDropout(0.5)).eval()
    if change == "patch":
        with pytest.warns(UserWarning, match="identical"):
            sample_posterior(net, X, 5)
        before = engine._plans.get(net, {}).get("auto")
        patch_module(net)
    else:
        patch_module(net)
        sample_posterior(net, X, 5)
        before = plan_of(net)
        {
            "unpatch": lambda: (unpatch_module(net), net.train()),
            "mode": net[0].train,
            "hook": lambda: net[0].register_forward_hook(lambda *_: None),
            "root hook": lambda: net.register_forward_pre_hook(lambda *_: None),
            "layer": lambda: net.append(nn.ReLU()),
        }[change]()
    samples = sample_posterior(net, X, 5)
    assert plan_of(net) is not before
    assert not torch.equal(samples[..., 0], samples[..., 1])
    again = plan_of(net)
    sample_posterior(net, X, 5)
    assert plan_of(net) is again


def test_unpatching_after_the_first_call_is_noticed():
    net = mc()
    sample_posterior(net, X, 5)
    unpatch_module(net)
    with pytest.warns(UserWarning, match="identical"):
        samples = sample_posterior(net, X, 5)
    assert torch.equal(samples, net(X).detach()[..., None].expand(3, 8, 5))


def test_fingerprints_and_plans_do_not_keep_models_alive():
    net = mc()
    sample_posterior(net, X, 5)
    assert fingerprint(net) == fingerprint(net)
    n_plans = len(engine._plans)
    del net
    assert len(engine._plans) == n_plans - 1


def test_planning_does_not_need_the_whole_batch():
    seen = []

    class Wide(nn.Module):
        def forward(self, x):
            seen.append(len(x))
            return x + torch.rand_like(x)

    make_plan(Wide(), torch.ones(1000, 2), "cpu")
    assert max(seen) <= 8


def test_dropout_between_recurrent_layers_goes_through_vmap_when_it_is_chosen():
    lstm = nn.LSTM(2, 2, 2, dropout=0.5)
    assert defies_vmap(lstm)
    assert not defies_vmap(consistent_dropout.patch_module(lstm))
    assert defies_vmap(consistent_dropout.unpatch_module(lstm))


def test_a_model_is_called_as_it_is_unless_it_has_joint_samples():
    net = mc()
    assert as_one_function(net, {}) is net
    consistent_dropout.patch_module(net[1])
    assert as_one_function(net, {}) is not net


def test_joint_or_not_is_another_plan_but_another_seed_is_not():
    net = mc()
    before = fingerprint(net)
    consistent_dropout.patch_module(net)
    after = fingerprint(net)
    assert after != before
    consistent_dropout.resample(net)
    assert fingerprint(net) == after


@pytest.mark.parametrize("hooked", [False, True])
def test_a_plan_knows_the_axes_and_that_samples_are_joint(hooked):
    net = consistent_dropout.patch_module(mc())
    if hooked:
        net[0].register_forward_hook(lambda *_: None)
    plan = make_plan(net, torch.randn(3, 8), "cpu")
    assert plan.is_joint
    assert [axis.axis for axis in plan.axes.values()] == [0]
    assert list(plan.axes) == [(id(net[1]), 0)]
    assert not make_plan(mc(), torch.randn(3, 8), "cpu").is_joint


def test_a_probe_that_runs_out_of_memory_takes_fewer_items():
    class Hungry(nn.Module):
        def forward(self, x):
            if len(x) > 2:
                raise torch.cuda.OutOfMemoryError
            return x + torch.rand_like(x)

    assert "loop" in make_plan(Hungry(), torch.randn(8, 8), "cpu").ways
