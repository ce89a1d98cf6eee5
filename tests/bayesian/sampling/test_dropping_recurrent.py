"""Recurrent layers with a mask that is given between their layers: against torch's own."""

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from baal.bayesian.sampling.dropping_recurrent import recurrent

# Of torch, once in a process, wherever it comes first.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")

B, L, E, P = 3, 5, 4, 0.25
KINDS = {
    "lstm": (nn.LSTM, torch.lstm, {}),
    "lstm with projections": (nn.LSTM, torch.lstm, {"proj_size": 2}),
    "gru": (nn.GRU, torch.gru, {}),
    "rnn": (nn.RNN, torch.rnn_tanh, {}),
    "rnn of relu": (nn.RNN, torch.rnn_relu, {"nonlinearity": "relu"}),
}


class Given:
    def __init__(self, mask=None):
        self.mask, self.asked = mask, []

    def __call__(self, like, shape, p, *, whole=False):
        self.asked.append((shape, p, whole))
        return None if self.mask is None else self.mask(shape)


def handled(net, func, keep, *data):
    class Handles(TorchFunctionMode):
        def __torch_function__(self, called, types, args=(), kwargs=None):
            if called is func:
                return recurrent(keep, called, args, kwargs or {})
            return called(*args, **(kwargs or {}))

    with torch.no_grad(), Handles():
        return net.train()(*data)


def make(name, **settings):
    kind, func, more = KINDS[name]
    torch.manual_seed(0)
    return kind(E, 6, 3, dropout=P, **more, **settings), func


def flat(result):
    out, states = result
    return [out, *(states if isinstance(states, tuple) else (states,))]


def check(found, wanted):
    for a, b in zip(flat(found), flat(wanted), strict=True):
        torch.testing.assert_close(a, b)


def states_for(net):
    ways = 2 if net.bidirectional else 1
    last = net.proj_size or net.hidden_size if isinstance(net, nn.LSTM) else net.hidden_size
    h = torch.randn(3 * ways, B, last)
    return (h, torch.randn(3 * ways, B, 6)) if isinstance(net, nn.LSTM) else h


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_without_dropping_it_is_torchs(name, both, batch_first, bias):
    net, func = make(name, bidirectional=both, batch_first=batch_first, bias=bias)
    x = torch.randn(B, L, E) if batch_first else torch.randn(L, B, E)
    start = states_for(net)
    keep = Given()
    check(handled(net, func, keep, x, start), net.eval()(x, start))
    features = (net.proj_size or 6 if "lstm" in name else 6) * (1 + both)
    assert keep.asked == [((*x.shape[:2], features), P, False)] * 2


@pytest.mark.parametrize("name", KINDS)
def test_masks_are_applied_between_layers(name):
    """Against layers of their own, one after the other, with what lies between them in plain."""
    net, func = make(name)
    x, masks = torch.randn(L, B, E), iter(torch.rand(2, L, B, net.proj_size or 6) > P)
    kept = []

    def mask(shape):
        kept.append(next(masks))
        return kept[-1]

    found = flat(handled(net, func, Given(mask), x))
    kind, _, more = KINDS[name]
    h, last = x, []
    for layer in range(3):
        if layer:
            h = h * kept[layer - 1] / (1 - P)
        one = kind(h.shape[-1], 6, 1, **more)
        names = {key: key.replace("_l0", f"_l{layer}") for key in one.state_dict()}
        one.load_state_dict({key: net.state_dict()[other] for key, other in names.items()})
        h, *states = flat(one(h))
        last.append(states)
    wanted = [h, *map(torch.cat, zip(*last, strict=True))]
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b.detach())


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("both", [False, True])
def test_packed_sequences(name, both):
    net, func = make(name, bidirectional=both)
    x, lengths = torch.randn(L, B, E), torch.tensor([5, 2, 3])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)

    def unpacked(result):
        return nn.utils.rnn.pad_packed_sequence(result[0])[0], result[1]

    keep = Given()
    check(unpacked(handled(net, func, keep, packed)), unpacked(net.eval()(packed)))
    assert [(shape[0], whole) for shape, _, whole in keep.asked] == [(L, True)] * 2
    # One mask by time for all items: as padded, where every item has that mask.
    masks = [torch.rand(L, keep.asked[0][0][1]) > P for _ in range(2)]
    of_packed, of_padded = iter(masks), iter(masks)
    found = unpacked(handled(net, func, Given(lambda _: next(of_packed)), packed))[0]
    if not both:
        padded = handled(net, func, Given(lambda _: next(of_padded)[:, None]), x)[0]
        for item, length in enumerate(lengths):
            torch.testing.assert_close(found[:length, item], padded[:length, item])


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_what_drops_nothing_is_left_to_torch(name):
    kind, func, _ = KINDS[name]
    x = torch.randn(L, B, E)
    with torch.no_grad():
        one = kind(E, 6, 1)
        check(handled(one, func, None, x), one(x))
        off = kind(E, 6, 2)
        check(handled(off, func, None, x), off(x))


def test_unknown_arguments_are_left_to_torch():
    called = []
    recurrent(None, lambda *args, **kwargs: called.append((args, kwargs)), (1, 2), {"x": 3})
    assert called == [((1, 2), {"x": 3})]
