"""A data set that trains in milliseconds, in place of the digits."""

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.experiments.datasets import ImageClassificationTask
from baal.experiments.studies import protocol
from baal.experiments.studies.data import STUDY_DATA, StudyData

N_POOL, N_TEST = 120, 30


def clouds(n, seed):
    """Points of three clouds `[n, 6]`, and which cloud `[n]`."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.arange(n) % 3
    points = torch.randn(n, 6, generator=generator)
    points[torch.arange(n), classes] += 2
    return TensorDataset(points, classes)


def load(_data, _size):
    return ImageClassificationTask(
        clouds(N_POOL, 1), clouds(N_TEST, 2), n_classes=3, class_names=("red", "green", "blue")
    )


def model(n_classes, _pretrained):
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, n_classes))


@pytest.fixture
def clouds_as_digits(monkeypatch):
    """`--dataset mnist5k` is the clouds: 120 points to label, 30 to test on."""
    defaults = {
        "initial_labels": 10, "query_size": 10, "label_counts": (20, 35),
        "epochs": 2, "iterations": 3, "workers": 0,
    }  # fmt: skip
    protocol._load.cache_clear()
    monkeypatch.setitem(STUDY_DATA, "mnist5k", StudyData(load, model, defaults=defaults))
    yield
    protocol._load.cache_clear()
