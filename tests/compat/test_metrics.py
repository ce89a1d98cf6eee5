"""Scripts in the idiom of BaaL 2.1 that use metrics, unchanged."""

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.metrics import get_metric
from baal.metrics.mixin import MetricMixin
from baal.modelwrapper import ModelWrapper, TrainingArgs
from baal.utils.metrics import (
    ECE,
    Accuracy,
    ClassificationReport,
    ECE_PerCLs,
    Loss,
    Metrics,
    PRAuC,
    Precision,
)


def test_a_wrapper_with_many_metrics():
    torch.manual_seed(0)
    y = torch.randint(3, (60, 1))
    x = torch.randn(60, 4) + 4 * nn.functional.one_hot(y[:, 0], 4)
    data = TensorDataset(x, y)
    model = nn.Sequential(nn.Linear(4, 3))

    def criterion(output, target):
        return nn.functional.cross_entropy(output, target[:, 0])

    args = TrainingArgs(
        optimizer=torch.optim.Adam(model.parameters(), lr=0.1), criterion=criterion, epoch=10,
        batch_size=16, workers=0, use_cuda=False,
    )  # fmt: skip
    wrapper = ModelWrapper(model, args)
    wrapper.add_metric("accuracy", Accuracy)
    wrapper.add_metric("top2", lambda: Accuracy(topk=(1, 2)))
    wrapper.add_metric("precision", lambda: Precision(num_classes=3, average=True))
    wrapper.add_metric("report", lambda: ClassificationReport(num_classes=3))
    wrapper.add_metric("ece", lambda: ECE(n_bins=10))
    wrapper.add_metric("ece_by_class", lambda: ECE_PerCLs(n_cls=3, n_bins=10))
    wrapper.add_metric("pr_auc", lambda: PRAuC(num_classes=3, n_bins=20, average=True))
    wrapper.train_on_dataset(data)
    assert set(wrapper.get_metrics("test")) == {"dataset_size"}
    wrapper.test_on_dataset(data)
    values = wrapper.get_metrics("test")
    assert values["test_accuracy"] > 0.9
    assert values["test_precision"] > 0.9
    assert values["test_pr_auc"] > 0.9
    assert values["test_top2"][0] == values["test_accuracy"]
    assert [len(values["test_report"][k]) for k in ("accuracy", "precision", "recall")] == [3] * 3
    assert len(values["test_ece_by_class"]) == 3
    assert 0 <= values["test_ece"] <= 0.5
    assert values["dataset_size"] == 60


@pytest.mark.parametrize("name", ["loss", "accuracy", "precision", "classification_report"])
def test_metrics_by_name(name):
    metric = get_metric(name, num_classes=3, average=True)
    assert isinstance(metric, Metrics)
    data = torch.tensor(2.0) if name == "loss" else torch.eye(3)
    metric.update(data, torch.tensor([0, 1, 2]))
    assert isinstance(metric.value, dict if name == "classification_report" else float)
    assert str(metric) == str(metric.value)
    metric.reset()


def test_a_mixin_of_ones_own():
    class Trainer(MetricMixin):
        pass

    trainer = Trainer()
    trainer.add_metric("focal_loss", Loss)
    trainer.metrics["train_focal_loss"].update(torch.tensor(1.0), torch.zeros(4))
    assert trainer.get_metrics("train") == {"train_focal_loss": 1.0}


def test_diagrams_are_written(tmp_path):
    for i, metric in enumerate((ECE(n_bins=10), ECE_PerCLs(n_cls=3, n_bins=10))):
        metric.update(torch.rand(20, 3).softmax(1), torch.randint(3, (20,)))
        metric.plot(path=tmp_path / f"{i}.png")
        assert (tmp_path / f"{i}.png").read_bytes().startswith(b"\x89PNG")
        metric.plot()
