"""Comparing outputs: of two passes, and of items alone and together."""

import pytest
import torch
from torch import nn

from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling.comparing import (
    gives_items_alike,
    same_outputs,
    takes_items_alone,
    with_other_items,
)


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


def test_other_items_differ_from_all_even_where_there_is_one():
    one = {"x": torch.ones(1, 3), "words": torch.tensor([[1, 2, 3]]), "scale": torch.ones(2)}
    both = with_other_items(one, 1)
    assert not torch.equal(both["x"][0], both["x"][1])
    assert both["words"].tolist() == [[1, 2, 3], [3, 2, 1]]
    assert torch.equal(both["scale"], one["scale"])
    # Whole numbers of several items are theirs: nobody knows which others would be allowed.
    assert with_other_items(torch.tensor([4, 5, 6]), 2).tolist() == [4, 5, 6, 5]


def test_a_tensor_that_does_not_belong_to_items_stays_whole():
    class Scaled(nn.Module):
        def forward(self, batch):
            return batch["x"] * batch["scale"]

    batch = {"x": torch.randn(4, 3), "scale": torch.tensor([2.0, 3.0, 4.0])}
    assert takes_items_alone(Scaled(), batch)
    assert gives_items_alike(Scaled(), batch)


def test_a_single_item_of_whole_numbers_meets_another():
    class Meets(nn.Module):
        def forward(self, words):
            return words.float() - words.float().mean(0)

    assert not takes_items_alone(Meets(), torch.tensor([[1, 2, 3]]))
    assert not gives_items_alike(Meets(), torch.tensor([[1, 2, 3]]))


def test_items_are_compared_to_the_precision_of_their_type():
    """Batches of another size are summed in another order."""

    class Rounded(nn.Module):
        def __init__(self, error):
            super().__init__()
            self.error = error

        def forward(self, x):
            return x + self.error * len(x)

    x = torch.randn(4, 3)
    assert gives_items_alike(Rounded(1e-6), x)
    assert not gives_items_alike(Rounded(1e-2), x)
    assert not gives_items_alike(lambda data: data[:1], x)
    assert not gives_items_alike(lambda data: data[:, : len(data)], x)
    assert gives_items_alike(lambda data: (data > 0).long(), x)
    assert gives_items_alike(lambda data: data * float("nan"), x)
