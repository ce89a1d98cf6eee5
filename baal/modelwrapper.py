"""Train, test and predict on datasets."""

import copy
import warnings
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import Dataset
from tqdm import tqdm

from baal.bayesian.sampling import check_iterations
from baal.exceptions import StateError
from baal.metrics.mixin import MetricMixin
from baal.training.batches import split_batch
from baal.training.early_stopping import BestEpoch, is_tested
from baal.training.embedder import Embedder
from baal.training.loading import check_not_empty, make_loader
from baal.training.predicting import mc_inference
from baal.training.schedule import step_scheduler
from baal.training.steps import autocast, take_step
from baal.training_args import TrainingArgs
from baal.utils.cuda_utils import to_device
from baal.utils.frames import level_outside_baal
from baal.utils.log_configuration import get_logger

__all__ = ["ModelWrapper", "TrainingArgs", "mc_inference"]


class ModelWrapper(Embedder, MetricMixin):
    """Trains, tests and samples a model on datasets.

    Batches are `(data, target, *rest)` or dicts: see `baal.training.batches.split_batch`.

    Args:
        model: Any module. Patch it first (`baal.bayesian`) for more than point predictions.
        args: How to train and predict.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> data = TensorDataset(torch.randn(8, 3), torch.randint(2, (8,)))
        >>> from baal.bayesian.dropout import patch_module
        >>> net = patch_module(nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2)))
        >>> wrapper = ModelWrapper(net, TrainingArgs(workers=0))
        >>> wrapper.predict_on_dataset(data, iterations=5, verbose=False).shape
        (8, 2, 5)
    """

    def __init__(self, model: nn.Module, args: TrainingArgs) -> None:
        Embedder.__init__(self, model, args)
        MetricMixin.__init__(self)

    def train_on_dataset(self, dataset: Dataset[Any]) -> list[float]:
        """Train for `args.epoch` epochs.

        Args:
            dataset: What to train on.

        Returns:
            The training loss of each epoch.

        Raises:
            StateError: The dataset is empty, or optimizer or criterion are missing.
            InvalidArgumentError: A batch has no target.

        Warns:
            UserWarning: `args.epoch` is 0, as it is by default.
        """
        self._check_can_train(dataset)
        history = list(self._epochs(dataset))
        self.active_step(self.dataset_size, self.get_metrics("train"))
        return history

    def train_and_test_on_datasets(
        self,
        train_dataset: Dataset[Any],
        test_dataset: Dataset[Any],
        return_best_weights: bool = False,
        patience: int | None = None,
        min_epoch_for_es: int = 0,
        skip_epochs: int = 1,
    ) -> Any:
        """Train for `args.epoch` epochs, or until the test loss gets no lower, with tests between.

        Args:
            train_dataset: What to train on.
            test_dataset: What to measure the test metrics on.
            return_best_weights: Give the weights at the lowest test loss too. The model itself
                keeps those of the last epoch.
            patience: Stop after so many tested epochs in a row without a new lowest test loss; 0 is
                as 1, None trains all epochs. A loss that is not finite is never the lowest.
            min_epoch_for_es: Train so many epochs in any case.
            skip_epochs: Test after the first epoch and after each so-many-th from there; the last
                one is always tested.

        Returns:
            The metrics of each tested epoch, as `get_metrics()` gives them; with
            `return_best_weights`, `(metrics, weights)`: a copy of `state_dict()` at the lowest test
            loss, or of the last one if no loss was finite.

        Raises:
            StateError: A dataset is empty, or optimizer or criterion are missing.
            InvalidArgumentError: A number is out of its range, or a batch has no target.
            InvalidTypeError: One of the numbers is no whole number.

        Warns:
            UserWarning: `args.epoch` is 0, as it is by default.
        """
        best = BestEpoch(patience, min_epoch_for_es, skip_epochs)
        self._check_can_train(train_dataset)
        check_not_empty(test_dataset)
        history: list[dict[str, Any]] = []
        weights: dict[str, Any] | None = None
        with closing(self._epochs(train_dataset)) as epochs:
            for epoch, _ in enumerate(epochs):
                if not is_tested(epoch, self.args.epoch, skip_epochs):
                    continue
                self.active_step(self.dataset_size, self.get_metrics("train"))
                improved = best.see(self.test_on_dataset(test_dataset))
                history.append(self.get_metrics())
                if improved and return_best_weights:
                    weights = copy.deepcopy(self.state_dict())
                if best.should_stop(epoch + 1):
                    get_logger().info("training stopped early", epoch=epoch, best_loss=best.loss)
                    break
        if not return_best_weights:
            return history
        return history, copy.deepcopy(self.state_dict()) if weights is None else weights

    def _epochs(self, dataset: Dataset[Any]) -> Generator[float, None, None]:
        """Train epoch by epoch; gives the training loss of each."""
        args = self.args
        if args.epoch == 0:
            warnings.warn(
                "Nothing is trained: `TrainingArgs.epoch` is 0.",
                UserWarning,
                stacklevel=level_outside_baal(),
            )
        self.set_dataset_size(len(dataset))  # type: ignore[arg-type]
        self.training_state.note_start(args)
        self.train()
        batches = make_loader(dataset, args, shuffle=True)
        total = args.epoch * len(batches)
        with tqdm(total=total, desc="train", disable=not args.verbose, leave=False) as progress:
            for epoch in range(args.epoch):
                self._reset_metrics("train")
                for batch in batches:
                    self.train_on_batch(*split_batch(batch))
                    progress.update()
                loss = float(self.metrics["train_loss"].value)
                if args.scheduler is not None and args.scheduler_interval == "epoch":
                    step_scheduler(args.scheduler, loss)
                progress.set_postfix(epoch=epoch, loss=loss)
                get_logger().debug("epoch trained", epoch=epoch, loss=loss)
                yield loss

    def test_on_dataset(self, dataset: Dataset[Any], average_predictions: int = 1) -> float:
        """Measure the test metrics on a dataset.

        Args:
            dataset: What to measure them on.
            average_predictions: Number of posterior samples whose outputs are averaged.

        Returns:
            The mean loss; the other metrics are in `get_metrics("test")`.

        Raises:
            StateError: The dataset is empty, or the criterion is missing.
            InvalidArgumentError: `average_predictions` is below 1, or a batch has no target.
        """
        check_iterations(average_predictions)
        check_not_empty(dataset)
        self._reset_metrics("test")
        batches = make_loader(dataset, self.args)
        for batch in tqdm(batches, desc="test", disable=not self.args.verbose, leave=False):
            self.test_on_batch(*split_batch(batch), average_predictions)
        self.active_step(self.dataset_size, self.get_metrics("test"))
        return float(self.metrics["test_loss"].value)

    def train_on_batch(self, data: Any, target: Any) -> torch.Tensor:
        """Make one optimizer step, in the mode the model is in.

        Args:
            data: Input of the model, `[B, ...]`, or a nested structure of such tensors.
            target: Second argument of the criterion.

        Returns:
            The loss, a scalar without its graph and without the regularizer.

        Raises:
            StateError: Optimizer or criterion are missing.
        """
        args, device = self.args, self.device
        optimizer, criterion = self._optimizer(), self._criterion()
        data, target = to_device(data, device), to_device(target, device)
        optimizer.zero_grad()
        with autocast(device, args.mixed_precision):
            output = self.model(data)
            loss = criterion(output, target)
        total = loss if args.regularizer is None else loss + args.regularizer()
        scaler = self.training_state.scaler(args, device)
        stepped = take_step(total, optimizer, args.max_grad_norm, scaler)
        if stepped and args.scheduler is not None and args.scheduler_interval == "batch":
            step_scheduler(args.scheduler, loss.detach())
        self._update_metrics(output, target, loss, "train")
        return loss.detach()

    def test_on_batch(self, data: Any, target: Any, average_predictions: int = 1) -> torch.Tensor:
        """Measure the test metrics on one batch, in eval mode.

        Args:
            data: Input of the model, `[B, ...]`, or a nested structure of such tensors.
            target: Second argument of the criterion.
            average_predictions: Number of posterior samples whose outputs are averaged.

        Returns:
            The loss, a scalar.

        Raises:
            StateError: The criterion is missing.
            InvalidArgumentError: `average_predictions` is below 1.
        """
        criterion = self._criterion()
        output = self._output_to_test(self._samples_to_test(data, average_predictions))
        target = to_device(target, self.device)
        loss = criterion(output, target)
        self._update_metrics(output, target, loss, "test")
        return loss

    def _optimizer(self) -> Optimizer:
        if self.args.optimizer is None:
            raise StateError("Expected `TrainingArgs.optimizer` to be set, but got None.")
        return self.args.optimizer

    def _criterion(self) -> Callable[[Any, Any], torch.Tensor]:
        if self.args.criterion is None:
            raise StateError("Expected `TrainingArgs.criterion` to be set, but got None.")
        return self.args.criterion

    def _check_can_train(self, dataset: Dataset[Any]) -> None:
        self._optimizer()
        self._criterion()
        check_not_empty(dataset)
