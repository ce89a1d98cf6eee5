"""Train, test and predict on datasets."""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from baal.bayesian.caching_utils import LRUCacheModule
from baal.bayesian.sampling import check_iterations, sample_posterior, samples_are_joint
from baal.exceptions import StateError
from baal.metrics.mixin import MetricMixin
from baal.training_args import TrainingArgs
from baal.utils.array_utils import concatenate_batches, to_numpy
from baal.utils.cuda_utils import to_device
from baal.utils.frames import level_outside_baal
from baal.utils.iterutils import map_on_tensor
from baal.utils.log_configuration import get_logger
from baal.utils.workers import end_with_parent

__all__ = ["ModelWrapper", "TrainingArgs", "mc_inference"]


def mc_inference(model: nn.Module, data: Any, iterations: int, replicate_in_memory: bool) -> Any:
    """Posterior samples of a model's output on one batch.

    Args:
        model: A stochastic module, called in the mode it is in.
        data: Its input `[B, ...]`, or a nested structure of such tensors.
        iterations: Number of posterior samples `K`.
        replicate_in_memory: False makes K passes, one after the other; True leaves the choice to
            the engine, see `baal.bayesian.sampling.sample_posterior`.

    Returns:
        What the model returns, with each tensor `[B, C, ...]` become `[B, C, ..., K]`.

    Raises:
        InvalidArgumentError: `iterations` is below 1.
        InvalidTypeError: `iterations` is no whole number.

    Example:
        >>> mc_inference(nn.Dropout(0.5), torch.ones(4, 3), 5, replicate_in_memory=True).shape
        torch.Size([4, 3, 5])
    """
    if replicate_in_memory and any(isinstance(m, LRUCacheModule) for m in model.modules()):
        warnings.warn(
            "Caching layers are best used with replicate_in_memory=False: with stacked inputs no "
            "layer sees the same input twice.",
            UserWarning,
            stacklevel=level_outside_baal(),
        )
    return sample_posterior(model, data, iterations, "auto" if replicate_in_memory else "loop")


