"""Comparing outputs: of two passes, and of items alone and together."""

import pytest
import torch
from torch import nn

from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling.comparing import same_outputs, takes_items_alone


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (torch.ones(2), torch.ones(2) * (1 + 1e-6), True),
        (torch.ones(2), torch.ones(2) * 1.01, False),
        (torch.tensor([float("nan")]), torch.tensor([float("nan")]), True),
        (torch.tensor([float("nan")]), torch.tensor([1.0]), False),
        (torch.ones(2), torch.ones(1, 2), False),
        (torch.ones(2, dtype=torch.long), torch.ones(2, dtype=torch.long), True),
        (torch.tensor([True]), torch.tensor([False]), False),
        ({"a": torch.ones(1)}, {"a": torch.ones(1)}, True),
        ([torch.ones(1)], [torch.ones(1), torch.ones(1)], False),
        ((), (), True),
    ],
)
def test_same_outputs(first, second, expected):
    assert same_outputs(first, second) is expected


class Centred(nn.Module):
    def forward(self, x):
        return x - x.mean(0)


class First(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


@pytest.mark.parametrize(
    ("net", "shape", "expected"),
    [
        (nn.Linear(4, 2), (3, 4), True),
        (nn.BatchNorm1d(4).eval(), (3, 4), True),
        (nn.BatchNorm1d(4).train(), (3, 4), False),
        (nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 2)), (3, 4), True),
        (Centred(), (3, 4), False),
        (Centred(), (1, 4), False),
        (First(nn.GRU(4, 2, batch_first=True)), (3, 5, 4), True),
        (First(nn.GRU(4, 2)), (3, 5, 4), False),  # its first axis is time
    ],
)
def test_items_alone_and_together(net, shape, expected):
    torch.manual_seed(0)
    net = patch_module(net) if any(isinstance(m, nn.Dropout) for m in net.modules()) else net
    with torch.no_grad():
        assert takes_items_alone(net, torch.randn(shape)) is expected


def test_integers_and_what_is_no_item():
    class Embeds(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(10, 3)

        def forward(self, batch):
            return {"out": self.table(batch["tokens"]) * batch["scale"]}

    batch = {"tokens": torch.tensor([[1, 2], [3, 4]]), "scale": torch.tensor(2.0)}
    with torch.no_grad():
        assert takes_items_alone(Embeds(), batch)


def test_one_output_for_the_whole_batch():
    class Total(nn.Module):
        def forward(self, x):
            return x.sum()

    assert not takes_items_alone(Total(), torch.ones(2, 2))
