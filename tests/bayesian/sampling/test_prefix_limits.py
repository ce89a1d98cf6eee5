"""Where the prefix cannot be shared, that is noticed, and the samples are right all the same."""

import numpy as np
import pytest
import torch
from torch import nn

from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import sample_posterior
from baal.bayesian.sampling.prefix import Prefix, PrefixMismatchError


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(60)


class IntoShared(nn.Module):
    """Adds randomness in place to a tensor of the prefix."""

    def __init__(self):
        super().__init__()
        self.linear, self.drop = nn.Linear(3, 3), nn.Dropout(0.5)

    def forward(self, x):
        h = self.linear(x)
        h += self.drop(h)
        return h


def test_a_pass_that_changes_what_is_shared_is_noticed():
    net, x, prefix = patch_module(IntoShared()).eval(), torch.randn(4, 3), Prefix()
    with torch.no_grad():
        prefix.run(lambda: net(x))
        with pytest.raises(PrefixMismatchError, match="changed in place"):
            prefix.run(lambda: net(x))


def test_and_the_engine_does_without():
    net, x = patch_module(IntoShared()).eval(), torch.randn(4, 3)
    with torch.no_grad():
        h = net.linear(x)[..., None].expand(4, 3, 30)
    samples = sample_posterior(net, x, 30, "loop")
    near = [(samples - factor * h).abs() < 1e-5 for factor in (1, 3)]
    assert bool((near[0] | near[1]).all())


@pytest.mark.parametrize("later", [lambda x: x + 1, lambda x: (x * 2).exp(), lambda x: x.relu()])
def test_other_operations_or_fewer_are_noticed(later):
    prefix, x = Prefix(), torch.ones(2)
    prefix.run(lambda: (x * 2).relu() + torch.rand(2))
    with pytest.raises(PrefixMismatchError, match=r"expected|fewer"):
        prefix.run(lambda: later(x))


def test_a_model_that_changes_its_ways_is_sampled_all_the_same_and_by_seed():
    """From its 20th pass on it does other operations, with the same result."""

    class Changing(nn.Module):
        n = 0

        def forward(self, x):
            Changing.n += 1
            h = x * 1 if Changing.n < 20 else x + 0
            return h + torch.rand(x.shape)

    net, x = Changing(), torch.ones(3, 2)
    for _ in range(6):
        samples = sample_posterior(net, x, 5, "loop") - 1
        assert bool(((samples >= 0) & (samples < 1)).all())
        assert len(samples.unique()) > 25
    assert Changing.n > 20


@pytest.mark.parametrize("way", ["vmap", "loop", "auto"])
@pytest.mark.parametrize("probed_on", [1, 200])
def test_values_read_by_numpy_are_live(way, probed_on):
    """NumPy reads memory behind torch's back: of a first batch of one item and of a larger one."""

    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.drop = nn.Linear(8, 64), nn.Dropout(0.5)

        def forward(self, x):
            x = self.linear(x)
            x = torch.from_numpy(np.tanh(x.numpy()))
            return torch.cat([x, self.drop(x)], dim=1)

    net, x = patch_module(Reads()).eval(), torch.randn(200, 8)
    sample_posterior(net, x[:probed_on], 4, way)
    samples = sample_posterior(net, x, 4, way)[:, :64]
    with torch.no_grad():
        wanted = torch.tanh(net.linear(x))[..., None].expand_as(samples)
    torch.testing.assert_close(samples, wanted)
