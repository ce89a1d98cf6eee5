"""Attention by a mask that is given: against torch's own without dropout, and written out."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from baal.bayesian.sampling.dropping_attention import attention, multi_head_attention

B, H, L, S, E = 2, 4, 5, 6, 8
P = 0.25
SDPA = F.scaled_dot_product_attention


def scaled(like, shape, p, *, whole=False):
    """Keeps everything, which the handler then divides by `1 - p`."""
    assert shape == like.shape
    return torch.ones(shape, dtype=torch.bool)


def nothing(like, shape, p, *, whole=False):
    return None


@pytest.fixture
def tensors():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(B, H, n, E, generator=generator) for n in (L, S, S)]


def masks():
    allowed = torch.rand(L, S, generator=torch.Generator().manual_seed(1)) > 0.4
    allowed[2] = False  # looks nowhere
    return {
        "none": {},
        "causal": {"is_causal": True},
        "booleans": {"attn_mask": allowed},
        "numbers": {"attn_mask": torch.where(allowed, 0.3, -math.inf)},
        "of each head": {"attn_mask": allowed.expand(B, H, L, S)},
        "scale": {"scale": 0.2},
    }


@pytest.mark.parametrize("name", masks())
def test_without_dropping_it_is_torchs(name, tensors):
    given = masks()[name]
    wanted = SDPA(*tensors, **given)
    for keep, scale in ((nothing, 1), (scaled, 1 / (1 - P))):
        found = attention(keep, SDPA, (*tensors,), {"dropout_p": P, **given})
        torch.testing.assert_close(found, wanted * scale)


def test_causal_and_a_mask_together(tensors):
    """As torch's fused kernels do: what both allow, which may be nothing where each allows some."""
    for first in (True, False):
        allowed = masks()["of each head"]["attn_mask"].clone()
        allowed[..., 0, 0], allowed[..., 0, 1] = first, True
        both = allowed & torch.ones(L, S, dtype=torch.bool).tril()
        wanted = SDPA(*tensors, both)
        assert first or not wanted[..., 0, :].any()
        numbers = torch.where(allowed, 0.0, -math.inf)
        for mask in (allowed, numbers):
            found = attention(nothing, SDPA, (*tensors, mask, P, True), {})
            torch.testing.assert_close(found, wanted)


def test_grouped_queries(tensors):
    query, key, value = tensors[0], tensors[1][:, :2], tensors[2][:, :2]
    wanted = SDPA(query, key, value, enable_gqa=True)
    found = attention(nothing, SDPA, (query, key, value), {"dropout_p": P, "enable_gqa": True})
    torch.testing.assert_close(found, wanted)


def test_by_position_and_by_name(tensors):
    query, key, value = tensors
    by_name = {"query": query, "key": key, "value": value, "dropout_p": P}
    a = attention(scaled, SDPA, (), by_name)
    b = attention(scaled, SDPA, (query, key, value, None, P), {})
    assert torch.equal(a, b)


def test_a_mask_drops_weights(tensors):
    query, key, value = tensors
    mask = torch.rand(B, H, L, S, generator=torch.Generator().manual_seed(2)) > P
    weights = torch.softmax(query @ key.mT / math.sqrt(E), -1) * mask / (1 - P)
    found = attention(lambda *_, **__: mask, SDPA, (*tensors,), {"dropout_p": P})
    torch.testing.assert_close(found, weights @ value)


def test_nothing_to_drop_is_left_to_torch(tensors):
    assert torch.equal(attention(None, SDPA, (*tensors,), {}), SDPA(*tensors))


SETTINGS = [
    {},
    {"bias": False},
    {"add_bias_kv": True},
    {"add_zero_attn": True},
    {"add_bias_kv": True, "add_zero_attn": True},
    {"kdim": 6, "vdim": 4},
    {"kdim": 6, "vdim": 4, "bias": False, "add_zero_attn": True},
]
CALLS = {
    "plain": {},
    "no weights": {"need_weights": False},
    "every head": {"average_attn_weights": False},
    "padding": {"key_padding_mask": torch.tensor([[False] * S, [False] * 3 + [True] * 3])},
    "mask": {"attn_mask": torch.ones(L, S, dtype=torch.bool).triu(1)},
    "numbers": {"attn_mask": torch.linspace(-1, 1, L * S).reshape(L, S), "need_weights": False},
    "causal": {
        "attn_mask": torch.ones(L, S, dtype=torch.bool).triu(1),
        "is_causal": True,
        "need_weights": False,
    },
}


