"""A Lightning trainer with an active dataset: predicts the pool, and labels the winners."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy.typing as npt

from baal.active.active_loop import ActiveLearningLoop, Proposal
from baal.active.heuristics.baselines import Random
from baal.exceptions import StateError
from baal.lightning.predicting import of_first_process, predictions
from baal.lightning.resetting import CallbackStates, reset_progress
from baal.utils.array_utils import concatenate_batches

__all__ = ["ActiveTrainer"]


class _SharedLoop(ActiveLearningLoop):
    """A loop that several processes go through with one choice: that of the first."""

    def _query(self, pool: Any) -> tuple[Proposal, Any, npt.NDArray[Any]]:
        found: tuple[Proposal, Any, npt.NDArray[Any]] = of_first_process(super()._query(pool))
        return found


class ActiveTrainer:
    """A `Trainer` that trains on what is labelled, and labels what its module is least sure of.

    Each `fit` is a training of its own: it counts its epochs from the first, and callbacks such as
    `EarlyStopping` remember nothing of the one before. The weights go on; a `ResetCallback` puts
    them back.

    Args:
        dataset: The active dataset.
        heuristic: Scores and ranks the pool; at random by default.
        query_size: Items to label in a step.
        **trainer_kwargs: Of `Trainer`.

    Raises:
        InvalidArgumentError: `query_size` is negative.
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
        self, dataset: Any, heuristic: Any = None, query_size: int = 1, **trainer_kwargs: Any
    ) -> None:
        self.dataset = dataset
        self.heuristic = Random() if heuristic is None else heuristic
        self.query_size = query_size
        self._loop(None)
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
        model = self._model(model)
        loader = self._pool_loader(model, None) if dataloader is None else dataloader
        return self._predictions(model, loader)

    def _predictions(self, model: Any, loader: Any) -> Iterator[Any]:
        yield from predictions(self, model, loader, model.predict_step)

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

    def step(self, model: Any = None, datamodule: Any = None) -> bool:
        """Score the pool, and label the best of it.

        Of several processes that train together, all label what the first one chose.

        Args:
            model: As in `predict_on_dataset_generator`.
            datamodule: Has a `pool_dataloader`; by default the one trained with last, or the model.

        Returns:
            Whether anything was labelled.

        Raises:
            StateError: There is no model, or no loader, or the dataset stores labels that somebody
                has to give.
            InvalidArgumentError: The loader is not of the whole pool.
        """
        if self.dataset.n_unlabelled == 0:
            return False
        model = self._model(model)
        loader = self._pool_loader(model, datamodule)
        return self._loop(partial(self._predictions, model, loader)).step()

    def _loop(self, predict: Any) -> ActiveLearningLoop:
        def of_pool(pool: Any) -> Any:  # the loader's, which is the same
            del pool
            return predict()

        return _SharedLoop(self.dataset, of_pool, self.heuristic, self.query_size)

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
