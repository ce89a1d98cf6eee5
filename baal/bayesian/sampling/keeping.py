"""What dropout keeps, drawn fast on a CPU.

`torch.rand(shape) >= p` turns 32 random bits into a float to look at 24 of them. Here the bits are
compared as they are: the same numbers of the same generator and so the same masks, in a third of
the time. Bernoulli numbers of torch, which its attention draws, take longer still.
"""

import math
from typing import Any

import numpy as np
import torch

from baal.bayesian.sampling.passes import current_pass

__all__ = ["draw_keep"]

# `torch.rand` makes a float32 of the lowest 24 bits of a random number.
_BITS = 24


def draw_keep(shape: tuple[int, ...], p: float) -> torch.Tensor:
    """Draw what to keep, on the CPU: each element is kept with probability `1 - p`.

    In a sampling run under vmap, each sample gets a mask of its own.

    Args:
        shape: Of the mask.
        p: Probability to be dropped, in (0, 1).

    Returns:
        Booleans of that shape; those of `torch.rand(shape) >= p`.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> fast = draw_keep((1000,), 0.3)
        >>> _ = torch.manual_seed(0)
        >>> bool((fast == (torch.rand(1000) >= 0.3)).all())
        True
    """
    run = current_pass()
    index = None if run is None else run.index
    # Inside of a vmap of the model's own, only torch knows how to draw.
    levels = torch._C._functorch.maybe_current_level() or 0  # noqa: SLF001
    if levels != (index is not None) or torch.get_default_dtype() != torch.float32:
        return torch.rand(shape, device="cpu") >= p
    if index is None:
        return _from_bits(tuple(shape), p)
    keep: torch.Tensor = _ForEachSample.apply(index, tuple(shape), p)
    return keep


def _from_bits(shape: tuple[int, ...], p: float) -> torch.Tensor:
    bits = torch.empty(shape, dtype=torch.int32, device="cpu").random_()
    # As torch compares: with `p` rounded to float32, of which this is exact.
    smallest = math.ceil(float(np.float32(p)) * 2**_BITS)
    keep: torch.Tensor = bits.bitwise_and_(2**_BITS - 1) >= smallest
    return keep


class _ForEachSample(torch.autograd.Function):
    """Draws one mask for each sample: vmap lets nobody fill a tensor that it did not batch."""

    @staticmethod
    def forward(index: torch.Tensor, shape: tuple[int, ...], p: float) -> torch.Tensor:  # noqa: ARG004
        """Without vmap, which is never so: one mask."""
        return _from_bits(shape, p)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        """Nothing is needed later: there are no gradients."""

    @staticmethod
    def vmap(
        info: Any,
        in_dims: Any,  # noqa: ARG004
        index: torch.Tensor,  # noqa: ARG004
        shape: tuple[int, ...],
        p: float,
    ) -> tuple[torch.Tensor, int]:
        """Masks of all samples, `[K, ...]`."""
        return _from_bits((info.batch_size, *shape), p), 0
