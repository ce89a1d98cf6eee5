"""Checks on arguments that several heuristics take."""

from typing import Any

import numpy as np

from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = [
    "check_count",
    "check_heuristic",
    "check_number",
    "check_positive",
    "check_seed",
    "check_temperature",
]


def check_count(name: str, value: Any, at_least: int = 0) -> int:
    """Read a whole number of things.

    Args:
        name: What the caller calls the argument, for the error's message.
        value: An `int` or what NumPy has for it.
        at_least: The smallest that makes sense.

    Returns:
        The number.

    Raises:
        InvalidArgumentError: It is too small.
        InvalidTypeError: It is no whole number.

    Example:
        >>> check_count("query_size", 3)
        3
    """
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise InvalidTypeError(f"Expected `{name}` to be an int, but got {value!r}.")
    if value < at_least:
        raise InvalidArgumentError(f"Expected `{name}` to be {at_least} or more, but got {value}.")
    return int(value)


def check_heuristic(name: str, value: Any) -> None:
    """Refuse what is no heuristic, such as the class instead of an object of it.

    Args:
        name: What the caller calls the argument, for the error's message.
        value: What was given.

    Raises:
        InvalidTypeError: It cannot rank.

    Example:
        >>> from baal.active.heuristics.baselines import Random
        >>> check_heuristic("heuristic", Random())
    """
    if isinstance(value, type) or not hasattr(value, "get_ranks"):
        raise InvalidTypeError(
            f"Expected `{name}` to be a heuristic, such as `BALD()` or `get_heuristic('bald')`, "
            f"but got {value!r}."
        )


def check_number(name: str, value: Any) -> float:
    """Read a number: zero or more, and finite.

    Args:
        name: What the caller calls the argument, for the error's message.
        value: Any real number.

    Returns:
        It, as a float.

    Raises:
        InvalidArgumentError: Negative, infinite or NaN.
        InvalidTypeError: It is no number.

    Example:
        >>> check_number("radius", 1)
        1.0
    """
    _check_is_number(name, value)
    if not 0 <= value < np.inf:
        raise InvalidArgumentError(
            f"Expected `{name}` to be 0 or more, and finite, but got {value}."
        )
    return float(value)


def check_positive(name: str, value: Any) -> float:
    """Read a number: above zero and finite.

    Args:
        name: What the caller calls the argument, for the error's message.
        value: Any real number.

    Returns:
        It, as a float.

    Raises:
        InvalidArgumentError: Zero, negative, infinite or NaN.
        InvalidTypeError: It is no number.

    Example:
        >>> check_positive("ridge", 1)
        1.0
    """
    _check_is_number(name, value)
    if not 0 < value < np.inf:
        raise InvalidArgumentError(f"Expected `{name}` to be above 0 and finite, but got {value}.")
    return float(value)


def check_seed(value: Any) -> int | None:
    """Read a seed.

    Args:
        value: A whole number from 0 on, or None.

    Returns:
        It, as an `int` if it is a number.

    Raises:
        InvalidArgumentError: It is negative.
        InvalidTypeError: It is neither.

    Example:
        >>> check_seed(3), check_seed(None)
        (3, None)
    """
    return None if value is None else check_count("seed", value)


def check_temperature(temperature: Any) -> float:
    """Read a temperature: above zero and finite.

    Args:
        temperature: Any real number.

    Returns:
        It, as a float.

    Raises:
        InvalidArgumentError: Zero, negative, infinite or NaN.
        InvalidTypeError: It is no number.

    Example:
        >>> check_temperature(1)
        1.0
    """
    return check_positive("temperature", temperature)


def _check_is_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise InvalidTypeError(f"Expected `{name}` to be a number, but got {value!r}.")
