"""Recurrent layers inside of vmap, against one call for each sample."""

import pytest
import torch
from torch import nn

from baal.bayesian.sampling.attention import batched_attention
from baal.bayesian.sampling.recurrent import batched_recurrent, is_packed

# Of torch, once in a process, wherever it comes first.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")

K, B, L, E = 4, 3, 5, 2


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (nn.LSTM, {"proj_size": 2}),
        (nn.LSTM, {"bidirectional": True}),
        (nn.GRU, {"bias": False}),
        (nn.RNN, {"nonlinearity": "relu"}),
        (nn.RNN, {"bidirectional": True}),
    ],
)
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("what", ["input", "states", "weights", "all"])
def test_as_one_call_for_each_sample(kind, settings, batch_first, what):
    torch.manual_seed(0)
    net = kind(E, 3, 2, batch_first=batch_first, **settings).eval()
    x = torch.randn(B, L, E) if batch_first else torch.randn(L, B, E)
    ways = 1 + net.bidirectional
    hidden = torch.randn(2 * ways, B, net.proj_size or 3)
    start = (hidden, torch.randn(2 * ways, B, 3)) if kind is nn.LSTM else hidden
    factors = torch.linspace(0.5, 1.5, K)

    def one(factor):
        data = x * factor if what in {"input", "all"} else x
        first = start
        if what in {"states", "all"}:
            first = tuple(s * factor for s in start) if kind is nn.LSTM else start * factor
        weights = dict(net.named_parameters())
        if what in {"weights", "all"}:
            weights = {name: w * factor for name, w in weights.items()}
        out, last = torch.func.functional_call(net, weights, (data, first))
        return (out, *(last if isinstance(last, tuple) else (last,)))

    def sample(index):
        with batched_attention(index):
            return one(factors.index_select(0, index.reshape(1)).squeeze(0))

    with torch.no_grad():
        found = torch.func.vmap(sample)(torch.arange(K))
        wanted = [one(factor) for factor in factors]
    for a, b in zip(found, zip(*wanted, strict=True), strict=True):
        torch.testing.assert_close(a, torch.stack(b))


@pytest.mark.parametrize(("kind", "func"), [(nn.LSTM, torch.lstm), (nn.GRU, torch.gru)])
@pytest.mark.parametrize("what", ["input", "weights"])
def test_packed_sequences(kind, func, what):
    torch.manual_seed(1)
    net, sizes = kind(E, 3, 2).eval(), torch.tensor([3, 2, 1])
    data, hidden = torch.randn(6, E), torch.zeros(2, 3, 3)
    start = (hidden, hidden) if kind is nn.LSTM else hidden

    def args(factor):
        weights = [w * factor if what == "weights" else w for w in net.parameters()]
        x = data * factor if what == "input" else data
        return x, sizes, start, weights, True, 2, 0.0, False, False

    factors = torch.linspace(0.5, 1.5, K)
    assert is_packed(args(1.0))
    with torch.no_grad():
        found = torch.func.vmap(lambda factor: batched_recurrent(func, args(factor)))(factors)
        wanted = [func(*args(factor)) for factor in factors]
    for a, b in zip(found, zip(*wanted, strict=True), strict=True):
        torch.testing.assert_close(a, torch.stack(b))


def test_what_is_the_same_for_all_samples_is_called_once():
    calls = []

    def func(*args):
        calls.append(args)
        return torch.gru(*args)

    net, x = nn.GRU(E, 3), torch.randn(L, B, E)
    args = (x, torch.zeros(1, B, 3), list(net.parameters()), True, 1, 0.0, False, False, False)
    with torch.no_grad():
        out = torch.func.vmap(lambda k: batched_recurrent(func, args)[0] + k)(torch.arange(K))
    assert len(calls) == 1
    assert not is_packed(args)
    torch.testing.assert_close(out[2], net(x)[0].detach() + 2)
