"""The same seed gives the same samples: each way, from the first call on, in any process."""

import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import sample_posterior

NOT_VMAP = ["auto", "stack", "loop"]  # it draws the host's numbers once for all samples


def mc():
    torch.manual_seed(100)
    return patch_module(nn.Sequential(nn.Linear(3, 20), nn.Dropout(0.5), nn.Linear(20, 2))).eval()


def x():
    return torch.linspace(-1, 1, 12).reshape(4, 3)


class AllRandomness(nn.Module):
    def forward(self, data):
        noise = torch.from_numpy(np.random.rand(*data.shape)).to(data)
        return data + torch.rand_like(data) + noise + random.random()


def seeded(net, way, k=6):
    torch.manual_seed(7)
    np.random.seed(7)
    random.seed(7)
    samples = sample_posterior(net, x(), k, way)
    return samples, (torch.rand(()).item(), np.random.rand(), random.random())


@pytest.mark.parametrize(
    ("build", "way"), [(mc, "vmap")] + [(b, w) for b in (mc, AllRandomness) for w in NOT_VMAP]
)
def test_the_same_seed_gives_the_same_samples_from_the_first_call_on(build, way):
    net = build()
    first, second, third = (seeded(net, way) for _ in range(3))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[0], third[0])
    assert first[1] == second[1] == third[1]  # and what is drawn afterwards
    other = sample_posterior(net, x(), 6, way)
    assert not torch.equal(first[0], other)


def test_another_object_with_the_same_weights_gives_the_same_samples():
    first, second = mc(), mc()
    second.load_state_dict(first.state_dict())
    assert torch.equal(seeded(first, "auto")[0], seeded(second, "auto")[0])


def test_planning_draws_nothing():
    """A way that is sampled by plain passes gives what plain passes give from the same seed."""
    net = mc()
    torch.manual_seed(7)
    with torch.no_grad():
        wanted = torch.stack([net(x()) for _ in range(6)], dim=-1)
    assert torch.equal(seeded(net, "loop")[0], wanted)


SCRIPT = """
import torch
from torch import nn
from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import sample_posterior
torch.manual_seed(100)
net = patch_module(nn.Sequential(nn.Linear(3, 20), nn.Dropout(0.5), nn.Linear(20, 2))).eval()
print(sample_posterior(net, torch.linspace(-1, 1, 12).reshape(4, 3), 6).tolist())
"""


def test_a_fresh_process_gives_the_same_samples():
    command = [sys.executable, "-c", SCRIPT]
    other = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert str(sample_posterior(mc(), x(), 6).tolist()) == other.strip()
