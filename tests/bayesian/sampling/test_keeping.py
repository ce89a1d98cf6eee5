"""Masks from random bits are those of `torch.rand`, and leave the generator where it would be."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from baal.bayesian.dropout import Dropout, patch_module
from baal.bayesian.sampling import sample_posterior
from baal.bayesian.sampling.attention import draw_mask, written_out_attention
from baal.bayesian.sampling.context import silenced
from baal.bayesian.sampling.engine import _plans
from baal.bayesian.sampling.keeping import draw_keep
from baal.bayesian.sampling.ways import by_vmap


def seeded(draw, *args):
    torch.manual_seed(7)
    return draw(*args), torch.rand(3)


@given(
    st.lists(st.integers(0, 9), max_size=3).map(tuple),
    st.floats(0, 1, exclude_min=True, exclude_max=True),
)
def test_the_same_masks_from_the_same_generator(shape, p):
    mask, after = seeded(draw_keep, shape, p)
    expected, expected_after = seeded(lambda: torch.rand(shape) >= p)
    assert torch.equal(mask, expected)
    assert torch.equal(after, expected_after)


def test_each_sample_has_its_own_under_vmap():
    model, x = Dropout(0.3), torch.ones(4, 6)
    samples, after = seeded(by_vmap, model, x, 5)
    expected, expected_after = seeded(lambda: (torch.rand(5, 4, 6) >= 0.3) / 0.7)
    assert torch.allclose(samples, expected.movedim(0, -1))
    assert torch.equal(after, expected_after)


def test_where_only_torch_knows_how_to_draw():
    def by_hand(x):
        return torch.vmap(Dropout(0.5), randomness="different")(x)

    outputs = by_hand(torch.ones(8, 50))
    assert set(outputs.unique().tolist()) == {0.0, 2.0}
    assert not torch.equal(outputs[0], outputs[1])
    try:
        torch.set_default_dtype(torch.float64)
        assert torch.equal(seeded(draw_keep, (9,), 0.5)[0], seeded(torch.rand, 9)[0] >= 0.5)
    finally:
        torch.set_default_dtype(torch.float32)


class SelfAttention(nn.Module):
    """As in Transformers: the probability is 0 in eval mode."""

    def __init__(self):
        super().__init__()
        self.project, self.dropout = nn.Linear(8, 8), nn.Dropout(0.4)

    def forward(self, x):
        x = self.project(self.dropout(x))
        return F.scaled_dot_product_attention(x, x, x, dropout_p=0.4 if self.training else 0.0)


@pytest.mark.parametrize("way", ["vmap", "stack", "loop"])
def test_attention_that_is_written_out_has_torchs_mean_and_variance(way):
    torch.manual_seed(0)
    model, x = patch_module(SelfAttention()).eval(), torch.randn(2, 5, 8)
    samples = sample_posterior(model, x, 6000, way)
    assert _plans[model][way].way == way
    model.training = True
    with torch.no_grad():
        expected = torch.stack([model(x) for _ in range(6000)], -1)
    error = expected.std(-1).max() * (2 / 6000) ** 0.5
    assert (samples.mean(-1) - expected.mean(-1)).abs().max() < 5 * error
    assert torch.allclose(samples.var(-1), expected.var(-1), rtol=0.25)


def test_samples_of_such_attention_may_be_rows_of_one_batch():
    model = patch_module(SelfAttention()).eval()
    sample_posterior(model, torch.randn(6, 5, 8), 10)
    assert _plans[model]["auto"].way == "stack"


def test_silenced_attention_drops_nothing():
    x = torch.randn(1, 2, 3, 4)
    with silenced(), written_out_attention():
        plain = F.scaled_dot_product_attention(query=x, key=x, value=x, dropout_p=0.5)
        assert draw_mask(x, (2, 3), 0.5) is None
    assert torch.allclose(plain, F.scaled_dot_product_attention(x, x, x), atol=1e-6)


def test_layers_that_drop_nothing_are_before_the_randomness():
    late = nn.Sequential(nn.Dropout(0.0), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.5))
    patch_module(late)
    sample_posterior(late, torch.randn(4, 64), 10)
    plan = _plans[late]["auto"]
    assert plan.uses_prefix
    assert plan.way == "vmap"
