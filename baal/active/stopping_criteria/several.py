"""Several criteria as one: any of them, or all."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from baal.active.stopping_criteria.base import Metrics, StoppingCriterion
from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["AllStoppingCriterion", "AnyStoppingCriterion"]


class _Several(StoppingCriterion):
    """Asks several criteria; each of them every time, since they remember what they saw."""

    def __init__(self, *criteria: StoppingCriterion) -> None:
        for criterion in criteria:
            if not hasattr(criterion, "should_stop"):
                raise InvalidTypeError(
                    f"Expected `criteria` to be stopping criteria, but got {criterion!r}"
                )
        if not criteria:
            raise InvalidArgumentError("Expected at least one criterion, but got none")
        super().__init__(criteria[0].active_dataset)
        self.criteria = criteria
        self.needs_uncertainty = any(criterion.needs_uncertainty for criterion in criteria)

    def _answers(self, metrics: Metrics, uncertainty: Any) -> list[bool]:
        if isinstance(uncertainty, Iterable) and not hasattr(uncertainty, "__array__"):
            uncertainty = list(uncertainty)  # for each of them
        return [bool(criterion.should_stop(metrics, uncertainty)) for criterion in self.criteria]

    def see_model(self, predict: Callable[[Any], Any]) -> None:
        """Show the model to each.

        Args:
            predict: As in `StoppingCriterion`.
        """
        for criterion in self.criteria:
            criterion.see_model(predict)

    def state_dict(self) -> dict[str, Any]:
        """What each of them remembers.

        Returns:
            `{"criteria": [...]}`.
        """
        return {"criteria": [criterion.state_dict() for criterion in self.criteria]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Give each its own back.

        Args:
            state_dict: What `state_dict` gave.
        """
        for criterion, state in zip(self.criteria, state_dict["criteria"], strict=True):
            criterion.load_state_dict(state)


class AnyStoppingCriterion(_Several):
    """Stops when one of several criteria says so.

    Args:
        *criteria: The criteria.

    Raises:
        InvalidArgumentError: There is none.
        InvalidTypeError: One of them is no criterion.

    Example:
        >>> from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
        >>> from baal.active.stopping_criteria.budgets import LabellingBudgetStoppingCriterion
        >>> from baal.active.stopping_criteria.metrics import TargetMetricStoppingCriterion
        >>> dataset = ActiveLearningDataset(["a", "b", "c"])
        >>> criterion = AnyStoppingCriterion(
        ...     LabellingBudgetStoppingCriterion(dataset, 2),
        ...     TargetMetricStoppingCriterion(dataset, "test_accuracy", 0.9),
        ... )
        >>> criterion.should_stop({"test_accuracy": 0.95}), criterion.labels_left()
        (True, 2)
    """

    def should_stop(self, metrics: Metrics, uncertainty: Any = ()) -> bool:
        """Whether one of them says so.

        Args:
            metrics: As in `StoppingCriterion`.
            uncertainty: As in `StoppingCriterion`, `[N]`.

        Returns:
            True if so.
        """
        return any(self._answers(metrics, uncertainty))

    def labels_left(self) -> int | None:
        """The tightest limit.

        Returns:
            A number of items, or None where there is no limit.
        """
        return _tightest([criterion.labels_left() for criterion in self.criteria])

    def queries_left(self, query_size: int, n_pool: int) -> int | None:
        """The tightest limit.

        Args:
            query_size: As in `StoppingCriterion`.
            n_pool: As in `StoppingCriterion`.

        Returns:
            A number of queries, or None where there is no limit.
        """
        return _tightest(
            [criterion.queries_left(query_size, n_pool) for criterion in self.criteria]
        )


class AllStoppingCriterion(_Several):
    """Stops when all of several criteria say so in one round.

    Args:
        *criteria: The criteria.

    Raises:
        InvalidArgumentError: There is none.
        InvalidTypeError: One of them is no criterion.

    Example:
        >>> from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
        >>> from baal.active.stopping_criteria.budgets import LabellingBudgetStoppingCriterion
        >>> from baal.active.stopping_criteria.metrics import TargetMetricStoppingCriterion
        >>> dataset = ActiveLearningDataset(["a", "b", "c"])
        >>> criterion = AllStoppingCriterion(
        ...     LabellingBudgetStoppingCriterion(dataset, 2),
        ...     TargetMetricStoppingCriterion(dataset, "test_accuracy", 0.9),
        ... )
        >>> criterion.should_stop({"test_accuracy": 0.95})
        False
    """

    def should_stop(self, metrics: Metrics, uncertainty: Any = ()) -> bool:
        """Whether all of them say so.

        Args:
            metrics: As in `StoppingCriterion`.
            uncertainty: As in `StoppingCriterion`, `[N]`.

        Returns:
            True if so.
        """
        return all(self._answers(metrics, uncertainty))

    def labels_left(self) -> int | None:
        """The loosest limit: a budget that is spent stops nothing by itself.

        Returns:
            A number of items, or None where one of the criteria has no limit.
        """
        return _loosest([criterion.labels_left() for criterion in self.criteria])

    def queries_left(self, query_size: int, n_pool: int) -> int | None:
        """The loosest limit.

        Args:
            query_size: As in `StoppingCriterion`.
            n_pool: As in `StoppingCriterion`.

        Returns:
            A number of queries, or None where one of the criteria has no limit.
        """
        return _loosest([one.queries_left(query_size, n_pool) for one in self.criteria])


def _tightest(limits: Sequence[int | None]) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _loosest(limits: Sequence[int | None]) -> int | None:
    return None if None in limits else max(limit for limit in limits if limit is not None)
