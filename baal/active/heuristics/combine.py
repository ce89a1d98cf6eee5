"""One score for models with several outputs, from a heuristic for each."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.arguments import check_heuristic
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.decorators import reading_as
from baal.active.heuristics.predictions import as_array, is_batches, join
from baal.active.heuristics.reductions import Reduction, find_reduction
from baal.active.heuristics.scoring import Evidence, Reading
from baal.active.heuristics.shuffling import IGNORED, Ignored
from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["CombineHeuristics"]

Array = npt.NDArray[Any]


class CombineHeuristics(AbstractHeuristic):
    r"""The weighted sum of several heuristics, one for each output of a model.

    $$s_i = \sum_o w_o\, s_{io}$$

    Predictions are a list with an array `[N, C, ..., K]` for each output, or an iterable of such
    lists. Scores are not rescaled: weights also bring different units together.

    Args:
        heuristics: One for each output, in their order; high scores are uncertain for all of them,
            or low ones for all.
        weights: One for each, zero or more.
        reduction: From `[N, ...]` to `[N]`, for outputs that have further dimensions and whose
            heuristic does not reduce them itself.
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle, from 0 to 1.
        seed: Of the shuffling. None draws from NumPy's global state.

    Raises:
        InvalidArgumentError: No heuristic, heuristics of both directions, not one weight for each,
            a weight below zero, or "none" as the reduction of what has several positions.
        InvalidTypeError: One of `heuristics` is none, or `weights` are no numbers.

    Example:
        >>> from baal.active.heuristics.uncertainty import BALD, Entropy
        >>> heuristic = CombineHeuristics([BALD(), Entropy()], weights=[1, 0.5])
        >>> sure, torn = [[1.0, 1.0], [0.0, 0.0]], [[0.5, 0.5], [0.5, 0.5]]
        >>> ranks, scores = heuristic.get_ranks([np.array([sure, torn]), np.array([torn, torn])])
        >>> ranks.tolist(), scores.round(3).tolist()
        ([0, 1], [0.347, 0.347])
    """

    def __init__(
        self,
        heuristics: Sequence[AbstractHeuristic],
        weights: Sequence[float],
        reduction: str | Reduction = "mean",
        shuffle_prop: float | Ignored = IGNORED,
        *,
        seed: int | None = None,
    ) -> None:
        given: object = heuristics
        if not isinstance(given, Iterable):
            raise InvalidTypeError(
                f"Expected `heuristics` to be a list of heuristics, but got {given!r}."
            )
        heuristics = list(heuristics)
        for heuristic in heuristics:
            check_heuristic("heuristics", heuristic)
        self.weights = as_array(weights, "weights").astype(np.float64).ravel()
        if not heuristics or len(heuristics) != len(self.weights):
            raise InvalidArgumentError(
                "Expected `heuristics` and `weights` to be of one length, at least 1, but got "
                f"{len(heuristics)} and {len(self.weights)}."
            )
        if not (np.isfinite(self.weights) & (self.weights >= 0)).all():
            raise InvalidArgumentError(
                f"Expected `weights` to be finite and 0 or more, but got {self.weights.tolist()}."
            )
        directions = [heuristic.reversed for heuristic in heuristics]
        if len(set(directions)) > 1:
            raise InvalidArgumentError(
                "Expected high scores to be uncertain for all of `heuristics`, or for none, but "
                f"got `reversed` {directions}."
            )
        super().__init__(shuffle_prop, directions[0], reduction, seed=seed)
        self.heuristics = heuristics
        self.needs_predictions = any(h.needs_predictions for h in heuristics)
        self.needs_target_predictions = any(h.needs_target_predictions for h in heuristics)
        self.needs_joint_samples = any(h.needs_joint_samples for h in heuristics)
        self.needs_whole_pool = any(h.needs_whole_pool for h in heuristics)
        self.is_random = any(h.is_random for h in heuristics)

    def compute_score(self, predictions: Any, target_predictions: Any = None) -> Array:
        """The weighted sum of the heuristics' scores.

        Args:
            predictions: A list with `[N, C, ..., K]` for each output.
            target_predictions: A list with `[T, C, ..., K]` for each output; None: none of them
                needs targets.

        Returns:
            `[N]` float64.

        Raises:
            InvalidArgumentError: Not one array for each heuristic, or arrays that differ in N.
            InvalidTypeError: These are no numbers.
        """
        outputs = self._outputs(predictions)
        targets = self._outputs_of_targets(target_predictions)
        scores = [
            self._reduced(heuristic, heuristic.get_uncertainties(output, target))
            for heuristic, output, target in zip(self.heuristics, outputs, targets, strict=True)
        ]
        return self._sum(scores)

    def get_uncertainties(self, predictions: Any, target_predictions: Any = None) -> Array:
        """Score each item.

        Args:
            predictions: A list with `[N, C, ..., K]` for each output, or an iterable of them.
            target_predictions: As for `compute_score`.

        Returns:
            `[N]` float64.

        Raises:
            InvalidArgumentError: As for `compute_score`, or there is no batch.
            InvalidTypeError: These are no numbers.
        """
        if is_batches(predictions):
            return self.get_uncertainties_generator(predictions, target_predictions)
        return self.compute_score(predictions, target_predictions)

    def get_uncertainties_generator(
        self, predictions: Iterable[Any], target_predictions: Any = None
    ) -> Array:
        """Score each item of an iterable of batches, in constant memory if that can be.

        Args:
            predictions: Lists with `[B, C, ..., K]` for each output; B may vary from list to list.
            target_predictions: As for `compute_score`.

        Returns:
            `[N]` float64.

        Raises:
            InvalidArgumentError: As for `compute_score`, or there is no batch.
            InvalidTypeError: These are no numbers.
        """
        targets = self._outputs_of_targets(target_predictions)
        outputs = [_Output(h, t) for h, t in zip(self.heuristics, targets, strict=True)]
        for batch in predictions:
            for output, array in zip(outputs, self._outputs(batch), strict=True):
                output.add(array)
        scores = [self._reduced(output.heuristic, output.scores()) for output in outputs]
        return self._sum(scores)

    def _outputs(self, predictions: Any, name: str = "predictions") -> list[Array]:
        """One array for each heuristic, all with as many items."""
        parts = predictions if isinstance(predictions, list | tuple) else [predictions]
        outputs = [as_array(part, name) for part in parts]
        if len(outputs) != len(self.heuristics):
            raise InvalidArgumentError(
                f"Expected `{name}` to be a list of {len(self.heuristics)} arrays, one for "
                f"each of `heuristics`, but got {len(outputs)}."
            )
        if any(out.ndim == 0 for out in outputs) or len({len(out) for out in outputs}) > 1:
            raise InvalidArgumentError(
                f"Expected the arrays of `{name}` to hold the same items, but got shapes "
                f"{[out.shape for out in outputs]}."
            )
        return outputs

    def _outputs_of_targets(self, target_predictions: Any) -> list[Any]:
        if target_predictions is None:
            return [None] * len(self.heuristics)
        return list(self._outputs(target_predictions, "target_predictions"))

    def _reduced(self, heuristic: AbstractHeuristic, scores: Array) -> Array:
        """`[N]`."""
        if scores.ndim > 1:
            scores = np.asarray(find_reduction(self.reduction)(scores), dtype=np.float64)
        if scores.ndim != 1:
            raise InvalidArgumentError(
                f"Expected `reduction` to turn the scores of {type(heuristic).__name__} into [N], "
                f"but got shape {scores.shape} after reduction {self.reduction!r}."
            )
        return scores

    def _sum(self, scores: list[Array]) -> Array:
        return np.asarray(self.weights @ np.stack(scores))


class _Output:
    """The scores of one output, batch by batch."""

    def __init__(self, heuristic: AbstractHeuristic, targets: Any) -> None:
        self.heuristic = heuristic
        self.targets = targets
        self.collects = heuristic.needs_whole_pool or (
            heuristic.needs_target_predictions and targets is None
        )
        # How values are read is decided at the end: until then both answers are kept.
        self.undecided = heuristic.needs_probabilities and heuristic.mode == "auto"
        self.evidence = Evidence()
        self.parts: list[Array] = []
        self.as_probabilities: list[Array] = []

    def add(self, batch: Array) -> None:
        if self.collects:
            self.parts.append(batch.copy())  # it may be a buffer that is used again
        elif not self.undecided:
            self.parts.append(self.heuristic.get_uncertainties(batch, self.targets))
        else:
            self.evidence.see(batch)
            if self.evidence.for_probabilities:
                self.as_probabilities.append(self._score_as(batch, "as_is"))
            self.parts.append(self._score_as(batch, "logits"))

    def scores(self) -> Array:
        if not self.parts:
            raise InvalidArgumentError(
                "Expected `predictions` to yield at least one batch, but got none."
            )
        if self.collects:
            return self.heuristic.get_uncertainties(join(self.parts), self.targets)
        probabilities = self.undecided and self.evidence.for_probabilities
        return np.concatenate(self.as_probabilities if probabilities else self.parts)

    def _score_as(self, batch: Array, reading: Reading) -> Array:
        with reading_as(self.heuristic, reading):
            return self.heuristic.get_uncertainties(batch, self.targets)
