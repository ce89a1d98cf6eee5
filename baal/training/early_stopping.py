"""Which tested epoch was the best, and when there is no use in going on."""

import math
from typing import Any

import numpy as np

from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["BestEpoch", "is_tested"]


def is_tested(epoch: int, n_epochs: int, skip_epochs: int) -> bool:
    """Whether there is a test after an epoch.

    Args:
        epoch: Its number, from 0.
        n_epochs: Number of epochs.
        skip_epochs: From one tested epoch to the next.

    Returns:
        True for the first one, for each `skip_epochs`-th after it, and for the last.

    Example:
        >>> [epoch for epoch in range(6) if is_tested(epoch, 6, skip_epochs=2)]
        [0, 2, 4, 5]
    """
    return epoch % skip_epochs == 0 or epoch == n_epochs - 1


class BestEpoch:
    """Follows the test loss.

    Args:
        patience: Stop after so many tested epochs in a row without a new lowest loss; 0 is as 1,
            None never stops.
        min_epochs: Epochs that are trained in any case.
        skip_epochs: From one tested epoch to the next; only checked here.

    Raises:
        InvalidArgumentError: `patience` or `min_epochs` is below 0, or `skip_epochs` below 1.
        InvalidTypeError: One of them is no whole number.

    Example:
        >>> best = BestEpoch(patience=2)
        >>> [best.see(loss) for loss in (1.0, 0.5, float("nan"), 0.7)], best.should_stop(4)
        ([True, True, False, False], True)
    """

    def __init__(
        self, patience: int | None = None, min_epochs: int = 0, skip_epochs: int = 1
    ) -> None:
        if patience is not None:
            _check_whole_number("patience", patience, least=0)
        _check_whole_number("min_epoch_for_es", min_epochs, least=0)
        _check_whole_number("skip_epochs", skip_epochs, least=1)
        self.patience, self.min_epochs = patience, min_epochs
        self.loss = math.inf
        self._without = 0

    def see(self, loss: float) -> bool:
        """Take in the loss of a tested epoch.

        Args:
            loss: The mean over the test set.

        Returns:
            Whether it is finite and lower than all before it.
        """
        better = math.isfinite(loss) and loss < self.loss
        self.loss, self._without = (loss, 0) if better else (self.loss, self._without + 1)
        return better

    def should_stop(self, n_trained: int) -> bool:
        """Whether training has gone on for too long without getting better.

        Args:
            n_trained: Epochs trained so far.

        Returns:
            True if so.
        """
        if self.patience is None or n_trained < self.min_epochs:
            return False
        return self._without >= max(self.patience, 1)


def _check_whole_number(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InvalidTypeError(f"Expected `{name}` to be a whole number, but got {value!r}.")
    if value < least:
        raise InvalidArgumentError(f"Expected `{name}` to be at least {least}, but got {value}.")
