"""What a layer may know of the sampling run it is part of."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import torch

__all__ = [
    "PrefixMode",
    "end_prefix",
    "in_stochastic_layer",
    "is_silenced",
    "is_vmapped",
    "prefix_mode",
    "silenced",
    "stochastic_layer",
    "vmapped",
]


class PrefixMode(Protocol):
    """Records or replays the deterministic prefix of a forward pass.

    Example:
        >>> class Nothing:
        ...     def leave(self): ...
        ...     def differs(self, tensor): ...
        >>> mode: PrefixMode = Nothing()
    """

    def leave(self) -> None:
        """End the prefix here."""

    def differs(self, tensor: torch.Tensor) -> None:
        """The prefix ends with the first operation that takes this tensor.

        Args:
            tensor: Of any shape.
        """


prefix_mode: ContextVar[PrefixMode | None] = ContextVar("prefix_mode", default=None)
vmapped: ContextVar[bool] = ContextVar("vmapped", default=False)
_silenced: ContextVar[bool] = ContextVar("silenced", default=False)
_in_layer: ContextVar[bool] = ContextVar("in_stochastic_layer", default=False)


def end_prefix() -> None:
    """Said by a stochastic layer before it draws: from here on, samples differ.

    The engine would notice by itself. Saying so spares what follows the cost of being watched.

    Example:
        >>> end_prefix()  # outside of a sampling run it does nothing
    """
    mode = prefix_mode.get()
    if mode is not None:
        mode.leave()


def is_vmapped() -> bool:
    """Whether the forward pass that is running stands for several samples at once.

    Returns:
        True inside of `torch.func.vmap` over the posterior samples.

    Example:
        >>> is_vmapped()
        False
    """
    return vmapped.get()


@contextmanager
def stochastic_layer() -> Iterator[None]:
    """Where a layer draws, item by item: nothing it draws is shared by the items of a batch.

    Example:
        >>> with stochastic_layer():
        ...     in_stochastic_layer()
        True
    """
    token = _in_layer.set(True)
    try:
        yield
    finally:
        _in_layer.reset(token)


def in_stochastic_layer() -> bool:
    """Whether the code that is running is inside of `stochastic_layer`.

    Returns:
        True if so.

    Example:
        >>> in_stochastic_layer()
        False
    """
    return _in_layer.get()


@contextmanager
def silenced() -> Iterator[None]:
    """Switch the layers of `baal.bayesian.always_on` off, to see what the model does without them.

    Example:
        >>> with silenced():
        ...     is_silenced()
        True
    """
    token = _silenced.set(True)
    try:
        yield
    finally:
        _silenced.reset(token)


def is_silenced() -> bool:
    """Whether layers that are always on are to be off just now.

    Returns:
        True inside of `silenced`.

    Example:
        >>> is_silenced()
        False
    """
    return _silenced.get()
