"""How the studies train and label: the protocol of the paper, for each data set.

"Bayesian active learning for production, a systematic study and a reusable library" (2020),
https://arxiv.org/abs/2006.09916: VGG-16 pretrained on ImageNet, 500 labels to begin with, 20
posterior samples, the 100 most uncertain items labelled at each step, weights reset between steps.
Small data has a small CNN, and numbers that fit it.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from torch import nn

from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
from baal.active.stopping_criteria.budgets import LabelCountsStoppingCriterion
from baal.bayesian import consistent_dropout, dropout
from baal.experiments.datasets import (
    ImageClassificationTask,
    with_annotation_errors,
    with_rare_classes,
)
from baal.experiments.runs import Run, Setup, named_heuristic, run_folder
from baal.experiments.studies.data import STUDY_DATA
from baal.experiments.studies.wrapper import ErrorRate, StudyWrapper
from baal.training_args import TrainingArgs
from baal.utils.metrics import F1ByClass

__all__ = ["Protocol", "make_setup", "protocol_for", "runs_of", "settings_of", "task_of"]


@dataclass(frozen=True)
class Protocol:
    """All that decides on a run of a study, but for its heuristic and its seed.

    Attributes:
        dataset: One of `STUDY_DATA`.
        data: The folder of the data set; None for its usual place.
        initial_labels: Labelled at random before the first round.
        query_size: Items labelled in a round.
        pool_size: Score a random part of the pool of that many items; None for all of it.
        iterations: Posterior samples `K`.
        epochs: Passes over the labelled items in a round.
        batch_size: Items of a batch.
        learning_rate: Of the optimizer.
        label_counts: Numbers of labels that are met exactly and shown in tables; the last one is
            the end.
        annotation_errors: Share of the pool that has a wrong label.
        rare_classes: Number of classes that lose three quarters of their items in the pool.
        joint: Draw joint posterior samples, which BatchBALD and EPIG ask for.
        pretrained: Begin with weights from ImageNet where the model has them.
        image_size: Height and width in pixels that photographs are brought to.
        device: Where torch computes.
        workers: Processes that load data; with 0 it is loaded in between.

    Example:
        >>> Protocol("cifar10").query_size
        100
    """

    dataset: str
    data: str | None = None
    initial_labels: int = 500
    query_size: int = 100
    pool_size: int | None = None
    iterations: int = 20
    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3
    label_counts: tuple[int, ...] = (5_000, 10_000, 20_000)
    annotation_errors: float = 0.0
    rare_classes: int = 0
    joint: bool = False
    pretrained: bool = True
    image_size: int = 224
    device: str = "cpu"
    workers: int = 4


def protocol_for(dataset: str, **changes: Any) -> Protocol:
    """The protocol of a data set.

    Args:
        dataset: One of `STUDY_DATA`.
        **changes: Fields of `Protocol` that differ from the data set's defaults; None leaves one
            as it is.

    Returns:
        The protocol.

    Example:
        >>> protocol_for("mnist5k", query_size=20, epochs=None).query_size
        20
    """
    changes = {name: value for name, value in changes.items() if value is not None}
    return replace(Protocol(dataset, **STUDY_DATA[dataset].defaults), **changes)


def task_of(protocol: Protocol, seed: int = 0) -> ImageClassificationTask:
    """The data of a protocol, with its errors and rare classes.

    Args:
        protocol: The protocol.
        seed: Decides which labels are wrong. Which classes are rare is the same for all seeds.

    Returns:
        The task.

    Example:
        >>> len(task_of(protocol_for("mnist5k")).pool)
        4000
    """
    task = _load(protocol.dataset, protocol.data, protocol.image_size)
    if protocol.rare_classes:
        task = with_rare_classes(task, protocol.rare_classes)  # the same for all seeds
    if protocol.annotation_errors:
        task = with_annotation_errors(task, protocol.annotation_errors, seed=seed)
    return task


@cache
def _load(dataset: str, data: str | None, image_size: int) -> ImageClassificationTask:
    return STUDY_DATA[dataset].load(data, image_size)


def make_setup(protocol: Protocol, seed: int) -> Setup:
    """Data and model of one seed, by a protocol.

    Args:
        protocol: The protocol.
        seed: See `task_of`. The weights come from torch's global generator.

    Returns:
        What a `Run` is made with.

    Example:
        >>> make_setup(protocol_for("mnist5k"), seed=0).al_dataset.n_labelled
        0
    """
    task, data = task_of(protocol, seed), STUDY_DATA[protocol.dataset]
    model = data.model(task.n_classes, protocol.pretrained)
    patch: Callable[[nn.Module], nn.Module] = dropout.patch_module
    if protocol.joint:
        patch = partial(consistent_dropout.patch_module, seed=seed)
    model = patch(model).to(protocol.device)
    args = TrainingArgs(
        optimizer=data.optimizer(model.parameters(), lr=protocol.learning_rate),
        criterion=nn.CrossEntropyLoss(),
        epoch=protocol.epochs,
        batch_size=protocol.batch_size,
        workers=protocol.workers,
    )
    wrapper = StudyWrapper(model, args)
    wrapper.add_metric("error", ErrorRate)
    wrapper.add_metric("f1", partial(F1ByClass, task.n_classes))
    dataset = ActiveLearningDataset(
        task.pool, pool_specifics=task.pool_specifics, random_state=seed
    )
    return Setup(wrapper, dataset, task.test)


def settings_of(protocol: Protocol) -> dict[str, Any]:
    """What a resumed run must have the same.

    Args:
        protocol: The protocol.

    Returns:
        Its fields, without the folder of the data, which may move, and `workers`, which an
        experiment finds among the arguments of training.

    Example:
        >>> settings_of(protocol_for("mnist5k"))["query_size"]
        100
    """
    fields = asdict(protocol)
    del fields["data"], fields["workers"]
    return fields


def runs_of(
    protocol: Protocol, heuristics: tuple[str, ...], seeds: tuple[int, ...], folder: Path, name: str
) -> list[Run]:
    """The runs of one variant of a study: each heuristic on each seed.

    Args:
        protocol: How they train and label.
        heuristics: Names from `available_heuristics()`.
        seeds: The seeds.
        folder: Where runs are kept, each in a folder of its own.
        name: Of the variant, for progress bars.

    Returns:
        The runs, seed by seed.

    Example:
        >>> runs = runs_of(protocol_for("mnist5k"), ("bald", "random"), (0, 1), Path("runs"), "x")
        >>> [run.title for run in runs][:2]
        ['x, bald, seed 0', 'x, random, seed 0']
    """
    counts = list(protocol.label_counts)
    return [
        Run(
            heuristic_name=heuristic,
            seed=seed,
            make=partial(make_setup, protocol),
            heuristic=partial(named_heuristic, heuristic, protocol.query_size, "logits"),
            criterion=partial(LabelCountsStoppingCriterion, label_counts=counts),
            initial_labels=protocol.initial_labels,
            options={
                "query_size": protocol.query_size,
                "iterations": protocol.iterations,
                "pool_size": protocol.pool_size,
                "settings": settings_of(protocol),
            },
            folder=run_folder(folder, heuristic, seed),
            name=name,
        )
        for seed in seeds
        for heuristic in heuristics
    ]
