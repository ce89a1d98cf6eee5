import pickle
from dataclasses import fields

import pytest
import torch
from torch import nn

from baal.experiments.datasets import ImageClassificationTask
from baal.experiments.studies.data import STUDY_DATA
from baal.experiments.studies.protocol import Protocol


@pytest.mark.parametrize("name", STUDY_DATA)
def test_defaults_are_fields_of_the_protocol(name):
    assert {*STUDY_DATA[name].defaults} <= {field.name for field in fields(Protocol)}


@pytest.mark.parametrize("name", ["fashion-mnist", "mnist5k", "mnist5k-imbalanced"])
def test_small_data_has_a_small_cnn_with_dropout(name):
    data = STUDY_DATA[name]
    model = data.model(10, True)
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    assert sum(p.numel() for p in model.parameters()) < 2_000_000
    assert any(isinstance(m, nn.modules.dropout._DropoutNd) for m in model.modules())
    assert data.defaults["workers"] == 0


@pytest.mark.parametrize("name", ["mnist5k", "mnist5k-imbalanced"])
def test_the_digits(name):
    task = STUDY_DATA[name].load(None, 224)
    assert isinstance(task, ImageClassificationTask)
    assert len(task.pool) == (4000 if name == "mnist5k" else 2200)
    assert max(STUDY_DATA[name].defaults["label_counts"]) < len(task.pool)


def test_colour_sets_are_trained_with_momentum():
    optimizer = STUDY_DATA["cifar10"].optimizer([nn.Parameter(torch.zeros(1))], lr=0.25)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.25, 0.9, 5e-4)


def test_a_protocol_goes_to_another_process():
    protocol = Protocol("cifar10", label_counts=(1, 2))
    assert pickle.loads(pickle.dumps(protocol)) == protocol
