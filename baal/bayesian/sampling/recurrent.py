"""Recurrent layers inside of `torch.func.vmap`, which knows no rule for them."""

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["RECURRENT", "batched_recurrent", "is_packed"]

RECURRENT = {torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu}
"""The functions of torch that recurrent modules call."""

# The arguments of each: (input, states, weights, bias, layers, dropout, train, both ways, batch
# first), or (data, batch sizes, states, weights, bias, layers, dropout, train, both ways) for
# packed sequences.
_BATCH_FIRST = 8
_WEIGHTS_OF_PACKED = 3


def is_packed(args: tuple[Any, ...]) -> bool:
    """Whether a recurrent function is called on packed sequences.

    Args:
        args: Its arguments, as the modules of torch pass them.

    Returns:
        True if so: the weights, a list, come fourth then rather than third.

    Example:
        >>> x, weights = torch.ones(5, 2, 4), []
        >>> is_packed((x, x, weights, True, 1, 0.0, False, False, False))
        False
    """
    return len(args) > _WEIGHTS_OF_PACKED and isinstance(args[_WEIGHTS_OF_PACKED], list | tuple)


def batched_recurrent(func: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Call a recurrent function of torch, also on tensors that vmap has batched.

    Samples that share their weights are made items of one batch; otherwise they run one by one.

    Args:
        func: One of `RECURRENT`.
        args: Its arguments, as the modules of torch pass them.

    Returns:
        As `func`.

    Example:
        >>> net, x = torch.nn.GRU(4, 3), torch.ones(5, 2, 4)
        >>> args = (torch.zeros(1, 2, 3), list(net.parameters()), True, 1, 0.0, False, False, False)
        >>> outputs, _ = torch.func.vmap(lambda k: batched_recurrent(torch.gru, (x * k, *args)))(
        ...     torch.arange(7)
        ... )
        >>> outputs.shape
        torch.Size([7, 5, 2, 3])
    """
    tensors = [leaf for argument in args for leaf in _leaves(argument)]
    if not any(map(torch._C._functorch.is_batchedtensor, tensors)):  # noqa: SLF001
        return func(*args)  # the same for all samples
    return _Recurrent.apply(func, args, *tensors)


class _Recurrent(torch.autograd.Function):
    """A recurrent function with a rule for vmap; tensors are passed beside their structure."""

    @staticmethod
    def forward(func: Callable[..., Any], args: tuple[Any, ...], *tensors: torch.Tensor) -> Any:
        return func(*_filled(args, list(tensors)))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept: there is no way back through a sampling run."""

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        func: Callable[..., Any],
        args: tuple[Any, ...],
        *tensors: torch.Tensor,
    ) -> tuple[Any, int]:
        k = info.batch_size
        # [K, ...] each.
        full = [
            t.unsqueeze(0).expand(k, *t.shape) if dim is None else t.movedim(dim, 0)
            for t, dim in zip(tensors, in_dims[2:], strict=True)
        ]
        n_states = len(_leaves(args[1]))
        weights_differ = any(dim is not None for dim in in_dims[2:][1 + n_states :])
        if is_packed(args) or weights_differ:
            runs = [_Recurrent.apply(func, args, *[t[i] for t in full]) for i in range(k)]
            return tuple(map(torch.stack, zip(*runs, strict=True))), 0
        at = 0 if args[_BATCH_FIRST] else 1
        folded = [_fold(full[0], at), *(_fold(state, 1) for state in full[1 : 1 + n_states])]
        output, *states = _Recurrent.apply(func, args, *folded, *tensors[1 + n_states :])
        return (_unfold(output, at, k), *(_unfold(state, 1, k) for state in states)), 0


def _fold(x: torch.Tensor, at: int) -> torch.Tensor:
    """`[K, ..., B, ...]` to `[..., K * B, ...]`."""
    return x.movedim(0, at).flatten(at, at + 1)


def _unfold(x: torch.Tensor, at: int, k: int) -> torch.Tensor:
    """`[..., K * B, ...]` to `[K, ..., B, ...]`."""
    parts: torch.Tensor = x.unflatten(at, (k, -1))
    return parts.movedim(at, 0)


def _leaves(argument: Any) -> list[torch.Tensor]:
    if isinstance(argument, list | tuple):
        return [leaf for item in argument for leaf in _leaves(item)]
    return [argument] if isinstance(argument, torch.Tensor) else []


def _filled(argument: Any, tensors: list[torch.Tensor]) -> Any:
    """The same structure, its tensors taken from a list, in order."""
    if isinstance(argument, list | tuple):
        return type(argument)(_filled(item, tensors) for item in argument)
    return tensors.pop(0) if isinstance(argument, torch.Tensor) else argument
