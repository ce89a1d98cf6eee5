"""The share of items that are right."""

from collections.abc import Sequence
from typing import ClassVar

import torch

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.utils.metrics.reading import Positions, Reading
from baal.utils.metrics.tally import Tally

__all__ = ["Accuracy", "rank_of_target"]


def rank_of_target(scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """How many classes come before the target: higher ones, and equal ones of a lower index.

    Args:
        scores: `[P, C]`.
        target: Classes `[P]`.

    Returns:
        `[P]`: 0 where the target is the class predicted. C where a score is NaN: whatever is
        predicted then, it is wrong.

    Example:
        >>> rank_of_target(torch.tensor([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]]), torch.tensor([1, 1]))
        tensor([1, 1])
    """
    own = scores.gather(1, target[:, None])  # [P, 1]
    lower = torch.arange(scores.shape[1], device=scores.device) < target[:, None]
    rank = ((scores > own) | ((scores == own) & lower)).sum(1)
    return torch.where(scores.isnan().any(1), scores.shape[1], rank)


class Accuracy(Tally):
    """Share of items whose target is among the k highest outputs, between 0 and 1.

    Of outputs that tie, the class with the lowest index comes first. A NaN among an item's outputs
    makes it a miss.

    Args:
        average: See `Metrics`.
        topk: The values of k, one result for each.
        mode: What single outputs `[B, 1]` are; of several the highest are the same either way. See
            `Tally`.
        ignore_index: See `Tally`.

    Raises:
        InvalidArgumentError: `topk` is empty or has a value below 1, or `mode` is unknown.
        InvalidTypeError: `topk` is a number.

    Example:
        >>> accuracy = Accuracy(topk=(1, 2))
        >>> accuracy.update(torch.tensor([[0.1, 0.2, 0.7], [0.5, 0.2, 0.3]]), torch.tensor([2, 2]))
        >>> accuracy.value
        [0.5, 1.0]
    """

    needs_probabilities: ClassVar[bool] = False

    def __init__(
        self,
        average: bool = True,
        topk: Sequence[int] = (1,),
        *,
        mode: Reading = "auto",
        ignore_index: int | None = None,
    ) -> None:
        if isinstance(topk, int):
            raise InvalidTypeError(f"Expected `topk` to be values of k, but got {topk}: ({topk},)?")
        if not topk or min(topk) < 1:
            raise InvalidArgumentError(f"Expected `topk` to hold values from 1 on, but got {topk}.")
        self.topk = tuple(topk)
        self.shape = (len(self.topk) + 1,)
        super().__init__(average, mode=mode, ignore_index=ignore_index)

    def _check(self, positions: Positions) -> None:
        n_classes = max(positions.scores.shape[1], 2)
        if n_classes < max(self.topk):
            raise InvalidArgumentError(
                f"Expected `output` to have at least {max(self.topk)} classes, "
                f"but got {n_classes}: shape {tuple(positions.scores.shape)} as [P, C]."
            )

    def _count(
        self, scores: torch.Tensor, target: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        if self.topk == (1,):  # a third of the time that ranks take
            highest, predicted = scores.max(1)  # of a tie the first one; NaN above all
            hits = [(((predicted == target) & ~highest.isnan()) * weight).sum()]
        else:
            rank = rank_of_target(scores, target)
            hits = [((rank < k) * weight).sum() for k in self.topk]
        return torch.stack([*hits, weight.sum()])

    def _result(self, counts: torch.Tensor) -> torch.Tensor:
        return counts[:-1] / counts[-1]
