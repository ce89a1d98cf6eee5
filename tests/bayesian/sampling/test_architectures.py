"""Architectures, each by every way that can run it: their samples are those of plain passes."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import sample_posterior
from baal.experiments.models import TextLSTM, TextTransformer, UNet, resnet18, vgg16

K = 120


class Block(nn.Module):
    """A residual block; either sum in place."""

    def __init__(self, way_round):
        super().__init__()
        self.stem, self.conv = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.drop, self.way_round = nn.Dropout(0.4), way_round

    def forward(self, x):
        identity = self.stem(x)
        out = self.drop(F.relu(self.conv(identity)))
        if self.way_round == "out":
            out += identity
            return out.mean((2, 3))
        identity += out
        return identity.mean((2, 3))


class Branches(nn.Module):
    """Goes on by what it sees: each item is passed on or turned around."""

    def __init__(self):
        super().__init__()
        self.stem, self.drop = nn.Linear(6, 6), nn.Dropout(0.4)

    def forward(self, x):
        h = self.stem(x)
        if bool(h.abs().max() > 1e-3):
            h = h * 2
        h = self.drop(h)
        return h.sum(1, keepdim=True) if bool((h[0] == 0).any()) else h[:, :1] - 100


class Host(nn.Module):
    """Randomness of NumPy: for each element, or one number a pass; torch's beside it or not."""

    def __init__(self, per_element, with_torch):
        super().__init__()
        self.per_element, self.with_torch = per_element, with_torch

    def forward(self, x):
        noise = np.random.normal(size=tuple(x.shape) if self.per_element else 1)
        y = x + torch.from_numpy(noise).to(x)
        return torch.cat([y, F.dropout(x, 0.5, training=True)], 1) if self.with_torch else y


class WeightNoise(nn.Module):
    """DropConnect after dropout: the noise on the weights is one draw for the whole batch."""

    def __init__(self):
        super().__init__()
        self.drop, self.weight = nn.Dropout(0.2), nn.Parameter(torch.randn(2, 6))

    def forward(self, x):
        h = self.drop(x).repeat(1, 50).reshape(len(x), 50, 6).mean(1)
        return F.linear(h, self.weight * torch.rand(2, 6))


class InPlace(nn.Module):
    """Changes its input in place, as preprocessing in a `forward` does."""

    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.4)

    def forward(self, x):
        x += 1
        return torch.cat([x, self.drop(x)], dim=1)


class Pair(NamedTuple):
    logits: Any
    features: Any


class Outputs(nn.Module):
    """Several kinds of output; the input's own values among them tell items apart."""

    def __init__(self, kind):
        super().__init__()
        self.drop, self.kind = nn.Dropout(0.4), kind

    def forward(self, x):
        if self.kind == "input dict":
            return self.drop(x["a"]) + x["b"][0]
        y = self.drop(x)
        return {
            "tuple": lambda: (y, x),
            "list": lambda: [y, (x, y * 2)],
            "dict": lambda: {"logits": y, "nested": {"x": x}},
            "namedtuple": lambda: Pair(y, x),
            "1-D": partial(y.sum, 1),
            "integers": (y * 1000).long,
            "bool": lambda: y > 0,
            "empty": lambda: (y, y[:, :0]),
        }[self.kind]()


def gru():
    return nn.Sequential(nn.Linear(5, 6), nn.Dropout(0.4), Last(nn.GRU(6, 4, batch_first=True)))


class Last(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0][:, -1]


def images(size=8, n=3):
    # Items differ by orders of magnitude: one taken for another is seen at once.
    return torch.randn(n, 3, size, size) * torch.tensor([0.5, 2.0, 5.0])[:n, None, None, None]


def rows():
    return torch.randn(3, 6) * torch.tensor([[0.5], [5.0], [50.0]])


def tokens():
    return torch.tensor([[1, 2, 3, 4], [5, 5, 5, 5], [6, 1, 7, 2]])


def sequences():
    return torch.randn(3, 4, 5) * torch.tensor([0.2, 1.0, 3.0])[:, None, None]


ALL, NO_VMAP = ("vmap", "stack", "loop", "auto"), ("stack", "loop", "auto")
NO_STACK, ONLY_LOOP = ("vmap", "loop", "auto"), ("loop", "auto")
TEXT = {"width": 8, "vocabulary": 9}


