"""Recurrent layers whose dropout between layers takes a mask that is given: one layer at a time."""

from typing import Any

import torch

from baal.bayesian.sampling.recurrent import is_packed
from baal.bayesian.sampling.scaling import Keep, scale_kept

__all__ = ["recurrent"]

_PADDED = ("input", "hx", "weights", "bias", "layers", "p", "train", "both_ways", "batch_first")
_PACKED = ("data", "batch_sizes", "hx", "weights", "bias", "layers", "p", "train", "both_ways")


def recurrent(keep: Keep, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A recurrent network of torch, layer by layer, with something dropped in between.

    Args:
        keep: Gives the mask; see `dropping`.
        func: `torch.lstm`, `torch.gru`, `torch.rnn_tanh` or `torch.rnn_relu`.
        args: Its arguments, as the modules of torch pass them: padded or packed.
        kwargs: None; with any, `func` is called as it is.

    Returns:
        As `func`: the output, and the last states of all layers.

    Example:
        >>> net, x = torch.nn.LSTM(4, 3, num_layers=2, dropout=0.5).eval(), torch.ones(5, 1, 4)
        >>> recurrent(None, net, (x,), {})[0].shape  # nothing to drop
        torch.Size([5, 1, 3])
    """
    packed = is_packed(args)
    given = dict(zip(_PACKED if packed else _PADDED, args, strict=False))
    if len(given) < len(_PADDED) or given["layers"] == 1 or not given["train"] or given["p"] <= 0:
        return func(*args, **kwargs)
    states = given["hx"] if isinstance(given["hx"], list | tuple) else (given["hx"],)
    ways = 1 + given["both_ways"]
    per_layer = len(given["weights"]) // given["layers"]
    x = given["data" if packed else "input"]
    last: list[tuple[torch.Tensor, ...]] = []
    for layer in range(given["layers"]):
        if layer > 0:
            x = _drop(keep, x, given["p"], given["batch_sizes"] if packed else None)
        hx = tuple(state[layer * ways : (layer + 1) * ways] for state in states)
        own = given | {
            "data" if packed else "input": x,
            "hx": hx if isinstance(given["hx"], list | tuple) else hx[0],
            "weights": given["weights"][layer * per_layer : (layer + 1) * per_layer],
            "layers": 1,
            "p": 0.0,
        }
        x, *after = func(*own.values())
        last.append(tuple(after))
    return x, *(torch.cat(states) for states in zip(*last, strict=True))


def _drop(keep: Keep, x: torch.Tensor, p: float, batch_sizes: torch.Tensor | None) -> torch.Tensor:
    if batch_sizes is None:
        mask = keep(x, tuple(x.shape), p)
        return x if mask is None else scale_kept(x, mask, p)
    # Packed: the sequences lie in `[total, F]` by time. Each time has a mask, for all items.
    mask = keep(x, (len(batch_sizes), *x.shape[1:]), p, whole=True)
    if mask is None:
        return x
    times = torch.arange(len(batch_sizes)).repeat_interleave(batch_sizes.cpu()).to(x.device)
    return scale_kept(x, mask[times], p)
