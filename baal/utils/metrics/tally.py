"""The base of the metrics of classes: counts over all items, and a result made of them."""

from abc import abstractmethod
from typing import Any, ClassVar

import torch

from baal.exceptions import InvalidArgumentError
from baal.utils.metrics.base import Metrics
from baal.utils.metrics.reading import MODES, Positions, Reading, are_logits, flatten, read

__all__ = ["Tally", "check_at_least"]


class Tally(Metrics):
    """A metric that is a function of counts, which are sums over items.

    Memory stays the same however many items come, and their batches change nothing. With
    `mode="auto"` counts are kept for both readings, and reading `value` decides between them: for
    logits, as soon as any output of any batch can be no probability. Subclasses set `shape` and
    define `_count` and `_result`.

    Args:
        average: See `Metrics`.
        mode: What the outputs are: "probabilities", "logits", or "auto".
        ignore_index: The target of positions that do not count, such as -100; None: all count, and
            a target that is no class is an error.

    Attributes:
        shape: Of the counts.
        n_classes: Number of classes that outputs must have; None: any.

    Raises:
        InvalidArgumentError: `mode` is unknown.

    Example:
        >>> class MeanConfidence(Tally):
        ...     shape = (2,)
        ...     def _count(self, scores, target, weight):
        ...         return torch.stack([scores.amax(1) @ weight, weight.sum()])
        ...     def _result(self, counts):
        ...         return counts[:1] / counts[1:]
        >>> metric = MeanConfidence()
        >>> metric.update(torch.tensor([[0.75, 0.25], [0.5, 0.5]]), torch.tensor([0, 0]))
        >>> metric.value
        0.625
    """

    # Whether a softmax changes the counts of outputs with several classes.
    needs_probabilities: ClassVar[bool] = True
    shape: tuple[int, ...] = ()
    n_classes: int | None = None

    def __init__(
        self, average: bool = True, *, mode: Reading = "auto", ignore_index: int | None = None
    ) -> None:
        if mode not in MODES:
            raise InvalidArgumentError(f"Expected `mode` to be one of {MODES}, but got {mode!r}.")
        self.mode, self.ignore_index = mode, ignore_index
        super().__init__(average)

    def reset(self) -> None:
        """Forget all that was seen."""
        super().reset()
        self._counts = torch.zeros(1 + (self.mode == "auto"), *self.shape, dtype=torch.double)
        self._are_logits = torch.tensor(False)
        self._wrong = torch.tensor(0)

    def update(self, output: Any = None, target: Any = None) -> None:
        """Take in a batch; an empty one changes nothing.

        Args:
            output: Probabilities or logits `[B, C, ...]`. A single output stands for the second of
                two classes.
            target: Classes `[B, ...]`, or `[B, 1, ...]`.

        Raises:
            InvalidArgumentError: Shapes do not fit, or a target is no class. On a GPU such targets
                are found when `value` is read, since looking at them would wait for the device.
            InvalidTypeError: Output or target is neither a tensor nor an array.
        """
        positions = flatten(output, target, self.n_classes, self.ignore_index)
        self._check(positions)
        if len(positions.target) == 0:
            return
        counts = self._counts_of(positions)  # [R, ...], or [1, ...] where readings agree
        results = torch.stack([self._result(count) for count in counts.unbind()])
        results = results.expand(len(self._counts), -1)  # [R, M]
        self._counts = self._counts.to(counts.device) + counts
        if positions.wrong is not None:
            self._wrong = self._wrong.to(counts.device) + positions.wrong
        # What is not defined in a batch, for a class that it does not have, has no weight.
        self._add(results, positions.weight.sum() * ~results.isnan())

    def _counts_of(self, positions: Positions) -> torch.Tensor:
        """Counts of a batch by each reading, [R, ...], or once by all of them, [1, ...]."""
        scores, target, weight = positions.scores, positions.target, positions.weight
        if scores.shape[1] > 1 and not self.needs_probabilities:
            return self._count(scores, target, weight)[None]
        if self.mode == "auto":
            self._are_logits = self._are_logits.to(scores.device) | are_logits(positions)
        readings = read(positions, self.mode)
        return torch.stack([self._count(scores, target, weight) for scores in readings])

    def _check(self, positions: Positions) -> None:
        """Raise where a batch cannot be counted, before anything has changed."""

    @abstractmethod
    def _count(
        self, scores: torch.Tensor, target: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        """Counts in float64 of scores [P, C], targets [P] and weights [P]."""

    @abstractmethod
    def _result(self, counts: torch.Tensor) -> torch.Tensor:
        """The results [M] that counts give; NaN where they give none."""

    def counts(self) -> torch.Tensor:
        """What was counted, by the reading that is right for all outputs seen.

        Returns:
            Counts of the shape `shape`, float64, on the CPU.

        Raises:
            InvalidArgumentError: A target that came on a GPU was no class.
        """
        if wrong := int(self._wrong):
            raise InvalidArgumentError(
                f"Expected all targets to be classes of the outputs, but got {wrong} that are not: "
                "say `ignore_index` where they mark what does not count."
            )
        return self._chosen(self._counts).cpu()

    def _chosen(self, by_reading: torch.Tensor) -> torch.Tensor:
        """[R, ...] -> [...]."""
        return by_reading[int(self._are_logits) if self.mode == "auto" else 0]

    def calculate_result(self) -> Any:
        """The metric over everything taken in since the last reset.

        Returns:
            A float, or a list of floats for a metric that has several; NaN where nothing was taken
            in that would decide.

        Raises:
            InvalidArgumentError: A target that came on a GPU was no class.
        """
        counts = self.counts()
        if not self._average:
            return [self._shown(self._chosen(results)) for results in self._by_batch]
        return self._shown(self._result(counts))

    @property
    def standard_dev(self) -> Any:
        """Standard deviation of the batches' results around their mean, weighted by items.

        Batches in which a result is not defined are left out of it.
        """
        if self.is_empty:
            return self._shown(self._result(self.counts()))
        return self._shown(self._chosen(self._moments.standard_deviation()))


def check_at_least(name: str, value: int, lowest: int) -> int:
    """Check a number of classes or bins.

    Args:
        name: Of the argument.
        value: What came.
        lowest: The lowest that works.

    Returns:
        The value.

    Raises:
        InvalidArgumentError: It is lower, or no whole number.

    Example:
        >>> check_at_least("n_bins", 10, 1)
        10
    """
    if isinstance(value, bool) or value != int(value) or value < lowest:
        raise InvalidArgumentError(f"Expected `{name}` to be {lowest} or more, but got {value}.")
    return int(value)
