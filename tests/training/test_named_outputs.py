import numpy as np
import pytest
import torch
from torch import nn

from baal.bayesian.dropout import MCDropoutModule
from baal.exceptions import InvalidTypeError
from baal.training.named_outputs import (
    NamedOutputs,
    classes_second,
    fits,
    inner_model,
    mask_padding,
    pad_and_join,
)


class Gives(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, **batch):
        return self.output


X = torch.ones(2, 3)


@pytest.mark.parametrize(
    ("output", "names"),
    [
        (X, ["logits"]),
        ((X, X), ["logits", "1"]),
        ({"loss": X, "logits": X, "states": (X, X), "none": None, "cache": object()},
         ["logits", "states"]),
        ({"logits": X, "ignored": X, "empty": ()}, ["logits"]),
    ],
)  # fmt: skip
def test_outputs_by_name(output, names):
    assert list(NamedOutputs(Gives(output), ["ignored"])({"x": X})) == names


def test_no_outputs():
    with pytest.raises(InvalidTypeError, match="but got str"):
        NamedOutputs(Gives("text"))({})


def test_what_is_inside():
    net = nn.Sequential(nn.Dropout(0.5))
    assert inner_model(MCDropoutModule(net)) is net
    assert inner_model(net) is net


@pytest.mark.parametrize(
    ("name", "shape", "last", "expected"),
    [
        ("logits", (2, 3, 5), None, (2, 3, 5)),
        ("logits", (2, 7, 3, 5), None, (2, 3, 7, 5)),
        ("logits", (2, 7, 3, 5), False, (2, 7, 3, 5)),
        ("logits", (2, 3, 4, 6, 5), None, (2, 3, 4, 6, 5)),
        ("logits", (2, 4, 6, 3, 5), True, (2, 3, 4, 6, 5)),
        ("logits", (2, 3, 5), True, (2, 3, 5)),
        ("hidden_states", (2, 7, 3, 5), None, (2, 7, 3, 5)),
    ],
)
def test_where_the_classes_go(name, shape, last, expected):
    assert classes_second(name, torch.zeros(shape), last).shape == expected


def test_padding_is_marked_in_a_copy():
    samples, mask = torch.ones(2, 3, 4, 5), torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]])
    marked = mask_padding(samples, mask)
    assert not samples.isnan().any()
    assert torch.equal(marked.isnan(), (mask == 0)[:, None, :, None].expand(2, 3, 4, 5))
    for other in (None, torch.ones(2, 4), torch.zeros(2, 5), "mask"):
        assert mask_padding(samples, other) is samples
    assert not fits(torch.ones(2, 3, 4, 4, 5), torch.ones(2, 4, 4))


def test_batches_of_several_lengths():
    batches = [[np.full((1, 2, n, 3), n, np.float16), np.ones((1, 2))] for n in (2, 4, 3)]
    joined, other = pad_and_join(batches)
    assert joined.shape == (3, 2, 4, 3)
    assert joined.dtype == np.float16
    assert (~np.isnan(joined)).sum(axis=(1, 2, 3)).tolist() == [12, 24, 18]
    assert np.nansum(joined[0]) == 24
    assert other.shape == (3, 2)
