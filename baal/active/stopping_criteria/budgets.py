"""Stop when a budget is spent: of labels, or of time."""

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from baal.active.dataset.base import SplittedDataset
from baal.active.stopping_criteria.base import Metrics, StoppingCriterion, check_whole_number
from baal.exceptions import InvalidArgumentError

__all__ = [
    "LabelCountsStoppingCriterion",
    "LabellingBudgetStoppingCriterion",
    "WallClockStoppingCriterion",
]


class LabellingBudgetStoppingCriterion(StoppingCriterion):
    """Stops when a number of labels is spent, counted from the moment this was made.

    Args:
        active_dataset: What is being labelled.
        labelling_budget: Number of items.

    Raises:
        InvalidArgumentError: The budget is negative.
        InvalidTypeError: It is no whole number.

    Example:
        >>> from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
        >>> dataset = ActiveLearningDataset(["a", "b", "c", "d"])
        >>> dataset.label(0)
        >>> criterion = LabellingBudgetStoppingCriterion(dataset, labelling_budget=2)
        >>> dataset.label(0)
        >>> criterion.should_stop({}), criterion.labels_left()
        (False, 1)
    """

    needs_uncertainty = False

    def __init__(self, active_dataset: SplittedDataset, labelling_budget: int) -> None:
        super().__init__(active_dataset)
        self.labelling_budget = check_whole_number("labelling_budget", labelling_budget, least=0)
        self._start = active_dataset.n_labelled

    def should_stop(self, metrics: Metrics, uncertainty: Any = ()) -> bool:  # noqa: ARG002
        """Whether the budget is spent.

        Args:
            metrics: Not looked at.
            uncertainty: Not looked at.

        Returns:
            True if so.
        """
        return self.labels_left() == 0

    def labels_left(self) -> int:
        """What is left of the budget.

        Returns:
            A number of items.
        """
        spent = self.active_dataset.n_labelled - self._start
        return max(0, self.labelling_budget - spent)


class LabelCountsStoppingCriterion(StoppingCriterion):
    """Meets given numbers of labels exactly, and stops at the last of them.

    So that runs with other query sizes can be compared at the same numbers of labels: the query
    that would pass one of them is cut.

    Args:
        active_dataset: What is being labelled.
        label_counts: Numbers of labels in all, in any order.

    Raises:
        InvalidArgumentError: There is none, or one is below 1.
        InvalidTypeError: One of them is no whole number.

    Example:
        >>> from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
        >>> dataset = ActiveLearningDataset(["a", "b", "c", "d", "e"])
        >>> criterion = LabelCountsStoppingCriterion(dataset, [2, 5])
        >>> dataset.label([0, 1])
        >>> criterion.labels_left(), criterion.should_stop({})
        (3, False)
    """

    needs_uncertainty = False

    def __init__(self, active_dataset: SplittedDataset, label_counts: Sequence[int]) -> None:
        super().__init__(active_dataset)
        counts = [check_whole_number("label_counts", count, least=1) for count in label_counts]
        if not counts:
            raise InvalidArgumentError("Expected `label_counts` to hold a number, but got none")
        self.label_counts = sorted(counts)

    def should_stop(self, metrics: Metrics, uncertainty: Any = ()) -> bool:  # noqa: ARG002
        """Whether the last number of labels is reached.

        Args:
            metrics: Not looked at.
            uncertainty: Not looked at.

        Returns:
            True if so.
        """
        return self.labels_left() == 0

    def labels_left(self) -> int:
        """What is missing to the next of the numbers.

        Returns:
            A number of items.
        """
        n_labelled = self.active_dataset.n_labelled
        ahead = (count - n_labelled for count in self.label_counts if count > n_labelled)
        return next(ahead, 0)

    def queries_left(self, query_size: int, n_pool: int) -> int:
        """How many queries it takes to the last of the numbers.

        Args:
            query_size: Items labelled in a query that is not cut.
            n_pool: Items that there are to label.

        Returns:
            A number of queries.
        """
        n_labelled = self.active_dataset.n_labelled
        ahead = [count for count in self.label_counts if count > n_labelled]
        counts = [n_labelled, *(min(count, n_labelled + n_pool) for count in ahead)]
        return sum(-(-(end - start) // query_size) for start, end in pairwise(counts))


class WallClockStoppingCriterion(StoppingCriterion):
    """Stops at the end of the round in which the time is up, counted from when this was made.

    The time of a run that was interrupted does not count while it lay still.

    Args:
        active_dataset: What is being labelled.
        seconds: The budget.

    Raises:
        InvalidArgumentError: It is negative or NaN.

    Example:
        >>> from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
        >>> dataset = ActiveLearningDataset(["a", "b"])
        >>> WallClockStoppingCriterion(dataset, seconds=3600).should_stop({})
        False
    """

    needs_uncertainty = False

    def __init__(self, active_dataset: SplittedDataset, seconds: float) -> None:
        super().__init__(active_dataset)
        if not seconds >= 0:
            raise InvalidArgumentError(f"Expected `seconds` to be 0 or more, but got {seconds}")
        self.seconds = float(seconds)
        self._start = time.monotonic()

    def should_stop(self, metrics: Metrics, uncertainty: Any = ()) -> bool:  # noqa: ARG002
        """Whether the time is up.

        Args:
            metrics: Not looked at.
            uncertainty: Not looked at.

        Returns:
            True if so.
        """
        return time.monotonic() - self._start >= self.seconds

    def state_dict(self) -> dict[str, Any]:
        """The time that has passed.

        Returns:
            `{"spent": seconds}`.
        """
        return {"spent": time.monotonic() - self._start}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from the time that had passed.

        Args:
            state_dict: What `state_dict` gave.
        """
        self._start = time.monotonic() - state_dict["spent"]
