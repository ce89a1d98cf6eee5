"""The mean loss."""

from typing import Any, ClassVar

import torch

from baal.utils.iterutils import map_on_tensor
from baal.utils.metrics.base import Metrics
from baal.utils.metrics.moments import to_float64

__all__ = ["Loss"]


class Loss(Metrics):
    """Mean loss by item.

    Args:
        average: See `Metrics`.

    Example:
        >>> loss = Loss()
        >>> loss.update(torch.tensor(1.0), target=torch.zeros(3))
        >>> loss.update(torch.tensor(5.0), target=torch.zeros(1))
        >>> loss.value
        2.0
    """

    takes_loss: ClassVar[bool] = True

    def update(self, output: Any = None, target: Any = None) -> None:
        """Take in a batch's mean loss.

        Args:
            output: The loss: a scalar, or one value an item `[B]`.
            target: The batch's targets `[B, ...]`, or lists or dicts of them, of which only the
                length counts; a batch of none changes nothing. Without them a scalar counts as one
                item.
        """
        loss = torch.as_tensor(output).detach()
        items = max(loss.numel(), 1) if target is None else _items(target)
        if items:
            # The mean is a copy: the caller may go on to change the loss in place.
            self._add(to_float64(loss).mean().reshape(1), items)


def _items(target: Any) -> int:
    """How many items a batch of targets has: the first tensor's length, else its own."""
    if isinstance(target, torch.Tensor):
        return len(target) if target.ndim else 1
    lengths: list[int] = []
    map_on_tensor(lambda t: lengths.append(len(t) if t.ndim else 1), target)
    return lengths[0] if lengths else len(target)
