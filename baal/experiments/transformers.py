"""Experiments with a `BaalTransformersTrainer`. Nothing of Hugging Face is imported here."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy.typing as npt

from baal.bayesian.joint import joint_marks, restore_joint_marks
from baal.bayesian.sampling import forget_plans
from baal.exceptions import InvalidTypeError
from baal.experiments.adapters import FrameworkAdapter
from baal.training.named_outputs import pad_and_join
from baal.utils.gradient_embeddings import GradientEmbeddings

__all__ = ["TransformersAdapter"]

# What a trainer says of its own speed and memory: no two runs agree on it.
_OF_THE_CLOCK = ("_runtime", "_per_second", "_preparation_time")
# Settings of `TrainingArguments` that say where things go, and decide on no result.
_ELSEWHERE = (
    *("output_dir", "logging", "log_", "run_name", "hub", "push_to_hub", "report_to"),
    *("disable_tqdm", "save_", "project", "trackio", "overwrite", "ddp", "local_rank"),
)


class TransformersAdapter(FrameworkAdapter):
    """A `BaalTransformersTrainer` as an experiment wants it.

    A round starts from the weights of the beginning, with an optimizer and a scheduler that
    remember nothing: the trainer makes them anew, or, where they were given to it as `optimizers`,
    their state is put back. With `warm_start`, the weights are kept, and optimizer and scheduler
    start anew all the same: the trainer plans them for the length of one training.

    Args:
        wrapper: The trainer.
        layer: Name of the layer whose output is an item's embedding, for heuristics that need one;
            None: the input of the last linear layer.

    Raises:
        InvalidTypeError: `wrapper` is no BaalTransformersTrainer.

    Example:
        >>> TransformersAdapter("a trainer")
        Traceback (most recent call last):
        baal.exceptions.InvalidTypeError: Expected `wrapper` to be a BaalTransformersTrainer, \
but got str
    """

    def __init__(self, wrapper: Any, layer: str | None = None) -> None:
        if not all(hasattr(wrapper, name) for name in ("named_samples", "evaluate_average")):
            raise InvalidTypeError(
                "Expected `wrapper` to be a BaalTransformersTrainer, but got "
                f"{type(wrapper).__name__}"
            )
        super().__init__(wrapper)
        self.wrapper = wrapper
        self.layer = layer

    @property
    def samples_are_joint(self) -> bool | None:  # type: ignore[override]
        """Whether the samples predicted last are joint; None if nothing was predicted yet."""
        joint: bool | None = self.wrapper.samples_are_joint
        return joint

    @property
    def masks_padding(self) -> bool:
        """Whether the predictions made last are of tokens, of which padding is NaN."""
        return bool(self.wrapper.masks_padding)

    def train(self, dataset: Any) -> Mapping[str, Any]:
        """Train as `TrainingArguments` say.

        Args:
            dataset: The active dataset.

        Returns:
            The trainer's metrics, `train_loss` among them.
        """
        # A way of sampling found on earlier batches would make a round depend on those before it.
        forget_plans(self.wrapper.sampled_model)
        self.wrapper.train_dataset = dataset
        self.wrapper.optimizer, self.wrapper.lr_scheduler = self.wrapper.own_optimizers
        return _without_times(self.wrapper.train().metrics)

    def evaluate(self, dataset: Any, average_predictions: int) -> Mapping[str, Any]:
        """Measure the test metrics.

        Args:
            dataset: What to measure them on.
            average_predictions: Number of posterior samples whose outputs are averaged.

        Returns:
            The trainer's metrics with names such as `test_loss`, see
            `BaalTransformersTrainer.evaluate_average`.
        """
        return _without_times(self.wrapper.evaluate_average(dataset, average_predictions))

    def predict(self, dataset: Any, iterations: int) -> Any:
        """Draw posterior samples.

        Args:
            dataset: Items.
            iterations: Number of posterior samples `K`.

        Returns:
            Batches `[B, C, ..., K]`; of tokens, whose batches differ in length, `[N, C, L, K]`.
        """
        batches = self.wrapper.predict_on_dataset_generator(dataset, iterations)
        first = next(batches, None)
        if first is None:
            return iter(())
        batches = chain([first], batches)
        return pad_and_join(list(batches)) if self.masks_padding else batches

    def embed(self, dataset: Any) -> npt.NDArray[Any]:
        """Embeddings, without dropout and without padding.

        Args:
            dataset: Items.

        Returns:
            `[N, D]`, see `BaalTransformersTrainer.embed_on_dataset`.
        """
        embeddings: npt.NDArray[Any] = self.wrapper.embed_on_dataset(
            dataset, self.layer, verbose=False
        )
        return embeddings

    def gradient_embed(self, dataset: Any) -> GradientEmbeddings:
        """Gradients with respect to the last linear layer, without dropout.

        Args:
            dataset: Items.

        Returns:
            Residuals `[N, C]` and embeddings `[N, D]`, as the trainer gives them.
        """
        gradients: GradientEmbeddings = self.wrapper.gradient_embed_on_dataset(
            dataset, self.layer, verbose=False
        )
        return gradients

    def state_dict(self) -> dict[str, Any]:
        """Weights, buffers, seeds of joint samples, and the optimizers that the user gave.

        Returns:
            They share memory with the model.
        """
        return {
            "model": dict(self.wrapper.model.state_dict()),
            "joint": joint_marks(self.wrapper.model),
            "optimizers": [
                None if one is None else one.state_dict() for one in self.wrapper.own_optimizers
            ],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Put them back.

        Args:
            state_dict: What `state_dict` gave.
        """
        self.wrapper.load_state_dict(state_dict["model"])
        restore_joint_marks(self.wrapper.model, state_dict["joint"])
        states = state_dict["optimizers"]
        for one, state in zip(self.wrapper.own_optimizers, states, strict=True):
            if one is not None:
                one.load_state_dict(state)

    def random_parts(self) -> list[Any]:
        """The model, and what makes its batches.

        Returns:
            What may hold random generators.
        """
        return [self.wrapper.model, self.wrapper.data_collator]

    def settings(self) -> dict[str, Any]:
        """The model's layers and config, and how it is trained.

        Returns:
            What a resumed run must have too.
        """
        wrapper = self.wrapper
        args = wrapper.args.to_dict()
        optimizer, scheduler = wrapper.own_optimizers
        return {
            "wrapper": type(wrapper).__name__,
            "model": wrapper.model,
            "args": {k: v for k, v in sorted(args.items()) if not k.startswith(_ELSEWHERE)},
            "optimizer": optimizer,
            "scheduler": type(scheduler).__name__,
            "data_collator": type(wrapper.data_collator).__name__,
            "compute_metrics": wrapper.compute_metrics,
            "compute_loss_func": wrapper.compute_loss_func,
            "replicate_in_memory": wrapper.replicate_in_memory,
            "classes_last": wrapper.classes_last,
            **({} if self.layer is None else {"layer": self.layer}),
        }


def _without_times(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in metrics.items()
        if not name.endswith(_OF_THE_CLOCK) and "_mem_" not in name
    }
