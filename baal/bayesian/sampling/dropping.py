"""What functions of torch that drop do with a mask that is given to them.

Each handler is called as `handler(keep, func, args, kwargs)`, and gives what `func` would, with the
mask of `keep(like, shape, p)`: booleans that broadcast to the tensor `like`, or None to drop
nothing.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import torch
from torch.nn import functional as F

from baal.bayesian.sampling.dropping_attention import attention, multi_head_attention
from baal.bayesian.sampling.dropping_recurrent import recurrent
from baal.bayesian.sampling.scaling import Keep, scale_kept

__all__ = ["HANDLERS"]

Handler: TypeAlias = Callable[[Keep, Any, tuple[Any, ...], dict[str, Any]], Any]

# Of SELU: what an element is set to that is dropped (Klambauer et al. 2017, arXiv 1706.02515).
_SATURATION = -1.7580993408473766


def _elements(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape


def _channels(shape: tuple[int, ...], unbatched: int = 0) -> tuple[int, ...]:
    """Shape of a mask that drops whole channels of `[B, C, ...]`, or of `[C, ...]`."""
    kept = 1 if len(shape) == unbatched else 2
    return (*shape[:kept], *[1] * (len(shape) - kept))


def _dropout(
    keep: Keep,
    func: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    shape_of: Callable[[tuple[int, ...]], tuple[int, ...]],
    drop: Callable[[torch.Tensor, torch.Tensor, float], torch.Tensor],
    training: bool = True,
    inplace: bool = False,
) -> Any:
    given = dict(zip(("input", "p", "training", "inplace"), args, strict=False)) | kwargs
    if "train" in given:
        given["training"] = given.pop("train")
    x, p = given["input"], given.get("p", 0.5)
    if not given.get("training", training) or not x.is_floating_point() or not 0 <= p <= 1:
        return func(*args, **kwargs)
    # With p = 0 torch would draw, for nothing.
    mask = keep(x, shape_of(tuple(x.shape)), p) if p > 0 else None
    if mask is None:
        return x
    dropped = drop(x, mask, p)
    # Under vmap this may fail, as K different results have no room in one tensor: another way does.
    return x.copy_(dropped) if given.get("inplace", inplace) else dropped


def _saturate_dropped(x: torch.Tensor, mask: torch.Tensor, p: float) -> torch.Tensor:
    """Alpha dropout: what is dropped is saturated, and mean and variance are kept."""
    if p == 1:
        return x * 0
    scale = 1 / math.sqrt((1 - p) * (1 + p * _SATURATION**2))
    shift = -scale * p * _SATURATION
    kept = mask.to(x.dtype)
    return scale * (x * kept + _SATURATION * (1 - kept)) + shift


_elementwise = partial(_dropout, shape_of=_elements, drop=scale_kept)
_channelwise = partial(_dropout, shape_of=_channels, drop=scale_kept)
_alpha = partial(_dropout, shape_of=_elements, drop=_saturate_dropped)
_feature_alpha = partial(_dropout, shape_of=_channels, drop=_saturate_dropped)

HANDLERS: dict[Any, Handler] = {
    F.dropout: _elementwise,
    F.dropout1d: partial(_channelwise, shape_of=partial(_channels, unbatched=2)),
    F.dropout2d: _channelwise,
    F.dropout3d: partial(_channelwise, shape_of=partial(_channels, unbatched=4)),
    F.alpha_dropout: partial(_alpha, training=False),
    F.feature_alpha_dropout: partial(_feature_alpha, training=False),
    torch.dropout: _elementwise,
    torch.dropout_: partial(_elementwise, inplace=True),
    torch.feature_dropout: _channelwise,
    torch.feature_dropout_: partial(_channelwise, inplace=True),
    torch.alpha_dropout: _alpha,
    torch.alpha_dropout_: partial(_alpha, inplace=True),
    torch.feature_alpha_dropout: _feature_alpha,
    torch.feature_alpha_dropout_: partial(_feature_alpha, inplace=True),
    F.scaled_dot_product_attention: attention,
    F.multi_head_attention_forward: multi_head_attention,
    torch.lstm: recurrent,
    torch.gru: recurrent,
    torch.rnn_tanh: recurrent,
    torch.rnn_relu: recurrent,
}
"""By function of torch, what takes its place."""
