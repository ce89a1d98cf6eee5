"""Maps from a model's outputs to calibrated ones.

A map acts on each posterior sample alone, along the axis of classes: samples that disagree still do
so behind it.
"""

import math
from typing import Any, Literal, TypeAlias

import torch
from torch import nn

from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = [
    "CalibrationMap", "DirichletMap", "Mode", "TemperatureMap", "check_mode",
    "check_outputs", "to_logits",
]  # fmt: skip

Mode: TypeAlias = Literal["logits", "probabilities"]
"""What a model's outputs are."""


def check_mode(mode: str) -> None:
    """Refuse a kind of output that is none.

    Args:
        mode: "logits" or "probabilities".

    Raises:
        InvalidArgumentError: It is something else.

    Example:
        >>> check_mode("logits")
    """
    if mode not in {"logits", "probabilities"}:
        raise InvalidArgumentError(
            f"Expected `mode` to be 'logits' or 'probabilities', but got {mode!r}"
        )


def check_outputs(outputs: Any, n_classes: int | None, dims: int = 2) -> None:
    """Refuse outputs that no map of so many classes can take.

    Args:
        outputs: What a model gave.
        n_classes: Number of classes `C`; None: any.
        dims: The least number of dimensions.

    Raises:
        InvalidTypeError: It gave something other than one tensor.
        InvalidArgumentError: There are fewer dimensions, or another number of classes.

    Example:
        >>> check_outputs(torch.zeros(8, 3), n_classes=3)
    """
    if not isinstance(outputs, torch.Tensor):
        raise InvalidTypeError(
            "Expected the model to have one output, a tensor [B, C, ...], but got "
            f"{type(outputs).__name__}"
        )
    if outputs.ndim < dims or n_classes not in {None, outputs.shape[1]}:
        wanted = "C" if n_classes is None else n_classes
        shape = list(outputs.shape if dims == 2 else outputs.shape[:-1])
        raise InvalidArgumentError(
            f"Expected the model's outputs to be [B, {wanted}, ...], but got shape {shape}"
        )


def to_logits(outputs: torch.Tensor, mode: Mode) -> torch.Tensor:
    """A model's outputs as logits, in float32 or, if that is what they are, float64.

    Args:
        outputs: `[B, C, ...]`.
        mode: What they are.

    Returns:
        `[B, C, ...]`; of probabilities the logarithm, or the log-odds where C is 1. A probability
        of 0 becomes the smallest that the type has.

    Example:
        >>> to_logits(torch.tensor([[0.25, 0.75]]), "probabilities")
        tensor([[-1.3863, -0.2877]])
    """
    values = outputs if outputs.dtype == torch.float64 else outputs.float()
    if mode == "logits":
        return values
    if outputs.shape[1] == 1:
        return values.logit(eps=torch.finfo(values.dtype).eps)
    return values.clamp_min(torch.finfo(values.dtype).tiny).log()


class CalibrationMap(nn.Module):
    """Base of the maps: they give the kind of output that they take.

    Subclasses define `transform`, and set `n_classes`.

    Args:
        mode: What the model gives: "logits" or "probabilities".

    Attributes:
        n_classes: How many classes it is for; None: any number.

    Raises:
        InvalidArgumentError: `mode` is unknown.

    Example:
        >>> class Sharper(CalibrationMap):
        ...     def transform(self, logits):
        ...         return 2 * logits
        >>> Sharper(mode="probabilities")(torch.tensor([[0.25, 0.75]]))
        tensor([[0.1000, 0.9000]])
    """

    n_classes: int | None = None

    def __init__(self, mode: Mode = "logits") -> None:
        check_mode(mode)
        super().__init__()
        self.mode: Mode = mode

    def transform(self, logits: torch.Tensor) -> torch.Tensor:
        """Map logits to calibrated ones.

        Args:
            logits: `[B, C, ...]`, float32 or float64.

        Returns:
            The same shape and type.

        Raises:
            NotImplementedError: A subclass did not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `transform`.")

    def forward(self, outputs: Any) -> torch.Tensor:
        """Map outputs to calibrated ones of the same kind and type.

        Args:
            outputs: `[B, C, ...]`, or samples of it `[B, C, ..., K]`.

        Returns:
            The same shape.

        Raises:
            InvalidTypeError: They are no tensor.
            InvalidArgumentError: They have another number of classes.
        """
        check_outputs(outputs, self.n_classes)
        logits = self.transform(to_logits(outputs, self.mode))
        if self.mode == "probabilities":
            logits = logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1)
        return logits.to(outputs.dtype)


class TemperatureMap(CalibrationMap):
    """Divides logits by one temperature.

    Guo et al. (2017), https://arxiv.org/abs/1706.04599. Which class comes first stays as it is.

    Args:
        mode: What the model gives: "logits" or "probabilities".

    Example:
        >>> calibration = TemperatureMap()
        >>> _ = calibration.temperature.fill_(2.0)
        >>> calibration(torch.tensor([[3.0, -1.0]]))
        tensor([[ 1.5000, -0.5000]])
    """

    temperature: torch.Tensor

    def __init__(self, mode: Mode = "logits") -> None:
        super().__init__(mode)
        self.register_buffer("temperature", torch.ones(()))

    def transform(self, logits: torch.Tensor) -> torch.Tensor:
        """Divide them.

        Args:
            logits: `[B, C, ...]`.

        Returns:
            The same shape.
        """
        return logits / self.temperature.to(logits)


class DirichletMap(CalibrationMap):
    """A linear layer on log-probabilities; the identity until it is fitted.

    Kull et al. (2019), https://arxiv.org/abs/1910.12656.

    Args:
        n_classes: Number of classes `C`.
        mode: What the model gives: "logits" or "probabilities".

    Example:
        >>> calibration = DirichletMap(2, mode="probabilities")
        >>> calibration(torch.tensor([[0.25, 0.75]])).detach()
        tensor([[0.2500, 0.7500]])
    """

    def __init__(self, n_classes: int, mode: Mode = "logits") -> None:
        super().__init__(mode)
        self.n_classes = n_classes
        self.weight = nn.Parameter(torch.eye(n_classes))
        self.bias = nn.Parameter(torch.zeros(n_classes))

    def transform(self, logits: torch.Tensor) -> torch.Tensor:
        """Apply the layer at each position.

        Args:
            logits: `[B, C, ...]`.

        Returns:
            The same shape, up to a constant of each position.
        """
        # A logit of -inf, which rules a class out, would make all of its row NaN.
        lowest = math.log(torch.finfo(logits.dtype).tiny)
        log_p = logits.log_softmax(dim=1).clamp_min(lowest)
        mapped = nn.functional.linear(
            log_p.movedim(1, -1), self.weight.to(logits), self.bias.to(logits)
        )
        return mapped.movedim(-1, 1)
