"""Experiments with a `LightningModule` and a `Trainer`. Nothing of Lightning is imported here."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from torch.utils.data import DataLoader

from baal.bayesian.joint import joint_marks, restore_joint_marks
from baal.bayesian.sampling import Way, check_iterations, check_way
from baal.exceptions import InvalidArgumentError
from baal.experiments.adapters import FrameworkAdapter
from baal.experiments.lightning_settings import (
    best_weights_of,
    check_dataset,
    check_framework,
    described_trainer,
    is_overridden,
    renamed,
)
from baal.lightning.flavours import framework_in_use, framework_of
from baal.lightning.predicting import embeddings, predictions
from baal.lightning.resetting import CallbackStates, reset_progress
from baal.lightning.sampling import ModuleSampler
from baal.training.batches import inputs_of
from baal.training.embedding import gradients_of, join_rows
from baal.utils.extras import require_extra
from baal.utils.gradient_embeddings import GradientEmbeddings

__all__ = ["LightningAdapter"]


class LightningAdapter(FrameworkAdapter):
    """An ordinary `LightningModule` and its `Trainer` as an experiment wants them.

    A round starts from the weights of the beginning; optimizers and schedulers are made anew by
    Lightning, epochs are counted from the first, and callbacks that have a state, such as
    `EarlyStopping` and `ModelCheckpoint`, remember nothing of the round before. With `warm_start`
    the weights are kept, and nothing else.

    Training is `trainer.fit`, on the `train_dataloader` of `datamodule` or of the module where they
    have one, and on a shuffling loader of the labelled items where not; validation is theirs. The
    evaluation is `trainer.test`, in which the module called is the mean of the posterior samples;
    a `test_step` that does not call the module itself, but a part of it, sees one sample. What
    `self.log` logs are the metrics.

    Args:
        trainer: A `Trainer` that has not trained, which is put back to its beginning before each
            round; or a function that makes one for each round.
        module: The module, patched by `baal.bayesian`. Its `forward` is what is sampled.
        datamodule: With a `train_dataloader` that reads the active dataset, such as a
            `BaaLDataModule`.
        make_loader: Called with a dataset, and for training with `shuffle=True`. By default that of
            a `BaaLDataModule`, or `partial(DataLoader, batch_size=32)`.
        inputs: What of a batch `forward` takes; by default the module's own method of that name, or
            `baal.training.batches.inputs_of`: the first of a sequence, a dict without its label.
        best_weights: Go on from training with the weights that `ModelCheckpoint` found best, rather
            than with the last ones.
        way: How posterior samples are drawn, see `baal.bayesian.sampling.sample_posterior`.
        layer: Name of the layer whose output is an item's embedding, for heuristics that need one;
            None: the input of the last linear layer.

    Raises:
        InvalidTypeError: `trainer` or `module` are nothing of Lightning.
        InvalidArgumentError: They, or `datamodule`, are of different import names, the trainer has
            trained already, or `way` is unknown.
        MissingExtraError: Lightning is not installed.

    Example:
        >>> import torch
        >>> import lightning.pytorch as pl
        >>> from baal.bayesian.dropout import Dropout
        >>> class Net(pl.LightningModule):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.dropout = Dropout(0.5)
        ...     def forward(self, x):
        ...         return self.dropout(x)
        >>> adapter = LightningAdapter(partial(pl.Trainer, accelerator="cpu", logger=False), Net())
        >>> next(adapter.predict(torch.ones(4, 3), iterations=5)).shape
        (4, 3, 5)
    """

    def __init__(
        self,
        trainer: Any,
        module: Any,
        *,
        datamodule: Any = None,
        make_loader: Callable[..., Any] | None = None,
        inputs: Callable[[Any], Any] | None = None,
        best_weights: bool = False,
        way: Way = "auto",
        layer: str | None = None,
    ) -> None:
        require_extra(framework_in_use(), "lightning")
        check_way(way)
        made = trainer if framework_of(trainer) or not callable(trainer) else trainer()
        check_framework(made, module, datamodule)
        super().__init__(made)
        self.module = module
        self.datamodule = datamodule
        own = getattr(datamodule, "make_loader", partial(DataLoader, batch_size=32))
        self.make_loader = make_loader or own
        self.inputs = getattr(module, "inputs", inputs_of) if inputs is None else inputs
        self.best_weights = best_weights
        self.layer = layer
        self._sampler = ModuleSampler(module, way)
        self._make_trainer = None if made is trainer else trainer
        self._callbacks = CallbackStates(made.callbacks)
        self._is_used = False

    @property
    def samples_are_joint(self) -> bool | None:  # type: ignore[override]
        """Whether the samples predicted last are joint; None if nothing was predicted yet."""
        return self._sampler.samples_are_joint

    def train(self, dataset: Any) -> Mapping[str, Any]:
        """Fit for as long as the trainer says.

        Args:
            dataset: The active dataset.

        Returns:
            What was logged; `train_` is put before names that begin neither so nor with `val`.

        Raises:
            StateError: `best_weights` is asked for, and `ModelCheckpoint` has saved nothing.
        """
        # A way of sampling found on earlier batches would make a round depend on those before it.
        self._sampler.forget()
        self._renew_trainer()
        if self.datamodule is not None:
            data = {"datamodule": self.datamodule}
        elif is_overridden(self.module, "train_dataloader"):
            data = {}
        else:
            data = {"train_dataloaders": self.make_loader(dataset, shuffle=True)}
        try:
            self.trainer.fit(self.module, **data)
            if self.best_weights:
                self.module.load_state_dict(best_weights_of(self.trainer))
        finally:
            self._detach()
        return renamed(self.trainer.callback_metrics, "train", ("train", "val"))

    def evaluate(self, dataset: Any, average_predictions: int) -> Mapping[str, Any]:
        """Run `trainer.test`.

        Args:
            dataset: What to test on.
            average_predictions: Number of posterior samples `K` whose mean the module gives.

        Returns:
            What was logged; `test_` is put before names that do not begin so.
        """
        check_iterations(average_predictions)
        try:
            with self._sampler.averaging(average_predictions):
                self.trainer.test(self.module, self.make_loader(dataset), verbose=False)
        finally:
            self._detach()
        return renamed(self.trainer.callback_metrics, "test", ("test",))

    def predict(self, dataset: Any, iterations: int) -> Iterator[Any]:
        """Draw posterior samples, batch by batch.

        Args:
            dataset: Items.
            iterations: Number of posterior samples `K`.

        Returns:
            Batches `[B, C, ..., K]`.
        """
        check_iterations(iterations)

        def sample(batch: Any, _: int) -> Any:
            return self._sampler.sample(iterations, self.inputs(batch))

        return predictions(self.trainer, self.module, self.make_loader(dataset), sample)

    def embed(self, dataset: Any) -> Any:
        """Embeddings, without dropout.

        Args:
            dataset: Items.

        Returns:
            `[N, D]`: the output of `layer`, or the input of the last linear layer.
        """
        return join_rows([rows for _, rows in self._embeddings(dataset)])

    def gradient_embed(self, dataset: Any) -> GradientEmbeddings:
        """Gradients with respect to the last linear layer, of the same pass without dropout.

        Args:
            dataset: Items.

        Returns:
            Residuals `[N, C]` and embeddings `[N, D]`.
        """
        return gradients_of(self._embeddings(dataset))

    def _embeddings(self, dataset: Any) -> Iterator[Any]:
        loader = self.make_loader(dataset)
        return embeddings(self.trainer, self.module, loader, self.inputs, self.layer)

    def state_dict(self) -> dict[str, Any]:
        """Weights, buffers and seeds of joint samples.

        Returns:
            They share memory with the module.
        """
        return {"module": dict(self.module.state_dict()), "joint": joint_marks(self.module)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Put them back.

        Args:
            state_dict: What `state_dict` gave.
        """
        self.module.load_state_dict(state_dict["module"])
        restore_joint_marks(self.module, state_dict["joint"])

    def random_parts(self) -> list[Any]:
        """The module, and what makes its batches.

        Returns:
            What may hold random generators.
        """
        return [self.module, self.datamodule, self.make_loader, self.inputs]

    def check(self) -> None:
        """Refuse a module that does not define one of the steps.

        Raises:
            InvalidArgumentError: It does not.
        """
        for name in ("training_step", "test_step", "configure_optimizers"):
            if not is_overridden(self.module, name):
                raise InvalidArgumentError(
                    f"Expected `module` to define `{name}`, but {type(self.module).__name__} "
                    "does not"
                )

    def ready(self, dataset: Any) -> bool:
        """Refuse a data module, or a module, of another dataset, with an `InvalidArgumentError`.

        Args:
            dataset: The active dataset.

        Returns:
            True.
        """
        check_dataset(dataset, datamodule=self.datamodule, module=self.module)
        return True

    def settings(self) -> dict[str, Any]:
        """The module's layers and hyper-parameters, and how it is trained.

        Returns:
            What a resumed run must have too.
        """
        return {
            "module": self.module,
            "hparams": dict(self.module.hparams),
            "trainer": described_trainer(self.trainer),
            "datamodule": type(self.datamodule).__name__,
            "batch_size": getattr(self.datamodule, "batch_size", None),
            "make_loader": self.make_loader,
            "inputs": self.inputs,
            "best_weights": self.best_weights,
            "way": self._sampler.way,
            "layer": self.layer,
        }

    def _renew_trainer(self) -> None:
        if self._is_used:
            self._callbacks.restore()  # a factory, too, may hand the same ones to each trainer
            if self._make_trainer is not None:
                self.trainer = self._make_trainer()
            else:
                reset_progress(self.trainer)
        self._is_used = True

    def _detach(self) -> None:
        """Without its trainer, a module holds no loaders, whose generators come and go."""
        self.module.trainer = None
        if self.datamodule is not None:
            self.datamodule.trainer = None
