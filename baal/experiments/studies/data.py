"""The data sets of the studies: how each is loaded, its model, and the numbers that fit it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from baal.experiments.datasets import (
    ImageClassificationTask,
    cifar10,
    cifar100,
    fashion_mnist,
    imbalanced_mnist_5k,
    miotcd,
    mnist_5k,
)
from baal.experiments.models import small_cnn
from baal.experiments.vision_models import pretrained_vgg16

__all__ = ["STUDY_DATA", "StudyData"]


@dataclass(frozen=True)
class StudyData:
    """One data set.

    Attributes:
        load: Called with the folder of the data, or None for its usual place, and the height and
            width of images, which small grey ones do not care for.
        model: Called with the number of classes, and whether to begin with pretrained weights.
        optimizer: Called with the parameters and `lr`.
        defaults: Fields of `Protocol` that differ from the paper's.

    Example:
        >>> STUDY_DATA["mnist5k"].defaults["initial_labels"]
        40
    """

    load: Callable[[str | None, int], ImageClassificationTask]
    model: Callable[[int, bool], nn.Module]
    optimizer: Callable[..., Optimizer] = torch.optim.Adam
    defaults: Mapping[str, Any] = field(default_factory=dict)


def _digits_cnn(n_classes: int, pretrained: bool) -> nn.Module:  # noqa: ARG001 - has no weights
    return small_cnn(n_classes, width=64, feature_dropout=0.25)


def _fashion_cnn(n_classes: int, pretrained: bool) -> nn.Module:  # noqa: ARG001 - has no weights
    return small_cnn(n_classes, width=128)


def _vgg16(n_classes: int, pretrained: bool) -> nn.Module:
    return pretrained_vgg16(n_classes, pretrained=pretrained)


def _sgd(parameters: Any, lr: float) -> Optimizer:
    return torch.optim.SGD(parameters, lr=lr, momentum=0.9, weight_decay=5e-4)


def _fashion(data: str | None, image_size: int) -> ImageClassificationTask:  # noqa: ARG001
    return fashion_mnist(data, download=data is not None)


# Images in memory need no processes that load them. Labels: a tenth of the pool, a fifth and two
# fifths, as 5,000, 10,000 and 20,000 are of CIFAR10's.
_DIGITS = {"initial_labels": 40, "query_size": 100, "label_counts": (400, 800, 1600), "workers": 0}
_IMBALANCED = {
    "initial_labels": 20, "query_size": 10, "label_counts": (50, 100, 200),
    "epochs": 50, "workers": 0,
}  # fmt: skip
_FASHION = {
    "query_size": 500, "pool_size": 15_000,
    "epochs": 6, "batch_size": 64, "learning_rate": 3e-3, "workers": 0,
}  # fmt: skip

STUDY_DATA: dict[str, StudyData] = {
    "cifar10": StudyData(lambda data, size: cifar10(data or "data", image_size=size), _vgg16, _sgd),
    "cifar100": StudyData(
        lambda data, size: cifar100(data or "data", image_size=size), _vgg16, _sgd
    ),
    "miotcd": StudyData(
        lambda data, size: miotcd(data or "data/miotcd", image_size=size), _vgg16, _sgd
    ),
    "fashion-mnist": StudyData(_fashion, _fashion_cnn, defaults=_FASHION),
    "mnist5k": StudyData(lambda _data, _size: mnist_5k(), _digits_cnn, defaults=_DIGITS),
    "mnist5k-imbalanced": StudyData(
        lambda _data, _size: imbalanced_mnist_5k(), _digits_cnn, defaults=_IMBALANCED
    ),
}
"""The data sets of the studies, by name."""
