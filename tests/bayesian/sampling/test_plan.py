"""The plan of a model: what is tried, what is dropped, what the log and the user hear of it."""

import logging
import traceback

import pytest
import torch
from torch import nn

from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import engine, sample_posterior
from baal.bayesian.sampling.plan import Plan, samples_at_once

X = torch.ones(3, 8)
MB = 2**20


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(90)


@pytest.fixture(autouse=True)
def log(caplog):
    caplog.set_level(logging.INFO, "baal")
    return caplog


def mc(*layers):
    return patch_module(nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), *layers)).eval()


def plan_of(net, way="auto"):
    return engine._plans[net][way]


def fail(error):
    def by(*_, **__):
        raise error

    return by


def identical(model, data, count, prefix=None, first=0):
    return model(data).unsqueeze(-1).expand(*data.shape, count).contiguous()


@pytest.mark.parametrize(
    ("bytes_", "device", "expected"),
    [
        (0, "cpu", 2 * MB),
        (MB, "cpu", 2),
        (100 * MB, "cpu", 1),
        (MB, "cuda", 512),
        (1, "mps", 2**29),
    ],
)
def test_how_many_samples_fit(bytes_, device, expected):
    assert samples_at_once(bytes_, device) == expected


def test_how_many_samples_at_once():
    plan = Plan(["vmap"], is_random=True, uses_prefix=True, largest_bytes=MB // 2)
    assert [plan.at_once(items, 20) for items in (1, 2, 4, 100)] == [4, 2, 1, 1]
    assert plan.at_once(1, 3) == 3
    plan.max_samples = 2
    assert plan.at_once(1, 20) == 2


def test_the_choice_is_made_once_and_logged(log):
    net = mc()
    for _ in range(3):
        sample_posterior(net, X, 5)
    chosen = [r.message for r in log.records if r.message.startswith("posterior sampling")]
    assert chosen == ["posterior sampling way='vmap' shared_prefix=True"]
    assert plan_of(net).is_settled


def test_a_way_that_fails_is_left_out_and_logged(log, monkeypatch):
    monkeypatch.setattr(engine, "by_vmap", fail(RuntimeError("no batching rule")))
    net = mc()
    samples = sample_posterior(net, X, 5)
    assert samples.shape == (3, 8, 5)
    assert plan_of(net).ways == ["stack", "loop"]
    assert "way of sampling dropped way='vmap' reason='no batching rule'" in log.text
    assert "posterior sampling way='stack'" in log.text


def test_a_way_whose_samples_are_identical_is_left_out_and_logged(log, monkeypatch):
    monkeypatch.setattr(engine, "by_vmap", identical)
    monkeypatch.setattr(engine, "by_stack", identical)
    net = mc()
    samples = sample_posterior(net, X, 5)
    assert plan_of(net).ways == ["loop"]
    assert not torch.equal(samples[..., 0], samples[..., 4])
    assert log.text.count("its samples are identical") == 2


def test_identical_samples_by_every_way_are_never_returned_in_silence(monkeypatch):
    for by in ("by_vmap", "by_stack", "by_loop"):
        monkeypatch.setattr(engine, by, identical)
    with pytest.warns(UserWarning, match="identical"):
        sample_posterior(mc(), X, 5)


def test_a_way_that_fails_later_is_left_out_then(monkeypatch):
    net = mc()
    sample_posterior(net, X, 5)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "by_vmap", fail(RuntimeError("shape")))
        assert sample_posterior(net, X, 5).shape == (3, 8, 5)
    assert plan_of(net).ways == ["stack", "loop"]
    sample_posterior(net, X, 5)
    assert plan_of(net).is_settled


@pytest.mark.parametrize("way", ["vmap", "stack", "loop"])
def test_a_forced_way_has_no_fallback_and_its_own_error(way, monkeypatch):
    error = RuntimeError("as it is")
    monkeypatch.setattr(engine, f"by_{way}", fail(error))
    with pytest.raises(RuntimeError) as caught:
        sample_posterior(mc(), X, 5, way)
    assert caught.value is error


class Broken(nn.Module):
    def forward(self, x):
        raise ValueError("in the user's model")


@pytest.mark.parametrize("first_fine", [True, False])
@pytest.mark.parametrize("way", ["auto", "vmap", "stack", "loop"])
def test_an_error_in_the_users_model_is_the_users(way, first_fine):
    net = mc(nn.Identity())
    if first_fine:
        sample_posterior(net, X, 5, way)
    net[2] = Broken()
    with pytest.raises(ValueError, match="in the user's model") as caught:
        sample_posterior(net, X, 5, way)
    assert type(caught.value) is ValueError
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert (frames[-1].filename, frames[-1].name) == (__file__, "forward")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_way_is_not_left_out_because_somebody_pressed_a_key(error, monkeypatch):
    net = mc()
    sample_posterior(net, X, 5)
    monkeypatch.setattr(engine, "by_vmap", fail(error()))
    with pytest.raises(error):
        sample_posterior(net, X, 5)
    assert plan_of(net).way == "vmap"


def test_a_single_sample_decides_nothing():
    """One sample equals itself: that is no reason to leave out the ways that are fast."""
    net = mc()
    sample_posterior(net, X, 1)
    sample_posterior(net, X, 5)
    assert plan_of(net).ways == ["vmap", "stack", "loop"]


def test_one_deterministic_item_among_many_does_not_matter():
    net = patch_module(nn.Sequential(nn.Dropout(0.5))).eval()
    x = torch.zeros(5, 8)
    x[4] = 1
    assert len(sample_posterior(net, x, 9).unbind(-1)) == 9
    assert plan_of(net).is_settled
