"""What training keeps from step to step beside weights and optimizer, and how it starts anew."""

import copy
from typing import Any

import torch
from torch.amp import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from baal.training_args import TrainingArgs

__all__ = ["TrainingState", "step_scheduler"]


def step_scheduler(scheduler: Any, loss: float | torch.Tensor) -> None:
    """Let a scheduler go on.

    Args:
        scheduler: Of torch, or with its `step()`.
        loss: What `ReduceLROnPlateau` wants to know, a scalar. A tensor is looked at for that one
            alone: on a GPU it takes waiting.

    Example:
        >>> sgd = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        >>> plateau = ReduceLROnPlateau(sgd, factor=0.5, patience=0)
        >>> for loss in (1.0, 2.0):
        ...     step_scheduler(plateau, loss)
        >>> sgd.param_groups[0]["lr"]
        0.5
    """
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(float(loss))
    else:
        scheduler.step()


class TrainingState:
    """The scaler of gradients, and what the scheduler and its optimizer began with.

    Args:
        args: How is trained; what is set there later is noticed by `note_start`.

    Example:
        >>> sgd = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        >>> args = TrainingArgs(sgd, scheduler=torch.optim.lr_scheduler.ExponentialLR(sgd, 0.1))
        >>> state = TrainingState(args)
        >>> sgd.step()
        >>> args.scheduler.step()
        >>> state.reset(args)
        >>> sgd.param_groups[0]["lr"]
        1.0
    """

    def __init__(self, args: TrainingArgs) -> None:
        self._scaler: GradScaler | None = None
        self._scheduler: Any = None
        self._scheduler_start: dict[str, Any] = {}
        self._groups_start: list[dict[str, Any]] = []
        self.note_start(args)

    def note_start(self, args: TrainingArgs) -> None:
        """Remember what a scheduler starts from, the first time that it is seen.

        Args:
            args: Has the scheduler, or None.
        """
        if args.scheduler is None or args.scheduler is self._scheduler:
            return
        self._scheduler = args.scheduler
        self._scheduler_start = copy.deepcopy(args.scheduler.state_dict())
        groups = [] if args.optimizer is None else args.optimizer.param_groups
        self._groups_start = [
            {key: copy.deepcopy(value) for key, value in group.items() if key != "params"}
            for group in groups
        ]

    def scaler(self, args: TrainingArgs, device: torch.device) -> GradScaler | None:
        """What keeps gradients in float16 from vanishing; bfloat16 has the range of float32.

        Args:
            args: Has the precision.
            device: Where the model is.

        Returns:
            The same one from step to step; None if there is no need of one.
        """
        if args.mixed_precision != torch.float16:
            return None
        if self._scaler is None:
            self._scaler = GradScaler(device.type)
        return self._scaler

    def reset(self, args: TrainingArgs) -> None:
        """Start anew, as for other weights: scheduler, learning rates, scale of gradients.

        The optimizer's settings are only touched where a scheduler changes them.

        Args:
            args: Has the optimizer and the scheduler.
        """
        self._scaler = None
        if args.optimizer is not None:
            args.optimizer.state.clear()
        self.note_start(args)
        if args.scheduler is None:
            return
        args.scheduler.load_state_dict(copy.deepcopy(self._scheduler_start))
        if args.optimizer is not None:
            _put_back(args.optimizer, self._groups_start)


def _put_back(optimizer: Optimizer, groups: list[dict[str, Any]]) -> None:
    for group, start in zip(optimizer.param_groups, groups, strict=False):
        for key, value in start.items():
            if isinstance(group.get(key), torch.Tensor):  # as a captured graph reads it
                group[key].fill_(value)
            else:
                group[key] = copy.deepcopy(value)
