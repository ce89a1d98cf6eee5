"""Attention as the first random operation under vmap."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from baal.bayesian.sampling.context import end_prefix
from baal.bayesian.sampling.recurrent import RECURRENT, batched_recurrent

__all__ = ["batched_attention"]

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
                query = args[0] if args else kwargs.pop("query")
                query = query + (self.index * 0).to(query.dtype)
                return func(query, *args[1:], **kwargs)
            batched = map(torch._C._functorch.is_batchedtensor, _tensors(args, kwargs))  # noqa: SLF001
            if any(batched):
                # The fused kernels have no rule for vmap: they would go one by one, and warn.
                with sdpa_kernel(SDPBackend.MATH):
                    return func(*args, **kwargs)
        return func(*args, **kwargs)


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
