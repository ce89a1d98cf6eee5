"""How a `ModelWrapper` trains and predicts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer
from torch.utils.data.dataloader import default_collate

from baal.bayesian.sampling import Way, check_way
from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["TrainingArgs"]


@dataclass
class TrainingArgs:
    """How a `ModelWrapper` trains and predicts.

    Attributes:
        optimizer: Steps the model's parameters; needed for training only.
        batch_size: Items of a batch, `B`.
        epoch: Passes over the dataset in `train_on_dataset`.
        use_cuda: Where data goes when the model has no parameter to tell by; otherwise data
            follows the model.
        workers: Processes that load data; no more are used than the machine has cores.
        collate_fn: Makes a batch of items.
        regularizer: Called without arguments; gives a scalar that is added to the training loss.
        criterion: `criterion(output, target)` gives the loss; needed for training and testing.
        replicate_in_memory: False draws posterior samples one pass after the other, which takes
            the least memory; the same as `sampling="loop"`.
        sampling: How posterior samples are drawn: "auto" (the fastest that works), "vmap", "stack"
            or "loop"; see `baal.bayesian.sampling.sample_posterior`.
        autocast: Predict in that type (`torch.bfloat16`, `torch.float16`) where `torch.autocast`
            deems it safe; None: in the model's own.
        channels_last: Lay images `[B, C, H, W]` and the model's weights out with channels last.

    Raises:
        InvalidArgumentError: `batch_size` below 1, `epoch` or `workers` below 0, or `sampling`
            unknown.
        InvalidTypeError: `autocast` is no dtype.

    Example:
        >>> TrainingArgs(batch_size=64, epoch=10, workers=0).batch_size
        64
    """

    optimizer: Optimizer | None = None
    batch_size: int = 32
    epoch: int = 0
    use_cuda: bool = torch.cuda.is_available()
    workers: int = 4
    collate_fn: Callable[[list[Any]], Any] = default_collate
    regularizer: Callable[[], torch.Tensor] | None = None
    criterion: Callable[[Any, Any], torch.Tensor] | None = None
    replicate_in_memory: bool = True
    sampling: Way = "auto"
    autocast: torch.dtype | None = None
    channels_last: bool = False

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("epoch", 0), ("workers", 0)):
            if getattr(self, name) < least:
                raise InvalidArgumentError(
                    f"Expected `{name}` to be at least {least}, but got {getattr(self, name)}."
                )
        check_way(self.sampling, "sampling")
        if self.autocast is not None and not isinstance(self.autocast, torch.dtype):
            raise InvalidTypeError(
                f"Expected `autocast` to be a torch.dtype or None, but got {self.autocast!r}."
            )
