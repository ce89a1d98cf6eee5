"""Attention whose weights are dropped by a mask that is given."""

import inspect
import math
from typing import Any

import torch
from torch.nn import functional as F

from baal.bayesian.sampling.scaling import Keep, scale_kept

__all__ = ["attention", "multi_head_attention"]

_ARGUMENTS = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
_MULTI_HEAD = inspect.signature(F.multi_head_attention_forward)


def attention(keep: Keep, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Scaled dot-product attention, its weights written out so that they can be dropped.

    Args:
        keep: Gives the mask; see `dropping`.
        func: `torch.nn.functional.scaled_dot_product_attention`.
        args: Its arguments; query `[..., L, E]`, key `[..., S, E]`, value `[..., S, E']`.
        kwargs: Likewise.

    Returns:
        `[..., L, E']`

    Example:
        >>> x = torch.ones(1, 2, 3, 4)
        >>> everything = lambda like, shape, p: torch.ones(shape, dtype=torch.bool)
        >>> func = F.scaled_dot_product_attention
        >>> attention(everything, func, (x, x, x), {"dropout_p": 0.5})[0, 0]
        tensor([[2., 2., 2., 2.],
                [2., 2., 2., 2.],
                [2., 2., 2., 2.]])
    """
    given = dict(zip(_ARGUMENTS, args, strict=False)) | kwargs
    p = given.get("dropout_p", 0.0)
    if p <= 0:
        return func(*args, **kwargs)
    query, key, value = given["query"], given["key"], given["value"]
    if given.get("enable_gqa", False):
        shared = query.size(-3) // key.size(-3)
        key, value = key.repeat_interleave(shared, -3), value.repeat_interleave(shared, -3)
    scale = given.get("scale")
    # Both factors go where numbers are fewest: there are more weights than queries and values.
    query = query * (query.size(-1) ** -0.5 if scale is None else scale)
    logits = query @ key.transpose(-2, -1)
    allowed, sees_nothing = given.get("attn_mask"), None
    if given.get("is_causal", False):
        past = logits.new_ones(logits.shape[-2:], dtype=torch.bool).tril()
        allowed = past if allowed is None else _also(allowed, past)
    if allowed is not None:
        allowed, sees_nothing = _as_summand(allowed, logits.dtype)
        logits = logits + allowed
    weights = logits.softmax(-1)
    mask = keep(weights, tuple(weights.shape), p)
    if mask is not None:
        weights, value = weights * mask.to(weights.dtype), value * (0.0 if p == 1 else 1 / (1 - p))
    mixed: torch.Tensor = weights @ value
    # As torch does: who may look nowhere sees nothing, rather than NaN.
    return mixed if sees_nothing is None else mixed.masked_fill(sees_nothing, 0.0)


def _also(allowed: torch.Tensor, past: torch.Tensor) -> torch.Tensor:
    """A mask of either kind, and what lies in the past: what both allow."""
    if allowed.dtype == torch.bool:
        return allowed & past
    return allowed.masked_fill(~past, -math.inf)


def _as_summand(allowed: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """A mask `[..., L, S]` to add, and the rows `[..., L, 1]` without anything to look at.

    Those rows get 0: what comes out of them is left out at the end, where it is smallest.
    """
    if allowed.dtype == torch.bool:
        forbidden = torch.zeros_like(allowed, dtype=dtype)
        allowed = forbidden.masked_fill(~allowed, -math.inf)
    sees_nothing = (allowed == -math.inf).all(-1, keepdim=True)
    return allowed.masked_fill(sees_nothing, 0.0), sees_nothing


def multi_head_attention(
    keep: Keep, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Multi-head attention, its weights taken from torch's own without dropout, and dropped then.

    Args:
        keep: Gives the mask; see `dropping`.
        func: `torch.nn.functional.multi_head_attention_forward`.
        args: Its arguments; query `[L, B, E]` or `[L, E]`.
        kwargs: Likewise.

    Returns:
        As `func`: the output `[L, B, E]`, and the weights where they are needed, averaged over the
        heads `[B, L, S]` or not `[B, heads, L, S]`.

    Example:
        >>> layer, x = torch.nn.MultiheadAttention(4, 2).eval(), torch.ones(3, 1, 4)
        >>> multi_head_attention(None, layer.forward, (x, x, x), {})[0].shape  # nothing to drop
        torch.Size([3, 1, 4])
    """
    if func is not F.multi_head_attention_forward:
        return func(*args, **kwargs)
    bound = _MULTI_HEAD.bind(*args, **kwargs)
    bound.apply_defaults()
    given: dict[str, Any] = bound.arguments
    p = given["dropout_p"]
    if not given["training"] or p <= 0:
        return func(*args, **kwargs)
    plain = given | {"dropout_p": 0.0, "need_weights": True, "average_attn_weights": False}
    weights: Any = func(**plain)[1]  # [B, heads, L, S], or [heads, L, S] without a batch
    mask = keep(weights, tuple(weights.shape), p)
    if mask is not None:
        weights = scale_kept(weights, mask, p)
    mixed = weights @ _values(given).to(weights.dtype)  # [B, heads, L, E / heads]
    mixed = mixed.movedim(-2, 0).flatten(-2)  # [L, B, E]
    output = F.linear(mixed, given["out_proj_weight"], given["out_proj_bias"])
    if not given["need_weights"]:
        return output, None
    return output, weights.mean(-3) if given["average_attn_weights"] else weights


def _values(given: dict[str, Any]) -> torch.Tensor:
    """What the weights mix: `[B, heads, S, E / heads]`, or `[heads, S, E / heads]`."""
    heads, bias = given["num_heads"], given["in_proj_bias"]
    if given["static_v"] is not None:
        static: torch.Tensor = given["static_v"]
        batch = given["value"].shape[1:-1]
        values = static.reshape(*batch, heads, *static.shape[1:])
    else:
        weight = given["v_proj_weight"]
        if not given["use_separate_proj_weight"]:
            weight = given["in_proj_weight"].chunk(3)[2]
        values = F.linear(given["value"], weight, None if bias is None else bias.chunk(3)[2])
        if given["bias_v"] is not None:
            row = given["bias_v"].reshape(-1).expand(1, *values.shape[1:])
            values = torch.cat([values, row])
        values = values.unflatten(-1, (heads, -1)).movedim(0, -2)  # [S, B, E] -> [B, heads, S, E/h]
    if given["add_zero_attn"]:
        values = torch.cat([values, torch.zeros_like(values[..., :1, :])], -2)
    return values
