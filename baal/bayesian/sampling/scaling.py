"""Dropping by a mask, and who gives it."""

from typing import Protocol

import torch

__all__ = ["Keep", "scale_kept"]


class Keep(Protocol):
    """Gives the masks of a forward pass, in the order in which they are asked for.

    Example:
        >>> def everything(like, shape, p, *, whole=False):
        ...     return torch.ones(shape, dtype=torch.bool)
        >>> keep: Keep = everything
    """

    def __call__(
        self, like: torch.Tensor, shape: tuple[int, ...], p: float, *, whole: bool = False
    ) -> torch.Tensor | None:
        """What to keep.

        Args:
            like: What is to be dropped.
            shape: Of the mask; it broadcasts to `like`.
            p: Probability of an element to be dropped.
            whole: No axis of the mask is that of the items: it is for all of them.

        Returns:
            Booleans that broadcast to `shape`; None: everything.
        """


def scale_kept(x: torch.Tensor, mask: torch.Tensor, p: float) -> torch.Tensor:
    """Drop by a mask, and divide what is kept by the probability to be kept.

    Args:
        x: Any shape.
        mask: Booleans that broadcast to the shape of `x`.
        p: Probability to be dropped.

    Returns:
        The shape of `x`.

    Example:
        >>> scale_kept(torch.ones(2), torch.tensor([True, False]), 0.5)
        tensor([2., 0.])
    """
    return x * (mask.to(x.dtype) * (0.0 if p == 1 else 1 / (1 - p)))
