import torch

from baal.metrics.mixin import MetricMixin
from baal.utils.metrics import Accuracy, Loss


def test_loss_is_always_there():
    assert sorted(MetricMixin().metrics) == ["test_loss", "train_loss"]


def test_the_filter_is_a_split_or_a_full_name_never_a_substring():
    keeper = MetricMixin()
    keeper.add_metric("latest_acc", Loss)
    for name in keeper.metrics:
        keeper.metrics[name].update(1.0)
    assert sorted(keeper.get_metrics("test")) == ["test_latest_acc", "test_loss"]
    assert sorted(keeper.get_metrics("test_loss")) == ["test_loss"]
    assert len(keeper.get_metrics()) == 4
    assert keeper.get_metrics("acc") == {}
    assert keeper.get_metrics("test_latest") == keeper.get_metrics("tes") == {}


def test_a_metric_that_saw_nothing_is_not_reported():
    keeper = MetricMixin()
    keeper.metrics["train_loss"].update(1.0)
    assert keeper.get_metrics() == {"train_loss": 1.0}


def test_dataset_size_once_known():
    keeper = MetricMixin()
    assert keeper.get_metrics() == {}
    keeper.set_dataset_size(12)
    assert keeper.get_metrics() == {"dataset_size": 12}


def test_active_step_collects_by_dataset_size():
    keeper = MetricMixin()
    keeper.active_step(None, {"a": 0})
    keeper.active_step(10, {"a": 1})
    keeper.active_step(10, {"b": 2})
    keeper.active_step(20, {"a": 3})
    assert keeper.active_learning_metrics == {10: {"a": 1, "b": 2}, 20: {"a": 3}}


def test_a_custom_loss_name_gets_outputs_not_the_loss():
    keeper = MetricMixin()
    keeper.add_metric("focal_loss", Accuracy)
    keeper._update_metrics(torch.eye(2), torch.tensor([0, 0]), torch.tensor(7.0), "train")
    assert keeper.get_metrics("train") == {"train_loss": 7.0, "train_focal_loss": 0.5}
    keeper._reset_metrics("train")
    assert keeper.get_metrics() == {}


def test_a_metric_of_losses_of_ones_own_gets_the_loss():
    class WorstLoss(Loss):
        def update(self, output=None, target=None):
            super().update(output.max().reshape(1), target)

    keeper = MetricMixin()
    keeper.add_metric("worst", WorstLoss)
    keeper._update_metrics(torch.eye(2), torch.tensor([0, 0]), torch.tensor([1.0, 3.0]), "test")
    assert keeper.get_metrics() == {"test_loss": 2.0, "test_worst": 3.0}
