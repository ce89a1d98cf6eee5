"""The data sets of the studies: how each is loaded, its model, and the numbers that fit it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from baal.experiments.datasets import (
    ImageClassificationTask,
    fashion_mnist,
    imbalanced_mnist_5k,
    mnist_5k,
)
from baal.experiments.models import small_cnn

__all__ = ["STUDY_DATA", "StudyData"]


@dataclass(frozen=True)
class StudyData:
    """One data set.

    Attributes:
        load: Called with the folder of the data, or None for its usual place.
        model: Called with the number of classes, and whether to begin with pretrained weights.
        optimizer: Called with the parameters and `lr`.
        defaults: Fields of `Protocol` that differ from the paper's.
        metrics: Further metrics by name, called with the number of classes.
        workers: Processes that load data.

    Example:
        >>> STUDY_DATA["mnist5k"].defaults["initial_labels"]
        40
    """

    load: Callable[[str | None], ImageClassificationTask]
    model: Callable[[int, bool], nn.Module]
    optimizer: Callable[..., Optimizer] = torch.optim.Adam
    defaults: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Callable[[int], Any]] = field(default_factory=dict)
    workers: int = 0


def _digits_cnn(n_classes: int, pretrained: bool) -> nn.Module:  # noqa: ARG001
    return small_cnn(n_classes, width=64, feature_dropout=0.25)


def _fashion_cnn(n_classes: int, pretrained: bool) -> nn.Module:  # noqa: ARG001
    return small_cnn(n_classes, width=128)


# A tenth of the pool, a fifth and two fifths, as 5,000, 10,000 and 20,000 are of CIFAR10's.
_DIGITS = {"initial_labels": 40, "query_size": 40, "label_counts": (400, 800, 1600)}
_IMBALANCED = {"initial_labels": 20, "query_size": 10, "label_counts": (50, 100, 200)}

STUDY_DATA: dict[str, StudyData] = {
    "fashion-mnist": StudyData(
        fashion_mnist,
        _fashion_cnn,
        defaults={
            "query_size": 500, "pool_size": 15_000,
            "epochs": 6, "batch_size": 64, "learning_rate": 3e-3,
        },
    ),
    "mnist5k": StudyData(lambda _: mnist_5k(), _digits_cnn, defaults=_DIGITS),
    "mnist5k-imbalanced": StudyData(
        lambda _: imbalanced_mnist_5k(), _digits_cnn, defaults={**_IMBALANCED, "epochs": 50}
    ),
}  # fmt: skip
