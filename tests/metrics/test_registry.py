import math

import pytest
import torch

from baal.exceptions import InvalidArgumentError
from baal.metrics import available_metrics, get_metric
from baal.utils import metrics

CLASSES = {
    "accuracy": metrics.Accuracy,
    "classification_report": metrics.ClassificationReport,
    "ece": metrics.ECE,
    "ece_per_class": metrics.ECE_PerCLs,
    "f1": metrics.F1,
    "loss": metrics.Loss,
    "pr_auc": metrics.PRAuC,
    "precision": metrics.Precision,
    "recall": metrics.Recall,
}


def test_every_name_makes_its_metric():
    assert available_metrics() == sorted(CLASSES)
    for name, cls in CLASSES.items():
        assert type(get_metric(name, num_classes=3)) is cls
        assert get_metric(name, 3) is not get_metric(name, 3)


def test_arguments_reach_the_metric():
    assert get_metric("accuracy", topk=(1, 5)).topk == (1, 5)
    assert get_metric("ece", n_bins=7, mode="logits").mode == "logits"
    assert get_metric("ece_per_class", num_classes=4, n_bins=7).shape == (4, 3, 7)
    precision = get_metric("precision", num_classes=2, average=False)
    precision.update(torch.eye(2), torch.tensor([0, 0]))
    assert precision.value == [1.0, 0.0]
    assert math.isnan(get_metric("loss", average=True).value)
    assert get_metric("loss", average=False).value == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"name": "acc"}, "`name` to be one of .*'accuracy', .*'recall'.* but got 'acc'"),
        ({"name": "precision"}, "`num_classes` to be given for 'precision'"),
        ({"name": "ece", "average": False}, "`average` to be True for 'ece'"),
        ({"name": "ece", "bins": 3}, r"arguments of 'ece' .*'n_bins'.* but got \['bins'\]"),
        ({"name": "precision", "num_classes": 1}, "2 or more, but got 1"),
    ],
)
def test_errors(call, message):
    with pytest.raises(InvalidArgumentError, match=message):
        get_metric(**call)
