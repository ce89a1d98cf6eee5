"""Eval mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

__all__ = ["eval_mode"]


@contextmanager
def eval_mode(module: nn.Module) -> Iterator[None]:
    """Meanwhile, a module is in eval mode; each of its parts is as it was afterwards.

    Args:
        module: The module.

    Yields:
        Nothing.

    Example:
        >>> layer = nn.Linear(1, 1)
        >>> with eval_mode(layer):
        ...     layer.training
        False
        >>> layer.training
        True
    """
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        # One by one: a part that the user froze in eval mode stays there.
        for part, mode in modes.items():
            part.training = mode
