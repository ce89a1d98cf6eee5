"""The parameters of scikit-learn estimators: in words, and with their seeds drawn."""

from collections.abc import Callable
from typing import Any

__all__ = ["described_parameters", "is_estimator", "seeded_estimator"]

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
    return not isinstance(thing, type) and all(callable(getattr(thing, m, None)) for m in methods)


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
