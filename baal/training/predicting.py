"""The part of a wrapper that predicts: posterior samples of batches and datasets."""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset
from tqdm import tqdm

from baal.bayesian.caching_utils import LRUCacheModule
from baal.bayesian.sampling import check_iterations, sample_posterior, samples_are_joint
from baal.training.batches import inputs_of
from baal.training.holding import ModelHolder
from baal.training.loading import make_loader
from baal.training.modes import eval_mode
from baal.utils.array_utils import concatenate_batches, to_numpy
from baal.utils.cuda_utils import to_device
from baal.utils.frames import level_outside_baal
from baal.utils.iterutils import map_on_tensor

__all__ = ["Predictor", "mc_inference", "mean_over_samples"]


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


def mean_over_samples(samples: torch.Tensor) -> torch.Tensor:
    """One prediction of several samples.

    Args:
        samples: `[B, C, ..., K]`; whole numbers and truth values count as such.

    Returns:
        `[B, C, ...]`.

    Example:
        >>> mean_over_samples(torch.tensor([[1, 2], [3, 5]]))
        tensor([1.5000, 4.0000])
    """
    if not (samples.is_floating_point() or samples.is_complex()):
        samples = samples.float()
    return samples.mean(-1)


class Predictor(ModelHolder):
    """Draws posterior samples of a model.

    Args:
        model: Any module. Patch it first (`baal.bayesian`) for more than point predictions.
        args: How to predict.

    Example:
        >>> from baal.training_args import TrainingArgs
        >>> predictor = Predictor(nn.Dropout(0.5), TrainingArgs(use_cuda=False))
        >>> predictor.predict_on_batch(torch.ones(4, 3), iterations=1).shape
        torch.Size([4, 3, 1])
    """

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

    def predict_on_dataset_generator(
        self, dataset: Dataset[Any], iterations: int, half: bool = False, verbose: bool = True
    ) -> Iterator[Any]:
        """Posterior samples batch by batch, in constant memory.

        Args:
            dataset: Items `(data, *rest)`, `data` alone, or dicts, see `inputs_of`.
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
        batches = make_loader(dataset, self.args)
        for batch in tqdm(batches, desc="predict", disable=not verbose, leave=False):
            output = self.predict_on_batch(inputs_of(batch), iterations)
            yield map_on_tensor(lambda out: to_numpy(out, half), output)

    def predict_on_dataset(
        self, dataset: Dataset[Any], iterations: int, half: bool = False, verbose: bool = True
    ) -> Any:
        """Posterior samples of a whole dataset.

        Args:
            dataset: Items `(data, *rest)`, `data` alone, or dicts, see `inputs_of`.
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
        with eval_mode(self.model):
            data = map_on_tensor(self._laid_out, to_device(data, self.device))
            with self._autocast():
                if self.args.sampling == "auto":
                    replicate = self.args.replicate_in_memory
                    return mc_inference(self.sampled_model, data, iterations, replicate)
                return sample_posterior(self.sampled_model, data, iterations, self.args.sampling)

    def _samples_to_test(self, data: Any, average_predictions: int) -> Any:
        """The posterior samples of a batch `[B, C, ..., K]` that tests are about."""
        return self.predict_on_batch(data, average_predictions)

    def _output_to_test(self, samples: Any) -> Any:
        """What criterion and metrics see of them, `[B, C, ...]`."""
        return map_on_tensor(mean_over_samples, samples)

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
