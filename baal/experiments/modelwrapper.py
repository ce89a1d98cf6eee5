"""Experiments with a `ModelWrapper`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy.typing as npt
from torch import nn

from baal.bayesian.joint import joint_marks, restore_joint_marks
from baal.bayesian.sampling import forget_plans
from baal.exceptions import InvalidTypeError, StateError
from baal.experiments.adapters import FrameworkAdapter
from baal.modelwrapper import ModelWrapper
from baal.training_args import TrainingArgs
from baal.utils.gradient_embeddings import GradientEmbeddings

__all__ = ["ModelWrapperAdapter"]


class ModelWrapperAdapter(FrameworkAdapter):
    """A `ModelWrapper` as an experiment wants it.

    Weights, buffers (the statistics of BatchNorm among them), the optimizer with its learning
    rates, learning-rate schedulers, the scale of gradients in float16 and the seeds of joint
    samples are its state.

    Args:
        wrapper: The wrapper, with optimizer and criterion.
        schedulers: What changes the optimizer's learning rate, with `state_dict` and
            `load_state_dict`. By default `TrainingArgs.scheduler` and those that are attributes of
            the wrapper.
        layer: Name of the layer whose output is an item's embedding, for heuristics that need one;
            None: the input of the last linear layer.

    Raises:
        InvalidTypeError: `wrapper` is no ModelWrapper, or a scheduler has no state.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from baal.modelwrapper import TrainingArgs
        >>> model = nn.Linear(3, 2)
        >>> args = TrainingArgs(torch.optim.SGD(model.parameters(), lr=0.1), workers=0)
        >>> sorted(ModelWrapperAdapter(ModelWrapper(model, args)).state_dict())
        ['joint', 'model', 'optimizer', 'schedulers']
    """

    def __init__(
        self,
        wrapper: ModelWrapper,
        schedulers: Sequence[Any] | None = None,
        layer: str | None = None,
    ) -> None:
        if not isinstance(wrapper, ModelWrapper):
            raise InvalidTypeError(
                f"Expected `wrapper` to be a ModelWrapper, but got {type(wrapper).__name__}"
            )
        super().__init__(wrapper)
        self.wrapper = wrapper
        self.layer = layer
        found = _schedulers_of(wrapper) if schedulers is None else schedulers
        self.schedulers = list(found)
        for scheduler in self.schedulers:
            if not hasattr(scheduler, "load_state_dict"):
                raise InvalidTypeError(
                    f"Expected `schedulers` to have a `load_state_dict`, but got {scheduler!r}"
                )

    @property
    def samples_are_joint(self) -> bool | None:  # type: ignore[override]
        """Whether the samples predicted last are joint; None if nothing was predicted yet."""
        return self.wrapper.samples_are_joint

    def train(self, dataset: Any) -> Mapping[str, Any]:
        """Train for `args.epoch` epochs.

        Args:
            dataset: The active dataset.

        Returns:
            The wrapper's training metrics.
        """
        # A way of sampling found on earlier batches would make a round depend on those before it.
        forget_plans(self.wrapper.sampled_model)
        self.wrapper.train_on_dataset(dataset)
        return self.wrapper.get_metrics("train")

    def evaluate(self, dataset: Any, average_predictions: int) -> Mapping[str, Any]:
        """Measure the test metrics.

        Args:
            dataset: What to measure them on.
            average_predictions: Number of posterior samples whose outputs are averaged.

        Returns:
            The wrapper's test metrics.
        """
        self.wrapper.test_on_dataset(dataset, average_predictions)
        return self.wrapper.get_metrics("test")

    def predict(self, dataset: Any, iterations: int) -> Iterator[Any]:
        """Draw posterior samples, batch by batch.

        Args:
            dataset: Items.
            iterations: Number of posterior samples `K`.

        Returns:
            Batches `[B, C, ..., K]`.
        """
        return self.wrapper.predict_on_dataset_generator(dataset, iterations, verbose=False)

    def embed(self, dataset: Any) -> npt.NDArray[Any]:
        """Inputs of the model's last linear layer, without dropout.

        Args:
            dataset: Items.

        Returns:
            `[N, D]`, see `ModelWrapper.embed_on_dataset`.
        """
        return self.wrapper.embed_on_dataset(dataset, self.layer, verbose=False)

    def gradient_embed(self, dataset: Any) -> GradientEmbeddings:
        """Gradients with respect to the last linear layer, without dropout.

        Args:
            dataset: Items.

        Returns:
            Residuals `[N, C]` and embeddings `[N, D]`, as `ModelWrapper` gives them.
        """
        return self.wrapper.gradient_embed_on_dataset(dataset, self.layer, verbose=False)

    def state_dict(self) -> dict[str, Any]:
        """Weights, buffers, optimizer, schedulers and seeds.

        Returns:
            They share memory with the model. There is a `scaler` among them only where gradients
            are scaled.
        """
        optimizer, scaler = self.wrapper.args.optimizer, self.wrapper.grad_scaler
        state = {
            "model": dict(self.wrapper.state_dict()),
            "optimizer": None if optimizer is None else optimizer.state_dict(),
            "schedulers": [scheduler.state_dict() for scheduler in self.schedulers],
            "joint": joint_marks(self.wrapper.model),
        }
        return state if scaler is None else {**state, "scaler": scaler.state_dict()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Put them back.

        Args:
            state_dict: What `state_dict` gave.
        """
        clear = getattr(self.wrapper, "clear_checkpoints", None)
        if clear is not None:  # members of an ensemble that was trained in an earlier round
            clear()
        self.wrapper.load_state_dict(state_dict["model"])
        if self.wrapper.args.optimizer is not None:
            self.wrapper.args.optimizer.load_state_dict(state_dict["optimizer"])
        for scheduler, state in zip(self.schedulers, state_dict["schedulers"], strict=True):
            scheduler.load_state_dict(state)
        scaler = self.wrapper.grad_scaler
        if scaler is not None and "scaler" in state_dict:
            scaler.load_state_dict(state_dict["scaler"])
        restore_joint_marks(self.wrapper.model, state_dict["joint"])

    def random_parts(self) -> list[Any]:
        """The wrapper: its model, its criterion, what makes its batches.

        Returns:
            What may hold random generators.
        """
        return [self.wrapper]

    def check(self) -> None:
        """Refuse a wrapper without optimizer or criterion.

        Raises:
            StateError: One of them is missing, and the wrapper trains in the usual way.
        """
        if type(self.wrapper).train_on_dataset is not ModelWrapper.train_on_dataset:
            return
        for name in ("optimizer", "criterion"):
            if getattr(self.wrapper.args, name) is None:
                raise StateError(f"Expected `TrainingArgs.{name}` to be set, but got None.")

    def settings(self) -> dict[str, Any]:
        """The model's layers, and how it is trained.

        Returns:
            What a resumed run must have too.
        """
        criterion = self.wrapper.args.criterion
        return {
            "wrapper": type(self.wrapper).__name__,
            "model": self.wrapper.model,
            "args": _described(self.wrapper.args),
            # Such as weights of classes, which are no part of the state.
            "criterion": dict(criterion.named_buffers())
            if isinstance(criterion, nn.Module)
            else None,
            "metrics": sorted(self.wrapper.metrics),
            "schedulers": [type(scheduler).__name__ for scheduler in self.schedulers],
        }


def _schedulers_of(wrapper: ModelWrapper) -> list[Any]:
    """That of `args`, and those among the wrapper's attributes: torch has them by many classes."""
    home = "torch.optim.lr_scheduler"
    own = wrapper.args.scheduler
    return ([] if own is None else [own]) + [
        value
        for value in vars(wrapper).values()
        if any(base.__module__ == home for base in type(value).__mro__) and value is not own
    ]


def _described(args: TrainingArgs) -> dict[str, Any]:
    """How is trained; not what came later than folders of runs and is as it was before it came."""
    later = ("max_grad_norm", "mixed_precision", "scheduler", "scheduler_interval")
    same = {f.name for f in fields(args) if f.name in later and getattr(args, f.name) == f.default}
    shown = {k: v for k, v in vars(args).items() if k not in same | {"verbose"} and k[0] != "_"}
    return {"class": type(args).__qualname__, **dict(sorted(shown.items()))}