def cnn():
    head = [nn.Dropout2d(0.4), nn.Flatten(), nn.Linear(64, 3)]
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(inplace=True), *head)


CASES = {
    "cnn": (cnn, images, ALL),
    "resnet18": (lambda: resnet18(3, width=2), images, ALL),
    "out += identity": (lambda: Block("out"), images, ALL),
    "identity += out": (lambda: Block("identity"), images, NO_VMAP),
    "unet": (lambda: UNet(width=2), images, ALL),
    "lstm before": (lambda: TextLSTM(**TEXT, before=0.4), tokens, NO_VMAP),
    "lstm between": (
        lambda: TextLSTM(**TEXT, n_layers=2, before=0.0, between=0.5), tokens, NO_VMAP,
    ),
    "lstm after": (lambda: TextLSTM(**TEXT, before=0.0, after=0.5), tokens, NO_VMAP),
    "gru": (gru, sequences, NO_VMAP),
    "transformer": (lambda: TextTransformer(**TEXT, n_layers=1, dropout=0.3), tokens, ALL),
    "transformer, sequence first": (
        lambda: TextTransformer(**TEXT, n_layers=1, dropout=0.3, batch_first=False), tokens, ALL,
    ),
    "control flow": (Branches, rows, ("loop", "auto")),
    "numpy": (lambda: Host(True, False), rows, NO_VMAP),
    "one number of numpy": (lambda: Host(False, False), rows, ONLY_LOOP),
    "numpy and torch": (lambda: Host(True, True), rows, NO_VMAP),
    "one number of numpy and torch": (lambda: Host(False, True), rows, ONLY_LOOP),
    "weight noise": (WeightNoise, rows, NO_STACK),
    "in place on its input": (InPlace, rows, ALL),
    **{
        f"outputs: {kind}": (lambda kind=kind: Outputs(kind), rows, ALL)
        for kind in ("tuple", "list", "dict", "namedtuple", "1-D", "integers", "bool", "empty")
    },
    "input dict": (
        lambda: Outputs("input dict"), lambda: {"a": rows(), "b": [rows(), 3]}, ALL,
    ),
}  # fmt: skip


def clone(data):
    if isinstance(data, dict):
        return {"a": data["a"].clone(), "b": [data["b"][0].clone(), 3]}
    return data.clone()


@pytest.mark.filterwarnings("ignore:No layer was modified")
@pytest.mark.parametrize(
    ("name", "way"), [(name, way) for name, case in CASES.items() for way in case[2]]
)
def test_samples_are_those_of_plain_passes(name, way, law, marks):
    build, data, _ = CASES[name]
    torch.manual_seed(30)
    np.random.seed(30)
    net = patch_module(build()).eval()
    data = data()
    before = marks(net)

    class Fresh(nn.Module):  # plain passes too are to see the batch as it came
        def forward(self, x):
            return net(clone(x))

    samples = sample_posterior(net, clone(data), K, way)
    assert marks(net) == before
    law(samples, Fresh(), data)


@pytest.mark.parametrize("way", ALL)
def test_vgg16(way):
    """Too wide for many passes: what lies before its dropout is exact, and its head is random."""
    torch.manual_seed(31)
    layers = vgg16()
    net = patch_module(layers[:33]).eval()  # up to its first dropout
    x = images(32, 2)
    with torch.no_grad():
        wanted = net[:32](x)
    samples = sample_posterior(net, x, 3, way)
    kept = samples != 0
    torch.testing.assert_close(samples[kept], (wanted[..., None] * 2).expand(-1, -1, 3)[kept])
    assert not torch.equal(kept[..., 0], kept[..., 1])


@pytest.mark.parametrize("way", ALL)
def test_the_type_of_the_output_is_kept(way):
    for kind, wanted in (("namedtuple", Pair), ("tuple", tuple), ("list", list)):
        net = patch_module(Outputs(kind)).eval()
        out = sample_posterior(net, rows(), 2, way)
        assert type(out) is wanted
        assert out[0].shape == (3, 6, 2)
    out = sample_posterior(patch_module(Outputs("integers")).eval(), rows(), 2, way)
    assert out.dtype == torch.long
