"""Scores computed where the model is, batch by batch: predictions never leave the device.

For a pool whose predictions are too many to be moved, such as those of segmentation. What comes out
is a score for each item, to be ranked by `baal.active.heuristics.Precomputed`.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import torch
from torch import nn

from baal.active.heuristics.shuffling import check_shuffle_prop
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.modelwrapper import ModelWrapper
from baal.training_args import TrainingArgs

__all__ = ["AbstractGPUHeuristic", "BALDGPUWrapper", "mutual_information"]

Mode: TypeAlias = Literal["auto", "probabilities", "logits"]
Reduction: TypeAlias = Callable[[torch.Tensor], torch.Tensor]

_REDUCTIONS: dict[str, Reduction] = {
    "max": lambda scores: scores.amax(1),
    "min": lambda scores: scores.amin(1),
    "mean": lambda scores: scores.mean(1),
    "sum": lambda scores: scores.sum(1),
}


def mutual_information(probabilities: torch.Tensor) -> torch.Tensor:
    r"""BALD's score, as `baal.active.heuristics.functional.mutual_information`, on any device.

    $$I[y;\theta|x] = H[y|x] - E_\theta\, H[y|x,\theta]$$

    Houlsby et al. (2011), https://arxiv.org/abs/1112.5745.

    Args:
        probabilities: `[B, C, ..., K]`; a single class is a Bernoulli probability.

    Returns:
        `[B, ...]`, in nats.

    Example:
        >>> mutual_information(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])).round(decimals=4)
        tensor([0.6931])
    """
    p = probabilities.float() if probabilities.dtype != torch.float64 else probabilities
    if p.shape[1] == 1:
        p = torch.cat([p, 1 - p], dim=1)
    total = torch.special.entr(p.mean(-1)).sum(1)
    expected: torch.Tensor = torch.special.entr(p).sum(1).mean(-1)
    information: torch.Tensor = (total - expected).clamp_min(0)
    return information


class AbstractGPUHeuristic(ModelWrapper):
    """A `ModelWrapper` that predicts scores instead of outputs.

    Subclasses define `score`.

    Args:
        model: A `ModelWrapper`, whose posterior samples are scored; or a module.
        shuffle_prop: Deprecated and without effect: scores are not shuffled.
        threshold: Without effect; kept for scripts written for BaaL 2.1.
        reverse: Whether the highest score is the most uncertain; what `Precomputed` is to be told.
        reduction: From `[B, ...]` to `[B]`: "max", "min", "mean", "sum", "none", or a callable.
        mode: What the model gives: "probabilities", "logits", or "auto": decided on the first
            batch.

    Raises:
        InvalidArgumentError: `reduction` or `mode` is unknown, or `shuffle_prop` outside of [0, 1].
        InvalidTypeError: `model` is neither a wrapper nor a module.

    Example:
        >>> class MeanOutput(AbstractGPUHeuristic):
        ...     def score(self, probabilities):
        ...         return probabilities[:, 0].mean(-1)
        >>> MeanOutput(nn.Linear(3, 2)).predict_on_batch(torch.ones(4, 3), iterations=1).shape
        torch.Size([4])
    """

    def __init__(
        self,
        model: ModelWrapper | nn.Module,
        shuffle_prop: float = 0.0,
        threshold: Any = None,
        reverse: bool = False,
        reduction: str | Reduction = "none",
        *,
        mode: Mode = "auto",
    ) -> None:
        if not isinstance(model, ModelWrapper | nn.Module):
            raise InvalidTypeError(
                "Expected `model` to be a ModelWrapper or a module, but got "
                f"{type(model).__name__}."
            )
        if not callable(reduction) and reduction not in {*_REDUCTIONS, "none"}:
            raise InvalidArgumentError(
                "Expected `reduction` to be a callable or one of "
                f"{sorted([*_REDUCTIONS, 'none'])}, but got {reduction!r}."
            )
        if mode not in {"auto", "probabilities", "logits"}:
            raise InvalidArgumentError(
                f"Expected `mode` to be 'auto', 'probabilities' or 'logits', but got {mode!r}."
            )
        if shuffle_prop:
            check_shuffle_prop(shuffle_prop)
        wrapper = model if isinstance(model, ModelWrapper) else ModelWrapper(model, TrainingArgs())
        super().__init__(wrapper.model, wrapper.args)
        self.wrapper = wrapper
        self.threshold, self.reversed, self.reduction = threshold, reverse, reduction
        self.mode: Mode = mode

    def score(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Score each item, or each of its positions.

        Args:
            probabilities: `[B, C, ..., K]`.

        Returns:
            `[B, ...]`.

        Raises:
            NotImplementedError: A subclass did not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `score`.")

    def predict_on_batch(self, data: Any, iterations: int = 1) -> torch.Tensor:
        """The scores of one batch.

        Args:
            data: Input of the model, `[B, ...]`.
            iterations: Number of posterior samples `K`.

        Returns:
            `[B]`, on the model's device; `[B, ...]` with the reduction "none" where there are
            further output dimensions.

        Raises:
            InvalidArgumentError: The outputs are not what `mode` says, or a batch is not what the
                first one was.
            InvalidTypeError: The model has several outputs.
        """
        outputs = self.wrapper.predict_on_batch(data, iterations)
        if not isinstance(outputs, torch.Tensor) or outputs.ndim < 3:
            raise InvalidTypeError(
                "Expected the model to have one output [B, C, ...], but got "
                f"{list(outputs.shape[:-1]) if hasattr(outputs, 'shape') else type(outputs)}."
            )
        scores = self.score(self._probabilities(outputs))
        if callable(self.reduction):
            return self.reduction(scores)
        return (
            scores if self.reduction == "none" else _REDUCTIONS[self.reduction](scores.flatten(1))
        )

    def test_on_batch(self, data: Any, target: Any, average_predictions: int = 1) -> torch.Tensor:
        """Measure the test metrics of the model itself; see `ModelWrapper.test_on_batch`.

        Args:
            data: Input of the model, `[B, ...]`.
            target: Second argument of the criterion.
            average_predictions: Number of posterior samples whose outputs are averaged.

        Returns:
            The loss, a scalar.
        """
        return self.wrapper.test_on_batch(data, target, average_predictions)

    def _probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        like = _look_like_probabilities(outputs)
        if self.mode == "auto":
            self.mode = "probabilities" if like else "logits"
        elif self.mode == "probabilities" and not like:
            raise InvalidArgumentError(
                "Expected probabilities in [0, 1] that sum to one over the classes, as by `mode` "
                "or in the first batch, but got others: for logits pass mode='logits'."
            )
        if self.mode == "probabilities":
            return outputs
        outputs = outputs.float() if outputs.dtype != torch.float64 else outputs
        return outputs.sigmoid() if outputs.shape[1] == 1 else outputs.softmax(1)


class BALDGPUWrapper(AbstractGPUHeuristic):
    """BALD computed on the model's device.

    Args:
        model: A `ModelWrapper`, whose posterior samples are scored; or a module.
        shuffle_prop: Deprecated and without effect: scores are not shuffled.
        threshold: Without effect; kept for scripts written for BaaL 2.1.
        reduction: From `[B, ...]` to `[B]`: "max", "min", "mean", "sum", "none", or a callable.
        mode: What the model gives: "probabilities", "logits", or "auto": decided on the first
            batch.

    Raises:
        InvalidArgumentError: As by `AbstractGPUHeuristic`.
        InvalidTypeError: As by `AbstractGPUHeuristic`.

    Example:
        >>> from baal.bayesian.dropout import patch_module
        >>> net = patch_module(nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2)))
        >>> BALDGPUWrapper(net).predict_on_batch(torch.ones(4, 3), iterations=20).shape
        torch.Size([4])
    """

    def __init__(
        self,
        model: ModelWrapper | nn.Module,
        shuffle_prop: float = 0.0,
        threshold: Any = None,
        reduction: str | Reduction = "none",
        *,
        mode: Mode = "auto",
    ) -> None:
        super().__init__(model, shuffle_prop, threshold, True, reduction, mode=mode)

    def score(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Apply `mutual_information`.

        Args:
            probabilities: `[B, C, ..., K]`.

        Returns:
            `[B, ...]`, in nats.
        """
        return mutual_information(probabilities)


def _look_like_probabilities(outputs: torch.Tensor) -> bool:
    """Whether all finite values are in [0, 1] and all columns sum to one, up to rounding."""
    slack = 4 * max(torch.finfo(outputs.dtype).eps, torch.finfo(torch.float32).eps)
    values = outputs.double() if outputs.device.type != "mps" else outputs.float()
    if bool(((values < -slack) | (values > 1 + slack)).any()):
        return False
    off = (values.sum(1) - 1).abs() > slack * max(outputs.shape[1], 4)
    return outputs.shape[1] == 1 or not bool(off.any())
