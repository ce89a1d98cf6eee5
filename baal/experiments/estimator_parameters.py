"""The parameters of scikit-learn estimators: in words, and with their seeds drawn."""

import numbers
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from baal.active.dataset.random_state import to_random_state
from baal.exceptions import InvalidTypeError
from baal.utils.extras import require_extra
from baal.utils.random_states import kept_random_states

__all__ = [
    "SeedSource",
    "described_parameters",
    "is_estimator",
    "is_regressor",
    "seeded_estimator",
]

_NO_RESULT = ("n_jobs", "verbose", "memory", "pre_dispatch")  # how it is computed, not what


def is_estimator(thing: Any) -> bool:
    """Whether something is a scikit-learn estimator by what it can do; nothing is imported.

    Args:
        thing: Any object.

    Returns:
        True if it has `fit`, `predict` and `get_params`.

    Example:
        >>> is_estimator("a forest")
        False
    """
    methods = ("fit", "predict", "get_params")
    # A stack or a search only has `predict` once it is fitted; its class has it.
    places = (thing, type(thing))
    return not isinstance(thing, type) and all(
        any(callable(getattr(place, method, None)) for place in places) for method in methods
    )


def is_regressor(estimator: Any) -> bool:
    """Whether an estimator predicts numbers rather than classes.

    Args:
        estimator: Of scikit-learn, which knows; of any other library what its `_estimator_type`
            says, or one that has `predict` and no `predict_proba`.

    Returns:
        True for a regressor.

    Raises:
        MissingExtraError: The extra `sklearn` is not installed.

    Example:
        >>> from sklearn.linear_model import LinearRegression, LogisticRegression
        >>> is_regressor(LinearRegression()), is_regressor(LogisticRegression())
        (True, False)
    """
    base = require_extra("sklearn.base", "sklearn")
    while hasattr(estimator, "steps"):  # a pipeline asks its last step, if it knows scikit-learn
        estimator = estimator.steps[-1][1]
    if isinstance(estimator, base.BaseEstimator):
        return bool(base.is_regressor(estimator))
    kind = getattr(estimator, "_estimator_type", None)
    if kind is not None:
        return bool(kind == "regressor")
    return hasattr(estimator, "predict") and not hasattr(estimator, "predict_proba")


def described_parameters(estimator: Any) -> dict[str, Any]:
    """What decides on the results of an estimator.

    Args:
        estimator: With `get_params`.

    Returns:
        Its parameters at any depth by name, without those that only say how it is computed, such
        as `n_jobs`. An estimator among them is the name of its class.

    Example:
        >>> from sklearn.linear_model import Ridge
        >>> described_parameters(Ridge(alpha=2.0))["alpha"]
        2.0
    """
    return {
        name: _described(value)
        for name, value in sorted(estimator.get_params(deep=True).items())
        if name.split("__")[-1] not in _NO_RESULT
    }


def _described(value: Any) -> Any:
    """A parameter; of an estimator the class, since its own parameters have names of their own."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return type(value).__name__
    if isinstance(value, list | tuple):
        return [_described(one) for one in value]
    return value


def seeded_estimator(estimator: Any, draw: Callable[[], int]) -> Any:
    """Give each `random_state` that is None a number; those that are set stay.

    Where estimators are fitted in processes of their own, as `n_jobs` has it, only numbers make
    their results reproducible.

    Args:
        estimator: With `get_params` and `set_params`; it is changed.
        draw: Gives another number with each call.

    Returns:
        The estimator.

    Example:
        >>> from sklearn.ensemble import RandomForestClassifier
        >>> seeded_estimator(RandomForestClassifier(), lambda: 3).random_state
        3
    """
    states = {
        name: draw()
        for name, value in sorted(estimator.get_params(deep=True).items())
        if value is None and name.split("__")[-1] == "random_state"
    }
    return estimator.set_params(**states) if states else estimator


class SeedSource:
    """Where the seeds of estimators come from.

    Args:
        seed: None: from NumPy's global random state, which an experiment saves.

    Attributes:
        random_state: The one of the seed; None if there is none.

    Raises:
        InvalidTypeError: `seed` is no integer.
        InvalidArgumentError: It is out of its range.

    Example:
        >>> SeedSource(0).draw()
        209652396
    """

    def __init__(self, seed: Any) -> None:
        if not isinstance(seed, numbers.Integral | None):
            raise InvalidTypeError(f"Expected `seed` to be an integer or None, but got {seed!r}")
        self.random_state = None if seed is None else to_random_state(int(seed))

    def draw(self) -> int:
        """Another seed with each call."""
        state = np.random if self.random_state is None else self.random_state
        return int(state.randint(np.iinfo(np.int32).max))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Put back this and all global random states at the end.

        Yields:
            Nothing.
        """
        drawn = None if self.random_state is None else self.random_state.get_state()
        with kept_random_states():
            try:
                yield
            finally:
                if self.random_state is not None and drawn is not None:
                    self.random_state.set_state(drawn)
