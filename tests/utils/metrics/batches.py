"""Outputs and targets of random items, and what does not change them."""

import numpy as np
import torch
from hypothesis import strategies as st

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=5)
SEEDS = st.integers(0, 10**6)


def outputs(n, n_classes, seed, kind="probabilities"):
    """Outputs `[n, C]` in float64, and targets that they say something about."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(n, n_classes, generator=generator, dtype=torch.double)
    target = torch.distributions.Categorical(logits=logits).sample()
    # Any class may be missing, and any may be wrong.
    noise = torch.randint(n_classes, (n,), generator=generator)
    target = torch.where(torch.rand(n, generator=generator) < 0.3, noise, target)
    return (logits if kind == "logits" else logits.softmax(1)), target


def measured(metric, output, target, sizes=None):
    """The metric's value over batches of these sizes; its own object is left alone."""
    metric.reset()
    sizes = sizes or [len(output)]
    for out, tgt in zip(torch.split(output, sizes), torch.split(target, sizes), strict=True):
        metric.update(out, tgt)
    return metric.value


def assert_however_batched(metric, output, target, sizes):
    """Other batches and another order change nothing."""
    whole = flat(measured(metric, output, target))
    np.testing.assert_allclose(flat(measured(metric, output, target, sizes)), whole, atol=1e-12)
    order = torch.randperm(len(output), generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(
        flat(measured(metric, output[order], target[order], sizes)), whole, atol=1e-12
    )


def flat(value):
    return list(value.values()) if isinstance(value, dict) else value
