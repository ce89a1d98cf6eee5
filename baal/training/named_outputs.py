"""Outputs of Hugging Face models as baal has them: tensors by name, classes second, padding marked.

Nothing here needs the package `transformers`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from baal.bayesian.common import TransparentModule
from baal.exceptions import InvalidTypeError

__all__ = [
    "NamedOutputs",
    "classes_second",
    "fits",
    "inner_model",
    "mask_padding",
    "pad_and_join",
]


def inner_model(model: nn.Module) -> nn.Module:
    """The model inside of `MCDropoutModule` and its like, whose `forward` names its arguments.

    Args:
        model: Any module.

    Returns:
        What is inside, or the module itself.

    Example:
        >>> from baal.bayesian.dropout import MCDropoutModule
        >>> inner_model(MCDropoutModule(nn.Dropout(0.5)))
        Dropout(p=0.5, inplace=False)
    """
    while isinstance(model, TransparentModule):
        model = model.module
    return model


class NamedOutputs(nn.Module):
    """A model as the sampling engine wants it: one batch in, tensors out.

    Args:
        model: Called with the batch as keyword arguments.
        ignore_keys: Outputs to leave out, beside the loss.

    Example:
        >>> class Net(nn.Module):
        ...     def forward(self, x):
        ...         return {"loss": None, "logits": 2 * x, "cache": x}
        >>> NamedOutputs(Net(), ignore_keys=["cache"])({"x": torch.ones(1, 2)})
        {'logits': tensor([[2., 2.]])}
    """

    def __init__(self, model: nn.Module, ignore_keys: Sequence[str] = ()) -> None:
        super().__init__()
        self.model = model
        self.ignore_keys = tuple(ignore_keys)
        self.training = model.training

    def forward(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Call the model.

        Args:
            batch: Its keyword arguments, tensors `[B, ...]`.

        Returns:
            Its outputs by name, tensors `[B, ...]`, or tuples of them; what holds none, such as a
            cache, is left out. A lone tensor, and the first of a tuple, are called `logits`.

        Raises:
            InvalidTypeError: The model returns neither tensors nor mappings or tuples of them.
        """
        output = self.model(**batch)
        if isinstance(output, torch.Tensor):
            output = {"logits": output}
        elif isinstance(output, list | tuple):
            output = {str(number) if number else "logits": x for number, x in enumerate(output)}
        if not isinstance(output, Mapping):
            raise InvalidTypeError(
                "Expected the model to return a tensor, or a mapping or tuple of them, but got "
                f"{type(output).__name__}."
            )
        left_out = {"loss", *self.ignore_keys}
        return {k: v for k, v in output.items() if k not in left_out and _holds_tensors(v)}


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(map(_holds_tensors, value))
    return isinstance(value, torch.Tensor)


def classes_second(
    name: str, samples: torch.Tensor, classes_last: bool | None = None
) -> torch.Tensor:
    """Put the classes of an output behind its items.

    Models of Transformers have the classes of tokens last, `[B, L, C]`, and those of pixels second,
    `[B, C, H, W]`. So by default the last axis is moved where there is one axis of positions.

    Args:
        name: Of the output; only `logits` has classes.
        samples: `[B, ..., C, K]` or `[B, C, ..., K]`.
        classes_last: Whether the classes are last; None: by the number of axes, as said above.

    Returns:
        `[B, C, ..., K]`, a view.

    Example:
        >>> classes_second("logits", torch.zeros(2, 7, 3, 5)).shape  # 7 tokens, 3 classes
        torch.Size([2, 3, 7, 5])
        >>> classes_second("logits", torch.zeros(2, 3, 4, 6, 5)).shape  # 4 x 6 pixels
        torch.Size([2, 3, 4, 6, 5])
    """
    if classes_last is None:
        classes_last = samples.ndim == 4
    if name != "logits" or not classes_last or samples.ndim < 4:
        return samples
    return samples.movedim(-2, 1)


def mask_padding(samples: torch.Tensor, mask: Any) -> torch.Tensor:
    """Mark positions that are padding: NaN in all classes and samples.

    Args:
        samples: `[B, C, L, K]`.
        mask: `[B, L]`, not 0 where a position is valid; None or of another shape: nothing is.

    Returns:
        `[B, C, L, K]`; a copy where anything is marked.

    Example:
        >>> mask_padding(torch.ones(1, 1, 2, 1), torch.tensor([[1, 0]])).flatten()
        tensor([1., nan])
    """
    if not fits(samples, mask) or bool(mask.all()):
        return samples
    return samples.masked_fill((mask == 0)[:, None, :, None], float("nan"))


def fits(samples: torch.Tensor, mask: Any) -> bool:
    """Whether a mask is one of an output's positions.

    Args:
        samples: `[B, C, ..., K]`.
        mask: Anything.

    Returns:
        True for a tensor `[B, L]` where the samples are `[B, C, L, K]`.

    Example:
        >>> fits(torch.ones(2, 3, 4, 5), torch.ones(2, 4)), fits(torch.ones(2, 3, 5), None)
        (True, False)
    """
    positions = (samples.shape[0], *samples.shape[2:-1])
    return isinstance(mask, torch.Tensor) and samples.ndim == 4 and mask.shape == positions


def pad_and_join(batches: Sequence[Any]) -> Any:
    """Put batches together that are padded to lengths of their own.

    Args:
        batches: Arrays `[B, ...]`, or lists of them, nested as deep as it likes; at least one.

    Returns:
        One of them, with arrays `[N, ...]`; what is too short is filled up with NaN.

    Example:
        >>> pad_and_join([np.ones((1, 1, 2, 1)), np.ones((1, 1, 3, 1))])[..., 0].tolist()
        [[[1.0, 1.0, nan]], [[1.0, 1.0, 1.0]]]
    """
    if isinstance(batches[0], list):
        return [pad_and_join(parts) for parts in zip(*batches, strict=True)]
    sizes = np.max([batch.shape[1:] for batch in batches], axis=0)
    return np.concatenate([_filled_up(batch, tuple(sizes)) for batch in batches])


def _filled_up(batch: npt.NDArray[Any], sizes: tuple[int, ...]) -> npt.NDArray[Any]:
    if batch.shape[1:] == sizes:
        return batch
    whole = np.full((len(batch), *sizes), np.nan, np.result_type(batch.dtype, np.float16))
    whole[tuple(slice(size) for size in batch.shape)] = batch
    return whole
