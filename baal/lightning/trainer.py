"""A Lightning trainer with an active dataset: predicts the pool, and labels the winners."""

from collections.abc import Iterator
from typing import Any

import numpy.typing as npt

from baal.active.active_loop import ActiveLearningLoop, Proposal
from baal.active.heuristics.baselines import Random
from baal.exceptions import StateError
from baal.lightning.pool_predictor import PoolPredictor
from baal.lightning.predicting import embeddings, of_first_process, predictions
from baal.lightning.resetting import CallbackStates, reset_progress
from baal.training.batches import inputs_of
from baal.training.embedding import gradients_of, join_rows
from baal.utils.array_utils import concatenate_batches
from baal.utils.gradient_embeddings import GradientEmbeddings

__all__ = ["ActiveTrainer"]


class _SharedLoop(ActiveLearningLoop):
    """A loop that several processes go through with one choice: that of the first."""

    def _query(self, pool: Any) -> tuple[Proposal, Any, npt.NDArray[Any]]:
        found: tuple[Proposal, Any, npt.NDArray[Any]] = of_first_process(super()._query(pool))
        return found

    def _warn_of_small_plan(self) -> None:
        """Not with each step: the trainer has done so when it was built."""


class ActiveTrainer:
    """A `Trainer` that trains on what is labelled, and labels what its module is least sure of.

    Each `fit` is a training of its own: it counts its epochs from the first, and callbacks such as
    `EarlyStopping` remember nothing of the one before. The weights go on; a `ResetCallback` puts
    them back.

    Args:
        dataset: The active dataset.
        heuristic: Scores and ranks the pool; at random by default.
        query_size: Items to label in a step.
        layer: Name of the layer whose output is an item's embedding, for heuristics that need one,
            such as `CoreSet`; None: the input of the linear layer that is called last.
        **trainer_kwargs: Of `Trainer`.

    Raises:
        InvalidArgumentError: `query_size` is negative, or `heuristic` needs something that the
            trainer does not give: gradient lengths of the whole model.
        InvalidTypeError: `dataset` keeps no labels, or `heuristic` is none.

    Example:
        >>> import torch
        >>> from baal.active.dataset import ActiveLearningDataset
        >>> from baal.active.heuristics import BALD
        >>> from baal.bayesian.dropout import Dropout
        >>> from baal.lightning import ActiveLightningModule, BaaLDataModule, BaalTrainer
        >>> class Net(ActiveLightningModule):
        ...     def forward(self, x):
        ...         return Dropout(0.5)(x)
        >>> dataset = ActiveLearningDataset(torch.utils.data.TensorDataset(torch.ones(6, 2)))
        >>> trainer = BaalTrainer(dataset, BALD(), 2, accelerator="cpu", logger=False)
        >>> data = BaaLDataModule(dataset, batch_size=4)
        >>> trainer.predict_on_dataset(Net(), data.pool_dataloader()).shape
        (6, 2, 20)
        >>> trainer.step(Net(), data), len(dataset)
        (True, 2)
    """

    callbacks: Any
    lightning_module: Any
    datamodule: Any

    def __init__(
        self,
        dataset: Any,
        heuristic: Any = None,
        query_size: int = 1,
        *,
        layer: str | None = None,
        **trainer_kwargs: Any,
    ) -> None:
        self.dataset = dataset
        self.heuristic = Random() if heuristic is None else heuristic
        self.query_size = query_size
        self.layer = layer
        nothing = PoolPredictor(self, None, None, None)
        ActiveLearningLoop(dataset, nothing, self.heuristic, query_size)  # refuses what cannot be
        super().__init__(**trainer_kwargs)
        self._states = CallbackStates(self.callbacks)
        self._fitted = False

    def fit(self, *args: Any, **kwargs: Any) -> None:
        """Train, from the first epoch to the last, whatever was trained before.

        Args:
            *args: Of `Trainer.fit`.
            **kwargs: Likewise; with `ckpt_path`, training goes on where the checkpoint was.
        """
        if self._fitted and kwargs.get("ckpt_path") is None:
            self._states.restore()
            reset_progress(self)
        self._fitted = True
        super().fit(*args, **kwargs)  # type: ignore[misc]

    def predict_on_dataset_generator(
        self, model: Any = None, dataloader: Any = None
    ) -> Iterator[Any]:
        """Posterior samples batch by batch, in constant memory.

        Args:
            model: An `ActiveLightningModule`, or any other whose `predict_step` gives samples; the
                one trained last by default.
            dataloader: Batches, in the order of the pool; by default the `pool_dataloader` of the
                data module, or of the model.

        Yields:
            Arrays `[B, C, ..., K]` in the order of the loader.

        Raises:
            StateError: There is no model, or no such loader.
        """
        model, loader = self._model_and_loader(model, dataloader)
        return predictions(self, model, loader, model.predict_step)

    def predict_on_dataset(self, model: Any = None, dataloader: Any = None) -> Any:
        """Posterior samples of a whole dataset.

        Args:
            model: As in `predict_on_dataset_generator`.
            dataloader: Likewise.

        Returns:
            An array `[N, C, ..., K]`, or a list or dict of them for several outputs; an empty list
            where there are no batches.

        Raises:
            StateError: There is no model, or no loader.
        """
        batches = list(self.predict_on_dataset_generator(model, dataloader))
        return concatenate_batches(batches) if batches else []

    def embed_on_dataset(self, model: Any = None, dataloader: Any = None) -> npt.NDArray[Any]:
        """An embedding of each item, by the model without dropout.

        Args:
            model: As in `predict_on_dataset_generator`; any module with a `forward`.
            dataloader: Likewise.

        Returns:
            `[N, D]`: the output of `layer`, or the input of the last linear layer; where it has
            positions, the mean over them. `[0, 0]` where there are no batches.

        Raises:
            InvalidArgumentError: There is no such layer, or it has no row for each item.
            StateError: There is no model, or no loader.
        """
        return join_rows([rows for _, rows in self._embeddings(model, dataloader)])

    def gradient_embed_on_dataset(
        self, model: Any = None, dataloader: Any = None
    ) -> GradientEmbeddings:
        """Gradients of the cross-entropy with respect to the last layer, as their two factors.

        The most probable class stands for the label. Ash et al. (2020),
        https://arxiv.org/abs/1906.03671

        Args:
            model: As in `embed_on_dataset`.
            dataloader: Likewise.

        Returns:
            Residuals `[N, C]` and embeddings `[N, D]`, of one pass without dropout.

        Raises:
            InvalidArgumentError: As in `embed_on_dataset`, or the model gives something else than
                one output `[B, C]`.
            StateError: There is no model, or no loader.
        """
        return gradients_of(self._embeddings(model, dataloader))

    def _embeddings(self, model: Any, dataloader: Any) -> Iterator[Any]:
        model, loader = self._model_and_loader(model, dataloader)
        return embeddings(self, model, loader, getattr(model, "inputs", inputs_of), self.layer)

    def step(self, model: Any = None, datamodule: Any = None) -> bool:
        """Score the pool, and label the best of it.

        Of several processes that train together, all label what the first one chose. Labelled
        items that the heuristic looks at are read by a loader like that of the pool.

        Args:
            model: As in `predict_on_dataset_generator`.
            datamodule: Has a `pool_dataloader`; by default the one trained with last, or the model.

        Returns:
            Whether anything was labelled.

        Raises:
            StateError: There is no model, or no loader, or one that cannot be made for other items
                where the heuristic asks for them; or the dataset stores labels that somebody has to
                give.
            InvalidArgumentError: The loader is not of the whole pool, or `layer` is none.
        """
        if self.dataset.n_unlabelled == 0:
            return False
        model = self._model(model)
        loader = self._pool_loader(model, datamodule)
        predictor = PoolPredictor(self, model, self.dataset.pool, loader)
        return _SharedLoop(self.dataset, predictor, self.heuristic, self.query_size).step()

    def _model_and_loader(self, model: Any, dataloader: Any) -> tuple[Any, Any]:
        model = self._model(model)
        return model, self._pool_loader(model, None) if dataloader is None else dataloader

    def _model(self, model: Any) -> Any:
        found = getattr(self, "lightning_module", None) if model is None else model
        if found is None:
            raise StateError(
                "Expected `model` to be given, since nothing was trained yet, but got None"
            )
        return found

    def _pool_loader(self, model: Any, datamodule: Any) -> Any:
        for owner in (datamodule, getattr(self, "datamodule", None), model):
            make = getattr(owner, "pool_dataloader", None)
            if make is not None:
                return make()
        raise StateError(
            "Expected `datamodule` or `model` to have a `pool_dataloader`, but neither has: pass a "
            "BaaLDataModule, or make the model an ActiveLightningModule."
        )
