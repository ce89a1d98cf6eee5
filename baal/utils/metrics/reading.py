"""What the metrics of classes read in a batch: positions, and probabilities or logits."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import torch

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.utils.metrics.moments import to_float64
from baal.utils.probabilities import RANGE_ULPS, SUM_TOLERANCE

__all__ = ["MODES", "Positions", "Reading", "are_logits", "flatten", "read"]

Reading: TypeAlias = Literal["auto", "probabilities", "logits"]
"""What a metric takes outputs for."""
MODES = ("auto", "probabilities", "logits")


@dataclass(frozen=True)
class Positions:
    """The items of a batch, or their pixels or tokens, one after the other.

    Attributes:
        scores: `[P, C]`, as the model gave them.
        target: Classes `[P]`, all of them in range.
        weight: `[P]`, float64: 1 for what counts, 0 for what does not.
        wrong: How many targets are no class, a scalar. None on the CPU: they are an error at once.

    Example:
        >>> flatten(torch.zeros(2, 3, 4), torch.zeros(2, 4)).scores.shape
        torch.Size([8, 3])
    """

    scores: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor
    wrong: torch.Tensor | None


def flatten(
    output: Any, target: Any, n_classes: int | None = None, ignore_index: int | None = None
) -> Positions:
    """Put the positions of a batch one after the other, without their graph.

    Args:
        output: `[B, C, ...]`. A single output stands for the second of two classes.
        target: Classes `[B, ...]`, or with an axis of one class, `[B, 1, ...]`.
        n_classes: The C wanted; None: any.
        ignore_index: The target of positions that do not count; None: all count.

    Returns:
        The positions, where the output is.

    Raises:
        InvalidArgumentError: The shapes do not fit, or a target on the CPU is no class. Targets
            elsewhere are counted instead, since looking at them would wait for the device.
        InvalidTypeError: Output or target is neither a tensor nor an array.

    Example:
        >>> flatten(torch.eye(3), torch.tensor([[0], [1], [-100]]), ignore_index=-100).weight
        tensor([1., 1., 0.], dtype=torch.float64)
    """
    output, target = _tensor("output", output), _tensor("target", target)
    _check_shapes(output, target, n_classes)
    # To [P, C] and [P].
    scores = output if output.ndim == 2 else output.movedim(1, -1).reshape(-1, output.shape[1])
    target = target.to(scores.device).reshape(-1)
    n_classes = max(scores.shape[1], 2)
    if ignore_index is None and _are_classes(target, n_classes):
        weight = torch.ones(len(target), dtype=torch.double)
        return Positions(scores, target, weight, None)
    wrong = (target < 0) | (target >= n_classes) | (target != target.long())
    if ignore_index is None:
        weight = (~wrong).double()
    else:
        counts = target != ignore_index
        wrong = wrong & counts
        weight = (counts & ~wrong).double()
    on_cpu = wrong.device.type == "cpu"
    if on_cpu and wrong.any():
        raise InvalidArgumentError(
            f"Expected `target` to hold classes from 0 to {n_classes - 1}, but got "
            f"{target[wrong][0].item()}: say `ignore_index` where it marks what does not count."
        )
    classes = target.long().clamp(0, n_classes - 1)
    return Positions(scores, classes, weight, None if on_cpu else wrong.sum())


def read(positions: Positions, mode: Reading) -> list[torch.Tensor]:
    """Scores as probabilities, by one reading or by both.

    Args:
        positions: From `flatten`.
        mode: "auto" gives both readings, since only all batches together can decide.

    Returns:
        One tensor `[P, C]` a reading in float64, probabilities before logits; two classes for a
        single output.

    Example:
        >>> probabilities, logits = read(flatten(torch.zeros(1, 1), torch.zeros(1)), "auto")
        >>> probabilities.tolist(), logits.tolist()
        ([[1.0, 0.0]], [[0.5, 0.5]])
    """
    scores, readings = to_float64(positions.scores), []
    single = scores.shape[1] == 1
    if mode != "logits":
        readings.append(torch.cat([1 - scores, scores], dim=1) if single else scores)
    if mode != "probabilities":
        if single:  # the logistic function, precise at both its ends
            readings.append(torch.cat([-scores, scores], dim=1).sigmoid())
        else:
            readings.append(scores.softmax(dim=1))
    return readings


def are_logits(positions: Positions) -> torch.Tensor:
    """Whether scores cannot be probabilities, by the rules of `baal.utils.probabilities`.

    On the device, and without waiting for it. Positions that do not count are passed over, and so
    are NaN and +inf.

    Args:
        positions: From `flatten`.

    Returns:
        A boolean scalar: some value is outside of [0, 1], or some sum over several classes is
        not one, within a tolerance that fits the dtype.

    Example:
        >>> bool(are_logits(flatten(torch.tensor([[0.3, 0.7]]), torch.tensor([0]))))
        False
    """
    given = positions.scores.dtype
    eps = torch.finfo(torch.float32).eps
    tolerance = RANGE_ULPS * max(torch.finfo(given).eps if given.is_floating_point else 0.0, eps)
    scores, below = to_float64(positions.scores), torch.inf
    off = (scores < -tolerance) | ((scores > 1 + tolerance) & (scores < below))
    found = off.any(dim=1)
    if scores.shape[1] > 1:
        sums = scores.sum(dim=1)
        found = found | (((sums - 1).abs() > SUM_TOLERANCE) & (sums < below))
    return (found & (positions.weight > 0)).any()


def _tensor(name: str, value: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor | np.ndarray):
        raise InvalidTypeError(
            f"Expected `{name}` to be a tensor or an array, but got {type(value).__name__}."
        )
    tensor = torch.as_tensor(value).detach()
    return tensor.cpu() if tensor.device.type == "mps" else tensor  # it has no float64


def _are_classes(target: torch.Tensor, n_classes: int) -> bool:
    """Whether targets [P] are all in range, in the common case that is quick to look at."""
    if target.dtype != torch.int64 or target.device.type != "cpu" or not len(target):
        return False
    lowest, highest = target.aminmax()
    return lowest.item() >= 0 and highest.item() < n_classes


def _check_shapes(output: torch.Tensor, target: torch.Tensor, n_classes: int | None) -> None:
    shape = tuple(output.shape)
    wanted = "C" if n_classes is None else n_classes
    if output.ndim < 2 or shape[1] < 1:
        raise InvalidArgumentError(
            f"Expected `output` to be [B, {wanted}, ...], but got shape {shape} with targets of "
            f"shape {tuple(target.shape)}."
        )
    if n_classes not in {None, shape[1]} and (n_classes, shape[1]) != (2, 1):
        raise InvalidArgumentError(
            f"Expected `output` to be [B, {n_classes}, ...], but got shape {shape}."
        )
    without_classes = shape[:1] + shape[2:]
    if tuple(target.shape) not in {without_classes, (*shape[:1], 1, *shape[2:])}:
        raise InvalidArgumentError(
            "Expected `target` to have one class for each of the "
            f"{output[:, 0].numel()} positions of `output` {shape}, but got shape "
            f"{tuple(target.shape)}."
        )
