"""What a model makes of items before it decides: embeddings, from its last layers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from baal.bayesian.common import TransparentModule
from baal.bayesian.sampling.context import silenced
from baal.exceptions import InvalidArgumentError
from baal.training.modes import eval_mode
from baal.utils.array_utils import to_numpy
from baal.utils.gradient_embeddings import GradientEmbeddings, factors_of

__all__ = ["embed", "gradients_of", "join_rows", "without_dropout"]

Array = npt.NDArray[Any]

# Layers whose output has the channels second, whatever the number of axes.
_CHANNELS_SECOND = (nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.GroupNorm)  # noqa: SLF001


@contextmanager
def without_dropout(model: nn.Module) -> Iterator[None]:
    """Have a model be one function: in eval mode, patched layers silent, no gradients.

    Args:
        model: Any module, patched or not. Each of its parts is in its own mode again afterwards.

    Example:
        >>> from baal.bayesian.dropout import patch_module
        >>> net = patch_module(nn.Sequential(nn.Dropout(0.5)))
        >>> with without_dropout(net):
        ...     net(torch.ones(3))
        tensor([1., 1., 1.])
    """
    with eval_mode(model), silenced(), torch.no_grad():
        yield


def embed(
    model: nn.Module,
    run: Callable[[], Any],
    n_items: int,
    layer: str | None = None,
    mask: torch.Tensor | None = None,
) -> tuple[Any, torch.Tensor]:
    """One forward pass without dropout: what comes out, and an embedding of each item.

    Args:
        model: The module in which the layer is looked for.
        run: Calls it on a batch.
        n_items: Items of the batch, B.
        layer: Its name, as `model.named_modules()` has it: its output is the embedding. None: the
            input of the linear layer that is called last.
        mask: `[B, L]`, not 0 for the positions of a sequence that count; None: all do.

    Returns:
        What `run` gives, and `[B, D]`. Of an embedding with positions, such as pixels or tokens,
        the mean over them; of several tensors, in a tuple or a dict, the first.

    Raises:
        InvalidArgumentError: There is no such layer, it was not called, or it gave something else
            than a row for each item.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> x = torch.ones(5, 3)
        >>> output, embedding = embed(net, lambda: net(x), n_items=5)
        >>> output.shape, embedding.shape
        (torch.Size([5, 2]), torch.Size([5, 4]))
    """
    seen: list[tuple[nn.Module, Any]] = []

    def see_input(module: nn.Module, args: Any, kwargs: Any) -> None:
        seen[:] = [(module, args[0] if args else next(iter(kwargs.values())))]

    def see_output(module: nn.Module, args: Any, output: Any) -> None:  # noqa: ARG001
        seen[:] = [(module, output)]

    if layer is None:
        linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
        hooks = [m.register_forward_pre_hook(see_input, with_kwargs=True) for m in linear]
    else:
        hooks = [_find(model, layer).register_forward_hook(see_output)]
    try:
        with without_dropout(model):
            output = run()
    finally:
        for hook in hooks:
            hook.remove()
    what = "the input of the last linear layer" if layer is None else f"the output of {layer!r}"
    if not seen:
        raise InvalidArgumentError(
            f"Expected the model to call {'a linear layer' if layer is None else repr(layer)}, but "
            "got a forward pass without it: name another `layer`."
        )
    return output, _rows(*seen[0], n_items, what, mask)


def _find(model: nn.Module, layer: str) -> nn.Module:
    while isinstance(model, TransparentModule):  # names are as in the model that was patched
        model = model.module
    modules: dict[str, nn.Module] = dict(model.named_modules())
    if layer not in modules or layer == "":
        names = [name for name in modules if name]
        close = get_close_matches(layer, names, n=3) or names[-3:]
        raise InvalidArgumentError(
            f"Expected `layer` to be the name of a layer, such as {close}, but got {layer!r}."
        )
    return modules[layer]


def _rows(
    module: nn.Module, value: Any, n_items: int, what: str, mask: torch.Tensor | None
) -> torch.Tensor:
    """`[B, D]` of whatever a layer took or gave."""
    if isinstance(value, list | tuple | Mapping):
        value = _first_tensor(value)
    if not isinstance(value, torch.Tensor) or value.ndim == 0 or len(value) != n_items:
        got = list(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
        raise InvalidArgumentError(
            f"Expected {what} to have a row for each of the {n_items} items of a batch, but got "
            f"{got}: name another `layer`."
        )
    rows: torch.Tensor = value if value.dtype == torch.float64 else value.float()
    if rows.ndim == 1:
        return rows[:, None]
    if isinstance(module, _CHANNELS_SECOND) or (rows.ndim > 3 and not _is_linear(module)):
        rows = rows.movedim(1, -1)
    if rows.ndim > 2:
        if mask is not None and mask.shape == rows.shape[:-1]:
            weights = (mask != 0).to(rows)[..., None]
            rows, n_positions = (rows * weights).sum(1), weights.sum(1).clamp(min=1)
            return rows / n_positions
        rows = rows.flatten(1, -2).mean(1)
    return rows


def _first_tensor(value: Any) -> Any:
    """The first tensor at any depth, dicts and outputs of Transformers included; else the value."""
    if isinstance(value, list | tuple | Mapping):
        for part in value.values() if isinstance(value, Mapping) else value:
            found = _first_tensor(part)
            if isinstance(found, torch.Tensor):
                return found
    return value


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear | nn.LayerNorm)


def gradients_of(batches: Iterable[tuple[Any, Array]]) -> GradientEmbeddings:
    """`factors_of` batches.

    Args:
        batches: What the model gave, a tensor or an array `[B, C]`, and embeddings `[B, D]`.

    Returns:
        The factors `[N, C]` and `[N, D]`.

    Raises:
        InvalidArgumentError: The model gave something else.

    Example:
        >>> gradients_of([(torch.zeros(2, 3), np.ones((2, 4)))] * 5).residuals.shape
        (10, 3)
    """
    outputs, embeddings = [], []
    for output, embedding in batches:
        is_array = isinstance(output, torch.Tensor | np.ndarray)
        if not is_array or output.ndim != 2:
            got = f"shape {tuple(output.shape)}" if is_array else type(output).__name__
            raise InvalidArgumentError(
                "Expected the model to give one output, [B, C], for gradients with respect to "
                f"its last layer, but got {got}."
            )
        array = to_numpy(output) if isinstance(output, torch.Tensor) else output
        outputs.append(array.astype(np.float32) if array.itemsize < 4 else array)
        embeddings.append(embedding)
    return factors_of(join_rows(outputs), join_rows(embeddings))


def join_rows(batches: Sequence[Array]) -> Array:
    """Rows of all batches.

    Args:
        batches: `[B, D]` each.

    Returns:
        `[N, D]`; `[0, 0]` of no batch.

    Example:
        >>> join_rows([np.ones((2, 3)), np.ones((1, 3))]).shape, join_rows([]).shape
        ((3, 3), (0, 0))
    """
    return np.concatenate(batches) if batches else np.zeros((0, 0), np.float32)