def handled(net, keep, data, p=P, **call):
    """A pass of the layer with our function in place of torch's."""

    class Handles(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            if func is F.multi_head_attention_forward:
                return multi_head_attention(keep, func, args, kwargs or {})
            return func(*args, **(kwargs or {}))

    net.train()
    net.dropout = p
    with torch.no_grad(), Handles():
        return net(*data, **call)


def plain(net, data, **call):
    net.dropout = 0.0
    with torch.no_grad():
        return net.train()(*data, **call)


def inputs(net, batched=True):
    generator = torch.Generator().manual_seed(3)
    shapes = [(L, net.embed_dim), (S, net.kdim), (S, net.vdim)]
    data = [torch.randn(B, *shape, generator=generator) for shape in shapes]
    if not batched:
        return [x[0] for x in data]
    return data if net.batch_first else [x.transpose(0, 1) for x in data]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("batch_first", [True, False])
def test_multi_head_attention_is_torchs_but_for_the_mask(settings, call, batch_first):
    if call == "causal" and ("add_bias_kv" in settings or "add_zero_attn" in settings):
        # There torch itself lets nobody see the keys that were added, unless weights are needed.
        return
    torch.manual_seed(4)
    net = nn.MultiheadAttention(E, H, batch_first=batch_first, **settings)
    for bias in (net.in_proj_bias, net.out_proj.bias):
        if bias is not None:
            nn.init.normal_(bias)
    data, given = inputs(net), CALLS[call]
    out, weights = plain(net, data, **given)
    found, found_weights = handled(net, nothing, data, **given)
    torch.testing.assert_close(found, out)
    # Scaled weights: the output without its bias is scaled likewise.
    bias = 0 if net.out_proj.bias is None else net.out_proj.bias.detach()
    more, more_weights = handled(net, scaled, data, **given)
    torch.testing.assert_close(more - bias, (out - bias) / (1 - P))
    if weights is None:
        assert found_weights is None
        assert more_weights is None
    else:
        torch.testing.assert_close(found_weights, weights)
        torch.testing.assert_close(more_weights, weights / (1 - P))


@pytest.mark.parametrize("settings", SETTINGS[:4], ids=str)
@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention_of_a_single_item(settings, need_weights):
    torch.manual_seed(5)
    net = nn.MultiheadAttention(E, H, **settings)
    data = inputs(net, batched=False)
    out, weights = plain(net, data, need_weights=need_weights)
    found, found_weights = handled(net, nothing, data, need_weights=need_weights)
    torch.testing.assert_close(found, out)
    torch.testing.assert_close(found_weights, weights)


def test_a_mask_drops_weights_of_each_head():
    torch.manual_seed(6)
    net = nn.MultiheadAttention(E, H, batch_first=True)
    data = inputs(net)
    mask = torch.rand(B, H, L, S, generator=torch.Generator().manual_seed(7)) > P
    _, weights = plain(net, data, average_attn_weights=False)
    dropped = weights * mask / (1 - P)
    value = F.linear(data[2], net.in_proj_weight[2 * E :], net.in_proj_bias[2 * E :]).detach()
    heads = dropped @ value.unflatten(-1, (H, -1)).transpose(1, 2)
    wanted = net.out_proj(heads.transpose(1, 2).flatten(2)).detach()
    out, averaged = handled(net, lambda *_, **__: mask, data)
    torch.testing.assert_close(out, wanted)
    torch.testing.assert_close(averaged, dropped.mean(1))


def test_static_values():
    """Torch's function takes keys and values that were projected before, `[B * H, S, E / H]`."""
    torch.manual_seed(8)
    net = nn.MultiheadAttention(E, H)
    query = torch.randn(L, B, E)
    key, value = torch.randn(2, B * H, S, E // H)
    args = (
        query, torch.randn(S, B, E), torch.randn(S, B, E), E, H, net.in_proj_weight,
        net.in_proj_bias, None, None, False,
    )  # fmt: skip
    rest = (net.out_proj.weight, net.out_proj.bias)
    static = {"static_k": key, "static_v": value}
    with torch.no_grad():
        wanted = F.multi_head_attention_forward(*args, 0.0, *rest, **static)
        found = multi_head_attention(
            nothing, F.multi_head_attention_forward, (*args, P, *rest), static
        )
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("change", [{"training": False}, {"dropout_p": 0.0}])
def test_no_dropout_is_left_to_torch(change):
    net = nn.MultiheadAttention(E, H).eval()
    x = torch.randn(L, B, E)
    args = (x, x, x, E, H, net.in_proj_weight, net.in_proj_bias, None, None, False)
    given = {"dropout_p": P, **change}
    rest = {"out_proj_weight": net.out_proj.weight, "out_proj_bias": net.out_proj.bias}
    func = F.multi_head_attention_forward
    found = multi_head_attention(None, func, args, {**given, **rest})
    torch.testing.assert_close(found, func(*args, **given, **rest))
