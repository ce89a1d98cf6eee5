"""With the real torchmetrics, which is no dependency."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.metrics.mixin import MetricMixin
from baal.modelwrapper import ModelWrapper, TrainingArgs
from baal.utils.metrics import ECE, F1, Accuracy, ECE_PerCLs, Precision, Recall
from tests.utils.metrics.batches import outputs

torchmetrics = pytest.importorskip("torchmetrics", reason="with the extra `dev`")
from torchmetrics import classification as theirs  # noqa: E402


def test_a_wrapper_measures_with_theirs_what_it_measures_with_ours():
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(50, 4), torch.randint(3, (50,)))
    model = nn.Linear(4, 3)
    args = TrainingArgs(
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1), criterion=nn.CrossEntropyLoss(),
        epoch=2, batch_size=16, workers=0, use_cuda=False,
    )  # fmt: skip
    wrapper = ModelWrapper(model, args)
    wrapper.add_metric("ours", Accuracy)
    wrapper.add_metric("theirs", lambda: theirs.MulticlassAccuracy(3, average="micro"))
    wrapper.add_metric("copied", theirs.MulticlassAccuracy(3, average="micro"))
    wrapper.add_metric("by_class", lambda: theirs.MulticlassRecall(3, average=None))
    wrapper.add_metric(
        "several",
        torchmetrics.MetricCollection(
            {"auroc": theirs.MulticlassAUROC(3), "confusion": theirs.MulticlassConfusionMatrix(3)}
        ),
    )
    assert wrapper.get_metrics() == {}
    wrapper.train_on_dataset(data)
    assert not any(name.startswith("test") for name in wrapper.get_metrics())
    wrapper.test_on_dataset(data)
    for split in ("train", "test"):
        values = wrapper.get_metrics(split)
        ours = values[f"{split}_ours"]
        assert values[f"{split}_theirs"] == values[f"{split}_copied"] == pytest.approx(ours)
        assert len(values[f"{split}_by_class"]) == 3
        several = values[f"{split}_several"]
        assert isinstance(several["auroc"], float)
        confusion = np.array(several["confusion"])
        assert confusion.trace() / 50 == pytest.approx(ours)


@pytest.mark.parametrize("seed", range(3))
def test_theirs_agree_with_ours(seed):
    """Where all classes have items and predictions; both call the same things the same."""
    output, target = outputs(300, 4, seed)
    pairs = {
        "precision": (Precision(4), theirs.MulticlassPrecision(4)),
        "precisions": (Precision(4, average=False), theirs.MulticlassPrecision(4, average=None)),
        "recall": (Recall(4), theirs.MulticlassRecall(4)),
        "f1": (F1(4), theirs.MulticlassF1Score(4)),
        "top2": (Accuracy(topk=(2,)), theirs.MulticlassAccuracy(4, top_k=2, average="micro")),
        "ece": (ECE(10), theirs.MulticlassCalibrationError(4, n_bins=10)),
    }
    keeper = MetricMixin()
    for name, (ours, other) in pairs.items():
        keeper.add_metric(name, ours)
        keeper.add_metric(f"{name}_theirs", other)
    for part in (slice(100), slice(100, 300)):
        keeper._update_metrics(output[part], target[part], torch.tensor(0.0), "test")
    values = keeper.get_metrics("test")
    for name in pairs:
        np.testing.assert_allclose(values[f"test_{name}_theirs"], values[f"test_{name}"], atol=1e-6)


def test_calibration_by_class_is_theirs_of_each_class():
    output, target = outputs(300, 4, seed=5)
    ours = ECE_PerCLs(4, n_bins=10)
    ours.update(output, target)
    for c in range(4):
        other = theirs.BinaryCalibrationError(n_bins=10)
        confidence = other(output[:, c], (target == c).long())
        # Theirs takes the probability of the class for the confidence in it, as ours does.
        assert ours.value[c] == pytest.approx(float(confidence), abs=1e-6)
