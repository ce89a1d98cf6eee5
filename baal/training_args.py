"""How a `ModelWrapper` trains and predicts."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

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
        workers: Processes that load data; no more are started than there are batches, or cores that
            this process may use. With 0 it loads its data itself.
        collate_fn: Makes a batch of items.
        regularizer: Called without arguments; gives a scalar that is added to the training loss.
        criterion: `criterion(output, target)` gives the loss; needed for training and testing.
        replicate_in_memory: False draws posterior samples one pass after the other, which takes
            the least memory; the same as `sampling="loop"`.
        sampling: How posterior samples are drawn: "auto" (the fastest that works), "vmap", "stack"
            or "loop"; see `baal.bayesian.sampling.sample_posterior`.
        autocast: Predict and test in that type (`torch.bfloat16`, `torch.float16`) where
            `torch.autocast` deems it safe; None: in the model's own. Training has its own,
            `mixed_precision`: what is precise enough for a gradient may not be for an uncertainty.
        channels_last: Lay images `[B, C, H, W]` and the model's weights out with channels last.
        max_grad_norm: Where the gradients of all parameters of the optimizer, taken as one vector,
            are longer than that in the Euclidean norm, they are scaled down to it.
        mixed_precision: Train in that type, `torch.bfloat16` or `torch.float16`, where
            `torch.autocast` deems it safe; the weights stay as they are. With float16 the loss is
            scaled, so that small gradients do not vanish.
        scheduler: Changes the optimizer's learning rate; of `torch.optim.lr_scheduler`, or with the
            methods `step`, `state_dict` and `load_state_dict`. `ReduceLROnPlateau` is told the
            training loss. It starts anew when weights are loaded or reset.
        scheduler_interval: Step the scheduler after each "epoch" or after each "batch".
        verbose: Show a progress bar while training and testing.

    Raises:
        InvalidArgumentError: `batch_size` below 1, `epoch` or `workers` below 0, `sampling` or
            `scheduler_interval` unknown, `max_grad_norm` not above 0, `mixed_precision` another
            type, or `scheduler` that of another optimizer.
        InvalidTypeError: `batch_size`, `epoch` or `workers` is no whole number, `autocast` or
            `mixed_precision` no dtype, `max_grad_norm` no number, or `scheduler` no scheduler.

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
    max_grad_norm: float | None = None
    mixed_precision: torch.dtype | None = None
    scheduler: Any = None
    scheduler_interval: Literal["epoch", "batch"] = "epoch"
    verbose: bool = False

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("epoch", 0), ("workers", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral):
                raise InvalidTypeError(
                    f"Expected `{name}` to be a whole number, but got {value!r}."
                )
            if int(value) < least:
                raise InvalidArgumentError(
                    f"Expected `{name}` to be at least {least}, but got {getattr(self, name)}."
                )
        check_way(self.sampling, "sampling")
        self._check_types()
        if self.max_grad_norm is not None:
            _check_norm(self.max_grad_norm)
        if self.scheduler_interval not in {"epoch", "batch"}:
            raise InvalidArgumentError(
                "Expected `scheduler_interval` to be 'epoch' or 'batch', but got "
                f"{self.scheduler_interval!r}."
            )
        if self.scheduler is not None:
            _check_scheduler(self.scheduler, self.optimizer)

    def _check_types(self) -> None:
        for name in ("autocast", "mixed_precision"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, torch.dtype):
                raise InvalidTypeError(
                    f"Expected `{name}` to be a torch.dtype or None, but got {value!r}."
                )
        if self.mixed_precision not in {None, torch.bfloat16, torch.float16}:
            raise InvalidArgumentError(
                "Expected `mixed_precision` to be torch.bfloat16, torch.float16 or None, but got "
                f"{self.mixed_precision}."
            )


def _check_norm(norm: Any) -> None:
    if isinstance(norm, bool) or not isinstance(norm, int | float):
        raise InvalidTypeError(
            f"Expected `max_grad_norm` to be a number or None, but got {norm!r}."
        )
    if not norm > 0:
        raise InvalidArgumentError(f"Expected `max_grad_norm` to be above 0, but got {norm}.")


def _check_scheduler(scheduler: Any, optimizer: Optimizer | None) -> None:
    for method in ("step", "state_dict", "load_state_dict"):
        if not callable(getattr(scheduler, method, None)):
            raise InvalidTypeError(
                f"Expected `scheduler` to have a method `{method}`, but got {scheduler!r}."
            )
    if getattr(scheduler, "optimizer", optimizer) is not optimizer:
        raise InvalidArgumentError(
            "Expected `scheduler` to be one of `optimizer`, but got one of another optimizer."
        )