class ModelWrapper(MetricMixin):
    """Trains, tests and samples a model on datasets.

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
        super().__init__()
        self.model = model
        self.args = args
        if args.channels_last:
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def device(self) -> torch.device:
        """Where the model is, and where batches go."""
        parameter = next(self.model.parameters(), None)
        if parameter is not None:
            return parameter.device
        return torch.device("cuda" if self.args.use_cuda else "cpu")

    @property
    def sampled_model(self) -> nn.Module:
        """What posterior samples are drawn of: the model."""
        return self.model

    @property
    def samples_are_joint(self) -> bool | None:
        """Whether the samples predicted last are joint; None if nothing was predicted yet.

        See `baal.bayesian.sampling.samples_are_joint`.
        """
        return samples_are_joint(self.sampled_model)

    def train_on_dataset(self, dataset: Dataset[Any]) -> list[float]:
        """Train for `args.epoch` epochs.

        Args:
            dataset: Items `(data, target, *rest)`.

        Returns:
            The training loss of each epoch.

        Raises:
            StateError: The dataset is empty, or optimizer or criterion are missing.

        Warns:
            UserWarning: `args.epoch` is 0, as it is by default.
        """
        self._check_can_train(dataset)
        if self.args.epoch == 0:
            warnings.warn(
                "Nothing is trained: `TrainingArgs.epoch` is 0.",
                UserWarning,
                stacklevel=level_outside_baal(),
            )
        self.set_dataset_size(len(dataset))  # type: ignore[arg-type]
        history = []
        self.train()
        batches = self._loader(dataset, shuffle=True)
        for epoch in range(self.args.epoch):
            self._reset_metrics("train")
            for data, target, *_ in batches:
                self.train_on_batch(data, target)
            history.append(self.metrics["train_loss"].value)
            get_logger().debug("epoch trained", epoch=epoch, loss=history[-1])
        self.active_step(self._active_dataset_size, self.get_metrics("train"))
        return history

    def test_on_dataset(self, dataset: Dataset[Any], average_predictions: int = 1) -> float:
        """Measure the test metrics on a dataset.

        Args:
            dataset: Items `(data, target, *rest)`.
            average_predictions: Number of posterior samples whose outputs are averaged.

        Returns:
            The mean loss; the other metrics are in `get_metrics("test")`.

        Raises:
            StateError: The dataset is empty, or the criterion is missing.
            InvalidArgumentError: `average_predictions` is below 1.
        """
        check_iterations(average_predictions)
        _check_not_empty(dataset)
        self._reset_metrics("test")
        for data, target, *_ in self._loader(dataset):
            self.test_on_batch(data, target, average_predictions)
        self.active_step(self._active_dataset_size, self.get_metrics("test"))
        return float(self.metrics["test_loss"].value)

    def predict_on_dataset_generator(
        self, dataset: Dataset[Any], iterations: int, half: bool = False, verbose: bool = True
    ) -> Iterator[Any]:
        """Posterior samples batch by batch, in constant memory.

        Args:
            dataset: Items `(data, *rest)`, or `data` alone.
            iterations: Number of posterior samples `K`.
            half: Give float16 rather than the model's own type.
            verbose: Show a progress bar.

        Yields:
            Arrays `[B, C, ..., K]` in the order of the dataset, or lists or dicts of them for a
            model with several outputs; nothing for an empty dataset.

        Raises:
            InvalidArgumentError: `iterations` is below 1.
        """
        check_iterations(iterations)
        return self._predictions(dataset, iterations, half, verbose)

    def _predictions(
        self, dataset: Dataset[Any], iterations: int, half: bool, verbose: bool
    ) -> Iterator[Any]:
        if len(dataset) == 0:  # type: ignore[arg-type]
            return
        for batch in tqdm(self._loader(dataset), desc="predict", disable=not verbose, leave=False):
            data = batch[0] if isinstance(batch, list | tuple) else batch
            yield map_on_tensor(
                lambda out: to_numpy(out, half), self.predict_on_batch(data, iterations)
            )

    def predict_on_dataset(
        self, dataset: Dataset[Any], iterations: int, half: bool = False, verbose: bool = True
    ) -> Any:
        """Posterior samples of a whole dataset.

        Args:
            dataset: Items `(data, *rest)`, or `data` alone.
            iterations: Number of posterior samples `K`.
            half: Give float16 rather than the model's own type.
            verbose: Show a progress bar.

        Returns:
            An array `[N, C, ..., K]`; a list or a dict of them for a model with several outputs; an
            empty list for an empty dataset.

        Raises:
            InvalidArgumentError: `iterations` is below 1.
        """
        batches = list(self.predict_on_dataset_generator(dataset, iterations, half, verbose))
        return concatenate_batches(batches) if batches else []

    def train_on_batch(self, data: Any, target: Any) -> torch.Tensor:
        """Make one optimizer step, in the mode the model is in.

        Args:
            data: Input of the model, `[B, ...]`.
            target: Second argument of the criterion.

        Returns:
            The loss, a scalar without its graph.

        Raises:
            StateError: Optimizer or criterion are missing.
        """
        optimizer, criterion = self._optimizer(), self._criterion()
        data, target = to_device((data, target), self.device)
        optimizer.zero_grad()
        output = self.model(data)
        loss = criterion(output, target)
        penalty = self.args.regularizer() if self.args.regularizer is not None else 0.0
        (loss + penalty).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        self._update_metrics(output, target, loss, "train")
        return loss.detach()

    def test_on_batch(self, data: Any, target: Any, average_predictions: int = 1) -> torch.Tensor:
        """Measure the test metrics on one batch, in eval mode.

        Args:
            data: Input of the model, `[B, ...]`.
            target: Second argument of the criterion.
            average_predictions: Number of posterior samples whose outputs are averaged.

        Returns:
            The loss, a scalar.

        Raises:
            StateError: The criterion is missing.
            InvalidArgumentError: `average_predictions` is below 1.
        """
        criterion = self._criterion()
        samples = self._samples_to_test(data, average_predictions)
        target = to_device(target, self.device)
        output = map_on_tensor(lambda out: out.mean(-1), samples)
        loss = criterion(output, target)
        self._update_metrics(output, target, loss, "test")
        return loss

    def _samples_to_test(self, data: Any, average_predictions: int) -> Any:
        return self.predict_on_batch(data, average_predictions)

    def predict_on_batch(self, data: Any, iterations: int = 1) -> Any:
        """Posterior samples of one batch; the model is in eval mode meanwhile, as before after it.

        Args:
            data: Input of the model, `[B, ...]`.
            iterations: Number of posterior samples `K`.

        Returns:
            What the model returns, with each tensor `[B, C, ...]` become `[B, C, ..., K]`.

        Raises:
            InvalidArgumentError: `iterations` is below 1.
        """
        modes = {module: module.training for module in self.model.modules()}
        self.model.eval()
        try:
            data = map_on_tensor(self._laid_out, to_device(data, self.device))
            with self._autocast():
                if self.args.sampling == "auto":
                    replicate = self.args.replicate_in_memory
                    return mc_inference(self.sampled_model, data, iterations, replicate)
                return sample_posterior(self.sampled_model, data, iterations, self.args.sampling)
        finally:
            # One by one: a part that the user froze in eval mode stays there.
            for module, mode in modes.items():
                module.training = mode

    def _laid_out(self, tensor: torch.Tensor) -> torch.Tensor:
        if self.args.channels_last and tensor.ndim == 4:
            return tensor.contiguous(memory_format=torch.channels_last)
        return tensor

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.args.autocast is None:
            return nullcontext()
        # Without its cache of weights: with it, the first pass of a batch does other operations
        # than those after it, and they could not share what is the same for all samples.
        return torch.autocast(self.device.type, self.args.autocast, cache_enabled=False)

    def get_params(self) -> Iterator[nn.Parameter]:
        """The model's parameters.

        Returns:
            An iterator, as an optimizer takes it.
        """
        return self.model.parameters()

    def state_dict(self) -> dict[str, Any]:
        """The model's weights and buffers.

        Returns:
            Tensors by name; they share memory with the model, so copy them to keep them.
        """
        state: dict[str, Any] = self.model.state_dict()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> None:
        """Load the model's weights; what the optimizer remembered of the old ones is dropped.

        Args:
            state_dict: Tensors by name.
            strict: Refuse missing and unexpected names.

        Raises:
            RuntimeError: By torch, when names or shapes do not fit.
        """
        self.model.load_state_dict(state_dict, strict=strict)
        self._forget_optimizer_state()

    def train(self) -> None:
        """Put the model into training mode."""
        self.model.train()

    def eval(self) -> None:
        """Put the model into eval mode."""
        self.model.eval()

    def reset_fcs(self) -> None:
        """Draw the weights of all linear layers anew, from torch's global generator."""
        self._reset(nn.Linear)

    def reset_all(self) -> None:
        """Draw the weights of all layers that know how to anew, from torch's global generator.

        Parameters that a module of your own holds itself stay, unless it has `reset_parameters`. To
        be sure, keep a copy of `state_dict()` and load it.
        """
        self._reset(nn.Module)

    def _reset(self, kind: type[nn.Module]) -> None:
        for module in self.model.modules():
            # Attention and Transformers have theirs under a private name.
            names = ("reset_parameters", "_reset_parameters")
            reset = next((getattr(module, name) for name in names if hasattr(module, name)), None)
            if isinstance(module, kind) and callable(reset):
                reset()
        self._forget_optimizer_state()

    def _forget_optimizer_state(self) -> None:
        if self.args.optimizer is not None:
            self.args.optimizer.state.clear()

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
        _check_not_empty(dataset)

    def _loader(self, dataset: Dataset[Any], shuffle: bool = False) -> DataLoader[Any]:
        workers = min(self.args.workers, os.cpu_count() or 1)
        return DataLoader(
            dataset,
            self.args.batch_size,
            shuffle=shuffle,
            num_workers=workers,
            collate_fn=self.args.collate_fn,
            persistent_workers=workers > 0, worker_init_fn=end_with_parent,
        )  # fmt: skip


def _check_not_empty(dataset: Dataset[Any]) -> None:
    if len(dataset) == 0:  # type: ignore[arg-type]
        raise StateError(
            "Expected a dataset with at least one labelled item, but got an empty one: label some "
            "items first, by `label_randomly(n)` for instance."
        )
