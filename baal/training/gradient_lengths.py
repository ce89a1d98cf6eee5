"""The part of a wrapper that measures gradients: how long each would be if the label were known."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.func import functional_call, vjp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import Dataset
from tqdm import tqdm

from baal.bayesian.sampling.context import silenced
from baal.bayesian.sampling.memory import is_out_of_memory, release_memory
from baal.bayesian.sampling.state import has_hooks
from baal.bayesian.sampling.trees import leaves_of, n_items, slice_items, with_leaves
from baal.exceptions import InvalidArgumentError, StateError
from baal.training.batches import inputs_of
from baal.training.holding import ModelHolder
from baal.training.loading import make_loader
from baal.training.modes import eval_mode
from baal.utils.array_utils import to_numpy
from baal.utils.cuda_utils import to_device
from baal.utils.log_configuration import get_logger

__all__ = ["GradientMeasurer", "gradient_lengths"]

# Bytes that gradients may take at a time: what a processor's cache holds, and part of a GPU.
_BYTES = {"cpu": 2**25}
_BYTES_ELSEWHERE = 2**30
_GRADIENTS = 256  # at a time; what is kept for a backward pass is not counted by their size

Weights = dict[str, torch.Tensor]


def gradient_lengths(model: nn.Module, data: Any) -> torch.Tensor:
    r"""Lengths of the gradients of the cross-entropy, for each item and each label it could have.

    $$|\nabla_\theta\, \ell(x, c)| = |J^T (p - e_c)|, \quad J = \partial z / \partial \theta$$

    With respect to all parameters that require a gradient, in eval mode and without dropout: a
    forward pass for each item, and a backward pass for each of its labels. Many at a time by
    `torch.func` where the model allows it, else one after the other.

    Args:
        model: Gives logits `[B, C]`; a single column is the logit of the second of two classes. It
            treats each item on its own.
        data: Its input `[B, ...]`, or a nested structure of such tensors.

    Returns:
        `[B, C]`, or `[B, 2]` for a single column; without a graph.

    Raises:
        InvalidArgumentError: The model gives something else, or there is no item.
        StateError: No parameter requires a gradient.

    Example:
        >>> model = nn.Linear(3, 2, bias=False)
        >>> _ = nn.init.zeros_(model.weight)
        >>> gradient_lengths(model, torch.tensor([[2.0, 0.0, 0.0]]))  # |p - e_c| |x|
        tensor([[1.4142, 1.4142]])
    """
    weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
    total = n_items(data)
    if not weights:
        raise StateError("Expected a model with parameters that require a gradient, but got none.")
    if not total:
        raise InvalidArgumentError("Expected `data` to hold at least one item, but got none.")
    items = [slice_items(data, slice(i, i + 1), total) for i in range(total)]
    with eval_mode(model), silenced(), torch.enable_grad():
        n_labels = len(_residuals(_logits(model(items[0])).detach()))
        if not any(map(has_hooks, model.modules())):  # whoever listens is to get real tensors
            lengths = _by_vmap(model, weights, data, n_labels)
            if lengths is not None:
                return lengths
        return _one_by_one(model, weights, items)


def _by_vmap(
    model: nn.Module, weights: Mapping[str, nn.Parameter], data: Any, n_labels: int
) -> torch.Tensor | None:
    """`[B, C]`, or None where vmap cannot go."""
    values = {name: p.detach() for name, p in weights.items()}
    n_bytes = sum(p.numel() * p.element_size() for p in values.values())
    device = next(iter(values.values())).device.type
    at_once = max(1, min(_GRADIENTS, _BYTES.get(device, _BYTES_ELSEWHERE) // n_bytes))
    while at_once:
        try:
            return _vmapped(model, values, data, at_once // n_labels or 1, min(at_once, n_labels))
        except Exception as error:  # noqa: BLE001 - one pass after the other decides whose it is
            get_logger().debug("gradients without vmap", error=str(error), at_once=at_once)
            if not is_out_of_memory(error):
                return None
        release_memory()
        at_once //= 2
    return None


def _vmapped(
    model: nn.Module, weights: Weights, data: Any, items_at_once: int, labels_at_once: int
) -> torch.Tensor:
    leaves, total = leaves_of(data), n_items(data)
    has_items = [0 if leaf.ndim > 0 and len(leaf) == total else None for leaf in leaves]

    def lengths(*parts: torch.Tensor) -> torch.Tensor:
        one = [p if axis is None else p[None] for p, axis in zip(parts, has_items, strict=True)]
        item = with_leaves(data, one)
        both: Any = vjp(lambda w: _logits(functional_call(model, w, (item,))), weights)
        logits, pull = both
        residuals = _residuals(logits)

        def length(residual: torch.Tensor) -> torch.Tensor:
            return _length(pull(residual)[0].values())

        return torch.as_tensor(vmap(length, chunk_size=labels_at_once)(residuals))

    many = vmap(lengths, tuple(has_items), chunk_size=items_at_once)
    # Of the ways to attend, vmap knows the one that is made of plain operations.
    with sdpa_kernel(SDPBackend.MATH):
        return torch.as_tensor(many(*leaves)).detach()


def _one_by_one(
    model: nn.Module, weights: Mapping[str, nn.Parameter], items: list[Any]
) -> torch.Tensor:
    rows = []
    # The recurrent layers of cuDNN have no backward pass in eval mode.
    is_recurrent = any(isinstance(module, nn.RNNBase) for module in model.modules())
    with torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled and not is_recurrent):
        for item in items:
            logits = _logits(model(item))
            lengths = []
            for residual in _residuals(logits.detach()):
                gradients: tuple[torch.Tensor | None, ...] = torch.autograd.grad(
                    logits, [*weights.values()], residual, retain_graph=True, allow_unused=True
                )
                lengths.append(_length([g for g in gradients if g is not None]))
            rows.append(torch.stack(lengths))
    return torch.stack(rows)


def _logits(output: Any) -> torch.Tensor:
    """`[C]` of a batch of one."""
    if not isinstance(output, torch.Tensor) or output.ndim != 2:
        got = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise InvalidArgumentError(f"Expected the model to give logits [B, C], but got {got}.")
    return output[0]


def _residuals(logits: torch.Tensor) -> torch.Tensor:
    """Gradients of the cross-entropy with respect to logits `[C]`, by label, `[labels, C]`."""
    if len(logits) == 1:
        return torch.sigmoid(logits) - torch.arange(2.0, device=logits.device)[:, None].to(logits)
    return logits.softmax(0) - torch.eye(len(logits)).to(logits)


def _length(gradients: Any) -> torch.Tensor:
    """The length of all of them together; squares of 16-bit numbers would overflow."""
    squares = [g.to(torch.promote_types(g.dtype, torch.float32)).square().sum() for g in gradients]
    return torch.stack(squares).sum().sqrt()


class GradientMeasurer(ModelHolder):
    """Measures gradients of a model.

    Args:
        model: Any module that gives logits `[B, C]`.
        args: Batch size, workers and how batches are made.

    Example:
        >>> from baal.training_args import TrainingArgs
        >>> measurer = GradientMeasurer(nn.Linear(3, 2), TrainingArgs(use_cuda=False, workers=0))
        >>> measurer.gradient_lengths_on_dataset(torch.ones(4, 3), verbose=False).shape
        (4, 2)
    """

    def gradient_lengths_on_dataset(
        self, dataset: Dataset[Any], verbose: bool = True
    ) -> npt.NDArray[Any]:
        """Lengths of the gradients of the cross-entropy, see `gradient_lengths`.

        They are those of the model as it is: no posterior samples are drawn, dropout is off, and
        what `TrainingArgs.criterion` is does not matter.

        Args:
            dataset: Items `(data, *rest)`, `data` alone, or dicts, see `inputs_of`.
            verbose: Show a progress bar.

        Returns:
            `[N, C]` float32, or float64 for a model in it; `[0, 2]` for an empty dataset.

        Raises:
            InvalidArgumentError: The model gives something else than logits `[B, C]`.
            StateError: No parameter requires a gradient.
        """
        if len(dataset) == 0:  # type: ignore[arg-type]
            return np.zeros((0, 2), np.float32)
        batches = make_loader(dataset, self.args)
        rows = [
            to_numpy(gradient_lengths(self.model, to_device(inputs_of(batch), self.device)))
            for batch in tqdm(batches, desc="gradients", disable=not verbose, leave=False)
        ]
        return np.concatenate(rows)
