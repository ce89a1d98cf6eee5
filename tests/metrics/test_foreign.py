import copy
import math
import pickle

import pytest
import torch

from baal.exceptions import InvalidTypeError
from baal.metrics.foreign import ForeignMetric, as_metric, is_metric
from baal.metrics.mixin import MetricMixin
from baal.utils.metrics import Accuracy, Loss


class Share:
    """A metric in torchmetrics' idiom, without torchmetrics; keeps what it was given."""

    def __init__(self, classes=2):
        self.classes = classes
        self.device = None
        self.reset()

    def reset(self):
        self.hits, self.items = torch.tensor(0), 0

    def to(self, device):
        self.device = device
        return self

    def update(self, output, target):
        assert not output.requires_grad
        self.hits = self.hits + (output.argmax(1) == target).sum()
        self.items += len(target)

    def compute(self):
        share = self.hits / self.items
        return {"share": share, "both": (share, torch.stack([share, 1 - share])), "name": "share"}


def test_values_are_plain_in_the_structure_in_which_they_came():
    metric = ForeignMetric(Share())
    assert math.isnan(metric.value)
    assert metric.is_empty
    metric.update(torch.eye(2, requires_grad=True), torch.tensor([0, 0]))
    assert metric.value == {"share": 0.5, "both": (0.5, [0.5, 0.5]), "name": "share"}
    assert math.isnan(metric.standard_dev)
    metric.reset()
    assert metric.is_empty
    assert metric.metric.items == 0


def test_it_follows_the_outputs_and_shows_its_own_attributes():
    metric = ForeignMetric(Share(classes=7))
    metric.update(torch.eye(2), torch.tensor([0, 0]))
    assert metric.classes == 7
    assert metric.device == torch.device("cpu")
    assert metric.compute()["share"] == 0.5
    with pytest.raises(AttributeError, match="nothing"):
        metric.nothing


def test_copies_are_independent():
    metric = ForeignMetric(Share())
    metric.update(torch.eye(2), torch.tensor([0, 0]))
    for copied in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        assert copied.value == metric.value
        copied.reset()
        assert not metric.is_empty


class Several:
    """Counts the tensors of outputs that come in dicts; has no `to`."""

    def reset(self):
        self.seen = 0

    def update(self, output, target):
        self.seen += len(output)

    def compute(self):
        return self.seen


def test_outputs_in_dicts():
    metric = ForeignMetric(Several())
    metric.update({"a": torch.ones(2), "b": torch.ones(2)}, None)
    assert metric.value == 2


@pytest.mark.parametrize("source", [Share, Share(), lambda: Share(2), ForeignMetric(Share())])
def test_each_split_has_its_own(source):
    keeper = MetricMixin()
    keeper.add_metric("share", source)
    keeper._update_metrics(torch.eye(2), torch.tensor([0, 0]), torch.tensor(7.0), "train")
    assert keeper.get_metrics("train")["train_share"]["share"] == 0.5
    assert keeper.get_metrics("test") == {}
    keeper._update_metrics(torch.eye(2), torch.tensor([0, 1]), torch.tensor(7.0), "test")
    assert keeper.get_metrics("test")["test_share"]["share"] == 1.0
    assert keeper.get_metrics("train")["train_share"]["share"] == 0.5
    keeper._reset_metrics("train")
    assert set(keeper.get_metrics()) == {"test_share", "test_loss"}


def test_a_metric_is_copied_and_has_seen_nothing():
    ours = Accuracy()
    ours.update(torch.eye(2), torch.tensor([0, 0]))
    made = as_metric(ours)
    assert made.is_empty
    assert ours.value == 0.5
    theirs = Share()
    theirs.update(torch.eye(2), torch.tensor([0, 0]))
    assert as_metric(theirs).metric.items == 0
    assert theirs.items == 2


def test_what_is_a_metric():
    assert [is_metric(thing) for thing in (Loss(), Share(), Loss, Share, {}, None)] == [
        True, True, False, False, False, False
    ]  # fmt: skip


@pytest.mark.parametrize(("source", "got"), [(None, "NoneType"), (dict, "dict"), (list, "list")])
def test_what_is_not(source, got):
    keeper = MetricMixin()
    with pytest.raises(InvalidTypeError, match=f"to be a metric, or to make one.* but got {got}"):
        keeper.add_metric("x", source)
    assert sorted(keeper.metrics) == ["test_loss", "train_loss"]
