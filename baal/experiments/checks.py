"""What an experiment refuses when it is built, rather than after the first hours of training."""

import sys
from collections.abc import Sequence
from typing import Any

from baal.active.dataset.base import SplittedDataset
from baal.active.stopping_criteria.base import StoppingCriterion
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.experiments.adapters import FrameworkAdapter
from baal.experiments.arrays import n_items
from baal.experiments.estimator_parameters import is_estimator
from baal.experiments.estimators import SklearnAdapter
from baal.experiments.modelwrapper import ModelWrapperAdapter
from baal.experiments.transformers import TransformersAdapter
from baal.modelwrapper import ModelWrapper

__all__ = [
    "adapter_for",
    "check_callbacks",
    "check_criterion",
    "check_labelled",
    "check_no_store",
    "check_not_empty",
    "check_warm_start",
]


def adapter_for(trainer: Any) -> FrameworkAdapter:
    """The adapter of a trainer.

    Args:
        trainer: A `ModelWrapper`; a scikit-learn estimator, which is one by its methods; a
            `BaalTransformersTrainer`; or an adapter, which is taken as it is.

    Returns:
        The adapter.

    Raises:
        InvalidArgumentError: The trainer is of an unknown kind.

    Example:
        >>> adapter_for("a model")
        Traceback (most recent call last):
        baal.exceptions.InvalidArgumentError: Expected `trainer` to be a ModelWrapper or a \
FrameworkAdapter or a scikit-learn estimator, but got str
    """
    if isinstance(trainer, FrameworkAdapter):
        return trainer
    if isinstance(trainer, ModelWrapper):
        return ModelWrapperAdapter(trainer)
    if is_estimator(trainer):
        return SklearnAdapter(trainer)
    # Whoever has such a trainer has imported its module.
    hugging_face = sys.modules.get("baal.transformers_trainer_wrapper")
    if hugging_face is not None and isinstance(trainer, hugging_face.BaalTransformersTrainer):
        return TransformersAdapter(trainer)
    raise InvalidArgumentError(
        "Expected `trainer` to be a ModelWrapper or a FrameworkAdapter or a scikit-learn "
        f"estimator, but got {type(trainer).__name__}"
    )


def check_not_empty(name: str, dataset: Any) -> None:
    """Refuse a dataset without items.

    Args:
        name: Of the argument, for the message.
        dataset: The dataset, or a pair `(x, y)` of arrays.

    Raises:
        InvalidTypeError: It has no length.
        InvalidArgumentError: The length is 0, or arrays of a pair differ in it.

    Example:
        >>> check_not_empty("eval_dataset", ["an item"])
    """
    if not hasattr(dataset, "__len__"):
        raise InvalidTypeError(
            f"Expected `{name}` to be a dataset with a length, but got {type(dataset).__name__}"
        )
    if n_items(dataset) == 0:
        raise InvalidArgumentError(f"Expected `{name}` to have items, but got an empty one")


def check_warm_start(adapter: FrameworkAdapter, warm_start: bool) -> None:
    """Refuse to train on with what starts anew in each round.

    Args:
        adapter: Of the trainer.
        warm_start: Whether to train on.

    Raises:
        InvalidArgumentError: The adapter cannot.

    Example:
        >>> from types import SimpleNamespace
        >>> check_warm_start(SimpleNamespace(trains_on=False), warm_start=False)
    """
    if warm_start and not adapter.trains_on:
        raise InvalidArgumentError(
            f"Expected `warm_start` to be False with a {type(adapter).__name__}, which fits from "
            "scratch in each round, but got True"
        )


def check_criterion(criterion: Any, al_dataset: Any) -> None:
    """Refuse what is no stopping criterion, or one that watches another dataset.

    Args:
        criterion: The criterion, or None.
        al_dataset: What the experiment labels.

    Raises:
        InvalidTypeError: It is none, or does not define `should_stop`.
        InvalidArgumentError: It, or one of those it is made of, was made for another dataset.

    Example:
        >>> check_criterion("budget", None)
        Traceback (most recent call last):
        baal.exceptions.InvalidTypeError: Expected `criterion` to be a stopping criterion or None, \
but got 'budget'
    """
    if criterion is None:
        return
    if not isinstance(criterion, StoppingCriterion):
        raise InvalidTypeError(
            f"Expected `criterion` to be a stopping criterion or None, but got {criterion!r}"
        )
    if type(criterion).should_stop is StoppingCriterion.should_stop:
        raise InvalidTypeError(
            f"Expected `criterion` to define `should_stop`, but got a {type(criterion).__name__}"
        )
    if getattr(criterion, "active_dataset", al_dataset) is not al_dataset:
        raise InvalidArgumentError(
            "Expected `criterion` to be made for `al_dataset`, but got a "
            f"{type(criterion).__name__} for another dataset, whose labels it would count."
        )
    for one in getattr(criterion, "criteria", ()):
        check_criterion(one, al_dataset)


def check_callbacks(callbacks: Any) -> None:
    """Refuse what cannot be called with each record.

    Args:
        callbacks: A list of functions.

    Raises:
        InvalidTypeError: It is no list, or something in it cannot be called.

    Example:
        >>> check_callbacks([print])
    """
    if not isinstance(callbacks, Sequence) or not all(map(callable, callbacks)):
        raise InvalidTypeError(
            f"Expected `callbacks` to be a list of functions, but got {callbacks!r}"
        )


def check_labelled(al_dataset: SplittedDataset) -> None:
    """Refuse to train on nothing.

    Args:
        al_dataset: What is labelled.

    Raises:
        InvalidArgumentError: Nothing is.

    Example:
        >>> check_labelled(SplittedDataset([0, 1]))
    """
    if al_dataset.n_labelled == 0:
        raise InvalidArgumentError(
            "Expected `al_dataset` to have labelled items to train on, but got none: call "
            "`al_dataset.label_randomly(n)` first."
        )


def check_no_store(al_dataset: SplittedDataset) -> None:
    """Refuse a label store beside a folder.

    Args:
        al_dataset: What is labelled.

    Raises:
        StateError: It has a store.

    Example:
        >>> check_no_store(SplittedDataset([0, 1]))
    """
    if al_dataset.store is not None:
        raise StateError(
            "Expected `al_dataset` to have no label store where there is a `folder`, but got one "
            f"with {str(al_dataset.store.path)!r}: each would keep the labels, and after a kill "
            "one may have some that the other has not."
        )
