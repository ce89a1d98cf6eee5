"""What every stopping criterion is: asked once a round, with a state that can be saved."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from baal.active.dataset.base import SplittedDataset
from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["Metrics", "StoppingCriterion", "check_whole_number"]

Metrics: TypeAlias = Mapping[str, Any]
"""The metrics of a round, by name."""


class StoppingCriterion:
    """Says whether active learning has gone far enough; subclasses define `should_stop`.

    Attributes that hold plain data (numbers, strings, arrays, lists, dicts) are the state that is
    saved with a run. Those without a leading underscore also tell one configuration from another.

    Args:
        active_dataset: What is being labelled.

    Attributes:
        needs_uncertainty: Whether `should_stop` looks at the scores. Where it does not, it is asked
            before the pool is scored, so that the last round costs no scores.

    Example:
        >>> from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
        >>> class AfterTwoRounds(StoppingCriterion):
        ...     asked = 0
        ...     def should_stop(self, metrics, uncertainty=()):
        ...         self.asked += 1
        ...         return self.asked >= 2
        >>> criterion = AfterTwoRounds(ActiveLearningDataset([1, 2, 3]))
        >>> criterion.should_stop({}), criterion.should_stop({}), criterion.state_dict()
        (False, True, {'asked': 2})
    """

    needs_uncertainty: bool = True

    def __init__(self, active_dataset: SplittedDataset) -> None:
        self.active_dataset = active_dataset

    def should_stop(self, metrics: Metrics, uncertainty: Any = ()) -> bool:
        """Decide on a round; asked once in each.

        Args:
            metrics: What was measured in this round, by name.
            uncertainty: The scores of the pool: an array `[N]`, or an iterable of arrays or
                numbers.

        Returns:
            True to stop before anything more is labelled.

        Raises:
            NotImplementedError: A subclass did not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `should_stop`.")

    def see_model(self, predict: Callable[[Any], Any]) -> None:
        """Look at the model of this round; called before `should_stop`, once in each round.

        Args:
            predict: Called with a dataset; gives posterior samples of its items, `[N, C, ..., K]`
                or batches of them.
        """

    def labels_left(self) -> int | None:
        """How many items may still be labelled; a query is cut to that.

        Returns:
            A number of items, or None where this criterion limits none.
        """
        return None

    def queries_left(self, query_size: int, n_pool: int) -> int | None:
        """How many queries there may still be, for whoever shows progress.

        Args:
            query_size: Items labelled in a query that is not cut.
            n_pool: Items that there are to label.

        Returns:
            A number of queries, or None where this criterion limits none.
        """
        limit = self.labels_left()
        return None if limit is None else -(-min(limit, n_pool) // query_size)

    def state_dict(self) -> dict[str, Any]:
        """What the criterion remembers, as copies.

        Returns:
            Plain data by name.
        """
        return {key: _copy(value) for key, value in vars(self).items() if _is_plain(value)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what another criterion of this kind remembers.

        Args:
            state_dict: What `state_dict` gave.
        """
        vars(self).update({key: _copy(value) for key, value in state_dict.items()})


def check_whole_number(name: str, value: Any, least: int) -> int:
    """Refuse what is no whole number, or too small a one.

    Args:
        name: Of the argument, for the message.
        value: Its value.
        least: The smallest that is allowed.

    Returns:
        The number.

    Raises:
        InvalidTypeError: It is no whole number.
        InvalidArgumentError: It is too small.

    Example:
        >>> check_whole_number("patience", 10, least=1)
        10
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InvalidTypeError(f"Expected `{name}` to be an int, but got {value!r}")
    if value < least:
        raise InvalidArgumentError(f"Expected `{name}` to be {least} or more, but got {value}")
    return int(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | np.ndarray | np.generic)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_copy(one) for one in value]
    return value.copy() if isinstance(value, np.ndarray) else value
