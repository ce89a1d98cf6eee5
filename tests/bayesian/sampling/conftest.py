"""An oracle for samples: plain passes of the same model, one after the other."""

import numpy as np
import pytest
import torch
from scipy import stats

from baal.bayesian.sampling.trees import leaves_of

ALPHA = 1e-6


def plain_samples(net, data, k):
    """What somebody would write without a library: `[elements, k]`, all leaves of the output."""
    with torch.no_grad():
        return torch.stack([_flat(net(data)) for _ in range(k)], dim=-1)


def _flat(tree):
    return torch.cat([leaf.double().flatten() for leaf in leaves_of(tree)])


def check_law(samples, plain):
    """Each element has the law of plain passes, and samples are independent of one another.

    Elements that are constant in plain passes are to be exact; the law of the others is compared
    by Kolmogorov and Smirnov's test of two samples.
    """
    found = torch.cat([leaf.double().flatten(0, -2) for leaf in leaves_of(samples)])
    assert found.shape[0] == plain.shape[0]
    spread = plain.amax(1) - plain.amin(1)
    constant = spread <= 1e-5 * plain.abs().amax(1) + 1e-7
    torch.testing.assert_close(
        found[constant],
        plain[constant][:, :1].expand(-1, found.shape[1]),
        rtol=1e-4,
        atol=1e-5,
    )
    random, reference = found[~constant], plain[~constant]
    if not len(random):
        return
    # Of thousands of pixels some: evenly, so that all items are among them.
    some = np.unique(np.linspace(0, len(random) - 1, 40).astype(int))
    for row in some:
        test = stats.ks_2samp(random[row], reference[row], method="asymp")
        assert test.pvalue > ALPHA / len(some), f"element {row}: another law than in plain passes"
    # A sample knows nothing of the one before it; identical samples have no variance at all.
    centred = random - random.mean(1, keepdim=True)
    assert bool((centred.abs().amax(1) > 0).all())
    k = centred.shape[1]
    for lag in (1, 2):
        correlation = (centred[:, lag:] * centred[:, :-lag]).mean(1) / (centred**2).mean(1)
        assert float(correlation[some].abs().max()) < 6.5 / k**0.5


@pytest.fixture
def law():
    """`law(samples, net, data)`: `samples` are as independent plain passes of `net` are."""

    def check(samples, net, data):
        check_law(samples, plain_samples(net, data, leaves_of(samples)[0].shape[-1]))

    return check


@pytest.fixture
def marks():
    """`marks(net)`: flags, hooks and attributes of all modules, to be the same before and after."""

    def look(net):
        return [
            (
                name,
                id(m),
                type(m),
                m.training,
                sorted(vars(m)),
                [*m._forward_hooks, *m._forward_pre_hooks],
            )
            for name, m in net.named_modules()
        ]

    return look
