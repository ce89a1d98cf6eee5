"""Where the items are: found, or an error, and never a wrong mask."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from baal.bayesian.consistent_dropout import patch_module
from baal.bayesian.joint import Joint
from baal.bayesian.sampling import sample_posterior, samples_are_joint
from baal.bayesian.sampling.axes import BatchAxis, find_axes
from baal.bayesian.sampling.engine import _plans
from baal.bayesian.sampling.one_function import OneFunction
from baal.exceptions import StateError

WAYS = ["auto", "vmap", "stack", "loop"]


class Net(nn.Module):
    """A model that drops what it makes of its input, and undoes the making afterwards."""

    def __init__(self, make, undo=None):
        super().__init__()
        self.make, self.undo, self.drop = make, undo or (lambda h: h), nn.Dropout(0.5)

    def forward(self, x):
        return self.undo(self.drop(self.make(x)))


def seen(make, data):
    run = OneFunction(Joint(0, 0))

    def forward(batch):
        with run:
            return F.dropout(make(batch), 0.5)

    with torch.no_grad():
        return find_axes(forward, data)[0, 0]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize(
    ("make", "axis", "per_item"),
    [
        (lambda x: x, 0, 1),
        (lambda x: x.transpose(0, 1), 1, 1),
        (lambda x: x.movedim(0, -1), 2, 1),
        (lambda x: x.flatten(0, 1), 0, 4),  # [B * 4, 3], item by item
        (lambda x: x.flatten(0, 1).t(), 1, 4),
        (lambda x: x.flatten(), 0, 12),
        (lambda x: x.mean(0), None, 1),
        (lambda x: torch.ones(2, 3), None, 1),  # of a weight
    ],
)
def test_axes_that_can_be_found(make, axis, per_item, n):
    for data in (torch.randn(n, 4, 3), torch.ones(n, 4, 3), torch.arange(n * 12).view(n, 4, 3)):
        assert seen(lambda x: make(x.float()), data) == BatchAxis(axis, per_item)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda x: x.transpose(0, 1).flatten(0, 1), "4 entries for each item"),  # item-minor
        (lambda x: torch.cat([x.new_ones(1, 4, 3), x]), r"make shape \[3, 4, 3\]"),
        (lambda x: x[:, :, 0] @ x[:, :, 0].t(), r"make shape \[2, 2\]"),
        (lambda x: x if len(x) == 2 else x.flatten(1), "another way when a batch has another size"),
        (lambda x: x.flatten(0, 1)[x.flatten(0, 1).sum(1).argsort()], "entries for each item"),
    ],
)
@pytest.mark.parametrize("n", [1, 5])
def test_axes_that_cannot_be_known(make, why, n):
    torch.manual_seed(0)
    data = torch.randn(n, 4, 3)
    found = seen(make, data)
    assert isinstance(found, str)
    net = patch_module(Net(make)).eval()
    for way in WAYS:
        with pytest.raises(StateError, match=rf"(?s)which axis .*{why}.*Tell it by `batch_axis`"):
            sample_posterior(net, data, 3, way)


def test_values_that_come_out_the_same_either_way_are_not_trusted():
    found = seen(lambda x: x.flatten(0, 1) * 0, torch.randn(3, 4, 3))
    assert "4 entries for each item" in found


def test_calls_that_come_and_go():
    def forward(x):
        with OneFunction(Joint(0, 0)):
            F.dropout(x)
            if len(x) == 3:
                F.dropout(x)
            return x

    found = find_axes(forward, torch.ones(3, 2))
    assert found[0, 0] == BatchAxis(0)
    assert "another way" in found[0, 1]


def test_shapes_that_depend_on_the_order_of_items():
    def forward(x):
        some = x.flatten(0, 1)
        return some if x[0].sum() == 0 else torch.cat([some, some, some])[:, None]

    data = torch.tensor([[[0.0, 0.0]] * 4, [[1.0, 2.0]] * 4])
    # Two items make [8, 2], three make [12, 2], and exchanged they make [24, 1, 2].
    assert "another way when items change places" in seen(forward, data)


def test_nothing_to_count_items_by():
    assert find_axes(len, ["a", "b"]) == {}


def test_items_are_taken_from_all_tensors_of_them():
    shapes = []

    def forward(batch):
        shapes.append((batch["x"].shape[0], batch["n"].tolist(), batch["scale"].shape))
        return batch["x"]

    find_axes(forward, {"x": torch.ones(4, 2), "n": torch.arange(4), "scale": torch.ones(7)})
    assert [(n, scale) for n, _, scale in shapes] == [(2, (7,)), (3, (7,))]
    assert [numbers for _, numbers, _ in shapes] == [[0, 3], [0, 3, 0]]


@pytest.mark.parametrize("way", ["vmap", "loop"])
def test_dropout_of_a_weight_is_one_mask_for_all_items(way):
    class WeightDrop(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.drop = nn.Parameter(torch.randn(5, 3)), nn.Dropout(0.5)

        def forward(self, x):
            return x @ self.drop(self.weight).t()

    torch.manual_seed(0)
    net, x = patch_module(WeightDrop(), seed=0).eval(), torch.randn(6, 3)
    samples = sample_posterior(net, x, 4, way)
    # Linear in the input, item by item: the same weight for all of them.
    with torch.no_grad():
        other = sample_posterior(net, torch.eye(3), 4, way)
    torch.testing.assert_close(samples, torch.einsum("bi,iok->bok", x, other))
    assert samples_are_joint(net) is True
    sample_posterior(net, x, 4)
    assert "stack" not in _plans[net]["auto"].ways
    with pytest.raises(StateError, match="another way than 'stack'"):
        sample_posterior(net, x, 4, "stack")


class FixedSize(nn.Module):
    """Takes batches of four only, as a compiled or exported model may."""

    def __init__(self, time_first=False):
        super().__init__()
        self.drop, self.time_first = nn.Dropout(0.5), time_first

    def forward(self, x):
        x = x.reshape(4, 2, 3)
        if self.time_first:
            return self.drop(x.transpose(0, 1)).transpose(0, 1)
        return self.drop(x)


@pytest.mark.parametrize("way", ["auto", "loop", "vmap"])
@pytest.mark.parametrize(
    ("time_first", "axis", "wrong"), [(False, 0, 1), (True, 1, 0), (True, -2, -1), (False, -3, 5)]
)
def test_a_batch_of_one_size_needs_to_be_told(way, time_first, axis, wrong):
    x = torch.ones(4, 2, 3)
    with pytest.raises(StateError, match="Tell it by `batch_axis`"):
        sample_posterior(patch_module(FixedSize(time_first)).eval(), x, 5, way)
    told = patch_module(FixedSize(time_first), seed=0, batch_axis=axis).eval()
    samples = sample_posterior(told, x, 5, way)
    assert torch.equal(samples, samples[:1].expand_as(samples))
    assert float(samples.std()) > 0
    with pytest.raises(StateError, match=r"entries on axis|Tell it by `batch_axis`"):
        sample_posterior(patch_module(FixedSize(time_first), batch_axis=wrong).eval(), x, 5, way)


@pytest.mark.parametrize("way", ["auto", "loop", "vmap"])
def test_inputs_that_are_no_tensors_need_to_be_told(way):
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, words):
            lengths = torch.tensor([float(len(word)) for word in words])
            return self.drop(lengths[:, None].expand(-1, 8) / lengths[:, None])

    words = ["a", "four", "sixteen"]
    with pytest.raises(StateError, match="Tell it by `batch_axis`"):
        sample_posterior(patch_module(Words()).eval(), words, 5, way)
    samples = sample_posterior(patch_module(Words(), batch_axis=0, seed=1).eval(), words, 5, way)
    assert torch.equal(samples, samples[:1].expand_as(samples))
    assert float(samples.std()) > 0


def test_shapes_without_items():
    assert BatchAxis(None).without((5, 4), None) == (5, 4)
    assert BatchAxis(1, 2).without((5, 8, 3), 4) == (5, 2, 3)
    assert BatchAxis(0).without((5, 4), None) == (1, 4)
    for axis, items in ((BatchAxis(1), 5), (BatchAxis(2), 5), (BatchAxis(2), None)):
        with pytest.raises(StateError, match=r"got shape \[5, 4\]"):
            axis.without((5, 4), items)


def test_items_with_places_in_a_tensor_that_does_not_grow():
    def padded(x):
        return torch.cat([x, x.new_zeros(16 - len(x), *x.shape[1:])])

    data = torch.randn(5, 4, 3)
    assert "[16, 4, 3] has places of items, but does not grow with them" in seen(padded, data)
    net = patch_module(Net(padded)).eval()
    for way in WAYS:
        with pytest.raises(StateError, match="places of items"):
            sample_posterior(net, data, 3, way)


class Steps(nn.Module):
    """A recurrent cell written out, with a dropout at each step: longer batches call it more."""

    def __init__(self):
        super().__init__()
        self.cell, self.drop = nn.Linear(11, 8), nn.Dropout(0.5)

    def forward(self, x):
        state = x.new_zeros(len(x), 8)
        for step in x.unbind(1):
            state = self.drop(self.cell(torch.cat([step, state], 1)).tanh())
        return state


@pytest.mark.parametrize("way", WAYS)
def test_a_later_batch_with_more_calls_is_looked_at_again(way):
    torch.manual_seed(0)
    net, x = patch_module(Steps(), seed=0).eval(), torch.randn(5, 6, 3)
    whole = sample_posterior(copy.deepcopy(net), x, 4)
    sample_posterior(net, x[:, :2], 4, way)
    torch.testing.assert_close(sample_posterior(net, x, 4, way), whole)
    assert samples_are_joint(net) is True


@pytest.mark.parametrize("way", WAYS)
def test_a_dropout_that_is_turned_on_later(way):
    net = patch_module(nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5)), seed=0).eval()
    x = torch.randn(5, 3)
    expected = sample_posterior(copy.deepcopy(net), x, 4)
    net[1].p = 0.0
    with pytest.warns(UserWarning, match="identical"):
        sample_posterior(net, x, 4, way)
    net[1].p = 0.5
    torch.testing.assert_close(sample_posterior(net, x, 4, way), expected)


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_of_no_items(way):
    net = patch_module(nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5)), seed=0).eval()
    x = torch.randn(5, 3)
    assert sample_posterior(net, x[:0], 4, way).shape == (0, 8, 4)
    assert samples_are_joint(net) is None  # nothing was seen
    expected = sample_posterior(copy.deepcopy(net), x, 4)
    torch.testing.assert_close(sample_posterior(net, x, 4, way), expected)
    assert sample_posterior(net, x[:0], 4, way).shape == (0, 8, 4)
    assert samples_are_joint(net) is True


def test_why_a_model_could_not_be_looked_at():
    net = patch_module(Net(lambda x: x.view(5, 3))).eval()
    with pytest.raises(StateError, match=r"two of your items, or three, .* RuntimeError: shape"):
        sample_posterior(net, torch.randn(5, 3), 2)


class Folded(nn.Module):
    """Words folded into the batch: how many entries each item has depends on its length."""

    def __init__(self):
        super().__init__()
        self.linear, self.drop = nn.Linear(3, 8), nn.Dropout(0.5)

    def forward(self, x):
        return self.drop(self.linear(x.flatten(0, 1))).unflatten(0, x.shape[:2]).flatten(1)


@pytest.mark.parametrize("way", WAYS)
def test_later_batches_of_other_lengths_are_looked_at_again(way):
    torch.manual_seed(0)
    net = patch_module(Folded(), seed=0).eval()
    for length in (1, 6, 4):
        x = torch.randn(5, length, 3)
        expected = sample_posterior(copy.deepcopy(net), x, 4)
        torch.testing.assert_close(sample_posterior(net, x, 4, way), expected)
        parts = [sample_posterior(net, part, 4, way) for part in x.split(2)]
        torch.testing.assert_close(torch.cat(parts), expected)
        assert samples_are_joint(net) is True
