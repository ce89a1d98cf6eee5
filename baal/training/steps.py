"""One optimizer step: gradients scaled, added to, clipped."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.amp import GradScaler
from torch.optim import Optimizer

__all__ = ["autocast", "take_step"]


def autocast(device: torch.device, dtype: torch.dtype | None) -> AbstractContextManager[Any]:
    """Where operations are done in a lower precision, if any.

    Args:
        device: Where the model is.
        dtype: `torch.bfloat16` or `torch.float16`; None: as the model is.

    Returns:
        A context for the forward pass and the loss.

    Example:
        >>> with autocast(torch.device("cpu"), torch.bfloat16):
        ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
        torch.bfloat16
    """
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype)


def take_step(
    loss: torch.Tensor,
    optimizer: Optimizer,
    max_grad_norm: float | None = None,
    scaler: GradScaler | None = None,
) -> bool:
    """Go one step down the gradient of a loss.

    Args:
        loss: A scalar with its graph.
        optimizer: Its gradients are zero.
        max_grad_norm: Where the gradients of all its parameters, taken as one vector, are longer
            than that in the Euclidean norm, they are scaled down to it. Pascanu et al. (2013),
            https://arxiv.org/abs/1211.5063.
        scaler: Scales the loss, so that gradients in float16 do not vanish. Micikevicius et al.
            (2018), https://arxiv.org/abs/1710.03740.

    Returns:
        False if the scaler left the step out, because gradients were not finite.

    Example:
        >>> weight = nn.Parameter(torch.tensor([3.0, 4.0]))
        >>> sgd = torch.optim.SGD([weight], lr=1.0)
        >>> take_step((weight**2).sum() / 2, sgd, max_grad_norm=1.0)
        True
        >>> weight.detach()
        tensor([2.4000, 3.2000])
    """
    if scaler is not None:
        loss = scaler.scale(loss)
    loss.backward()  # type: ignore[no-untyped-call]
    if max_grad_norm is not None:
        if scaler is not None:
            scaler.unscale_(optimizer)
        # Those that are stepped: others may have gradients that nobody sets to zero.
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(parameters, max_grad_norm)
    if scaler is None:
        optimizer.step()
        return True
    scale = scaler.get_scale()
    scaler.step(optimizer)
    scaler.update()
    return scaler.get_scale() >= scale
