"""Samples of a Lightning module, and its mean, against passes by hand."""

import pytest
import torch
from torch import nn

from baal.bayesian import consistent_dropout
from baal.lightning.sampling import ModuleSampler
from tests.tiny_lightning import framework, module


def joint(net):
    consistent_dropout.patch_module(net, seed=0)


def net():
    return module(framework("lightning.pytorch"), patch=joint)


def test_samples_differ_and_modes_are_as_before():
    made = net()
    made.train()
    made.net[0].eval()
    modes = [part.training for part in made.modules()]
    sampler = ModuleSampler(made)
    assert sampler.samples_are_joint is None
    samples = sampler.sample(8, torch.ones(5, 3))
    assert samples.shape == (5, 2, 8)
    assert (samples.std(-1) > 0).all()
    assert sampler.samples_are_joint
    assert [part.training for part in made.modules()] == modes
    with pytest.raises(RuntimeError):
        sampler.sample(8, torch.ones(5, 4))
    assert [part.training for part in made.modules()] == modes
    sampler.forget()
    torch.testing.assert_close(sampler.sample(8, torch.ones(5, 3)), samples)


def test_the_module_gives_the_mean_meanwhile():
    made = net()
    made.eval()
    x = torch.randn(5, 3)
    sampler = ModuleSampler(made)
    expected = sampler.sample(6, x).mean(-1)
    with sampler.averaging(6):
        torch.testing.assert_close(made(x), expected)
        torch.testing.assert_close(made(x), expected)  # and is still averaged
        with pytest.raises(RuntimeError):
            made(torch.ones(5, 4))
        torch.testing.assert_close(made(x), expected)
    assert "forward" not in vars(made)
    one = made(x)
    assert not torch.allclose(one, expected)


def test_a_forward_that_somebody_has_replaced_comes_back():
    made = net()
    own = made.forward = made.net[2].forward
    expected = ModuleSampler(made).sample(3, torch.ones(2, 9)).mean(-1)
    with ModuleSampler(made).averaging(3):
        assert made.forward is not own
        assert torch.equal(made(torch.ones(2, 9)), expected)
    assert made.forward is own


class Named(nn.Module):
    def forward(self, x, *, scale):
        return nn.functional.dropout(x) * scale


def test_any_arguments():
    sampler = ModuleSampler(Named(), "loop")
    torch.manual_seed(0)
    samples = sampler.sample(4, torch.ones(3, 40), scale=torch.full((3, 1), 5.0))
    assert samples.unique().tolist() in ([0.0, 10.0], [5.0])  # on only where it is patched
