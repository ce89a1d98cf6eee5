"""Attention with dropout: as the first random operation under vmap, and fast on a CPU."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from baal.bayesian.sampling.context import end_prefix, is_silenced, stochastic_layer
from baal.bayesian.sampling.dropping_attention import attention
from baal.bayesian.sampling.keeping import draw_keep
from baal.bayesian.sampling.recurrent import RECURRENT, batched_recurrent

__all__ = ["batched_attention", "draw_mask", "writes_out", "written_out_attention"]

# Each takes the query first.
_POSITION_OF_DROPOUT: dict[Any, int] = {
    F.scaled_dot_product_attention: 4,
    F.multi_head_attention_forward: 10,
}


class _Batched(TorchFunctionMode):
    """Gives the query of an attention with dropout one copy for each sample.

    vmap cannot make an attention random whose inputs are the same for all samples. What comes
    before it stays shared.
    """

    def __init__(self, index: torch.Tensor) -> None:
        super().__init__()
        self.index = index

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in RECURRENT and not kwargs:
            return batched_recurrent(func, args)
        if func in _POSITION_OF_DROPOUT:
            at = _POSITION_OF_DROPOUT[func]
            dropout_p = args[at] if len(args) > at else kwargs.get("dropout_p", 0.0)
            if dropout_p > 0 and kwargs.get("training", True):
                # From here on samples differ, and chunks of them do in size.
                end_prefix()
                query = args[0] if args else kwargs["query"]
                if writes_out(func, query, dropout_p):
                    return attention(draw_mask, func, args, kwargs)
                kwargs.pop("query", None)
                query = query + (self.index * 0).to(query.dtype)
                return func(query, *args[1:], **kwargs)
            batched = map(torch._C._functorch.is_batchedtensor, _tensors(args, kwargs))  # noqa: SLF001
            if any(batched):
                # The fused kernels have no rule for vmap: they would go one by one, and warn.
                with sdpa_kernel(SDPBackend.MATH):
                    return func(*args, **kwargs)
        return func(*args, **kwargs)


def writes_out(func: Any, query: torch.Tensor, p: float) -> bool:
    """Whether an attention with dropout is computed here, step by step, rather than by torch.

    On a CPU torch has no fused kernel for it: it draws Bernoulli numbers one by one, and looks for
    rows without any weight in each sample.

    Args:
        func: The function of torch.
        query: Its query, `[..., L, E]`.
        p: Probability of an attention weight to be dropped, above 0.

    Returns:
        True on a CPU, for `scaled_dot_product_attention`.

    Example:
        >>> writes_out(F.scaled_dot_product_attention, torch.ones(1, 2, 3, 4), 0.1)
        True
    """
    is_plain = func is F.scaled_dot_product_attention and query.device.type == "cpu"
    return is_plain and p < 1 and query.dtype in {torch.float32, torch.float64}


def draw_mask(
    like: torch.Tensor, shape: tuple[int, ...], p: float, *, whole: bool = False
) -> torch.Tensor | None:
    """A mask of attention weights, as `Keep` gives it, from torch's generator.

    Args:
        like: The weights, `[..., L, S]`.
        shape: Of the mask.
        p: Probability to be dropped, in (0, 1).
        whole: Makes no difference.

    Returns:
        Booleans; None where dropout is to be off, as for `silenced`.

    Example:
        >>> draw_mask(torch.ones(2), (2, 3), 0.1).shape
        torch.Size([2, 3])
    """
    del like, whole
    if is_silenced():
        return None
    with stochastic_layer():
        return draw_keep(shape, p)


class _WrittenOut(TorchFunctionMode):
    """Computes attention with dropout here rather than by torch, in passes without vmap."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is F.scaled_dot_product_attention:
            dropout_p = args[4] if len(args) > 4 else kwargs.get("dropout_p", 0.0)
            query = args[0] if args else kwargs["query"]
            if dropout_p > 0 and writes_out(func, query, dropout_p):
                end_prefix()
                return attention(draw_mask, func, args, kwargs)
        return func(*args, **kwargs)


@contextmanager
def written_out_attention(really: bool = True) -> Iterator[None]:
    """Compute attention with dropout faster than torch does on a CPU.

    Its masks are drawn item by item, so that samples may be rows of one batch.

    Args:
        really: False does nothing.

    Example:
        >>> q = torch.ones(1, 2, 3, 4)
        >>> with written_out_attention():
        ...     F.scaled_dot_product_attention(q, q, q, dropout_p=0.5).shape
        torch.Size([1, 2, 3, 4])
    """
    with _WrittenOut() if really else nullcontext():
        yield


def _tensors(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[torch.Tensor]:
    return [value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor)]


@contextmanager
def batched_attention(index: torch.Tensor) -> Iterator[None]:
    """Make attention with dropout work inside of `torch.func.vmap`.

    Args:
        index: The sample's number, a scalar that vmap has batched.

    Example:
        >>> q = torch.ones(1, 2, 3, 4)
        >>> def sample(index):
        ...     with batched_attention(index):
        ...         return F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)
        >>> torch.func.vmap(sample, randomness="different")(torch.arange(5)).shape
        torch.Size([5, 1, 2, 3, 4])
    """
    with _Batched(index):
        yield
