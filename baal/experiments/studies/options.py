"""Kinds of command-line options: numbers within bounds, devices, names of heuristics."""

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

__all__ = [
    "HelpFormatter",
    "check_unique",
    "device_option",
    "one_of",
    "positive_number",
    "share",
    "whole_number",
]

Number = TypeVar("Number", int, float)


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults as they are typed, and keeps the paragraphs of the description.

    A switch has none to show, nor has an option whose default is None.

    Example:
        >>> parser = argparse.ArgumentParser(formatter_class=HelpFormatter)
        >>> _ = parser.add_argument("--epochs", default=5, help="passes")
        >>> "(default: 5)" in parser.format_help()
        True
    """

    def _get_help_string(self, action: argparse.Action) -> str | None:
        default = action.default
        if isinstance(default, list):
            return f"{action.help} (default: {' '.join(map(str, default))})"
        if default is None or isinstance(default, bool):
            return action.help
        return super()._get_help_string(action)


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """A whole number within bounds.

    Args:
        least: The smallest that is allowed.
        most: The largest; None: there is none.

    Returns:
        What `type=` of an option takes.

    Raises:
        argparse.ArgumentTypeError: By what is returned: the text is none.

    Example:
        >>> whole_number(1)("12")
        12
    """

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            limit = "" if most is None else f" and at most {most}"
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {least}{limit}, but got {text!r}"
            )
        return value

    return parse


def positive_number(text: str) -> float:
    """A finite number above 0.

    Args:
        text: As it was typed.

    Returns:
        The number.

    Raises:
        argparse.ArgumentTypeError: It is none.

    Example:
        >>> positive_number("0.5")
        0.5
    """
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a positive number, but got {text!r}")
    return value


def share(text: str) -> float:
    """A number from 0 to 1.

    Args:
        text: As it was typed.

    Returns:
        The number.

    Raises:
        argparse.ArgumentTypeError: It is none.

    Example:
        >>> share("0.05")
        0.05
    """
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, but got {text!r}")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def one_of(known: Sequence[str]) -> Callable[[str], str]:
    """One of several names; unlike `choices`, it says them but once.

    Args:
        known: The names.

    Returns:
        What `type=` of an option takes.

    Raises:
        argparse.ArgumentTypeError: By what is returned: the text is none of them.

    Example:
        >>> one_of(["bald", "random"])("bald")
        'bald'
    """

    def parse(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(
                f"expected one of {', '.join(known)}, but got {text!r}"
            )
        return text

    return parse


def device_option(text: str) -> str:
    """A device that torch can use here.

    Args:
        text: As it was typed.

    Returns:
        The same.

    Raises:
        argparse.ArgumentTypeError: It cannot be used.

    Example:
        >>> device_option("cpu")
        'cpu'
    """
    try:
        torch.zeros(1, device=text).cpu()  # `meta` makes tensors that nobody can read
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise argparse.ArgumentTypeError(
            f"expected a device that torch can use here, but got {text!r}: {reason}"
        ) from error
    return text


def check_unique(parser: argparse.ArgumentParser, option: str, values: Sequence[object]) -> None:
    """End with an error where a value comes twice.

    Args:
        parser: Prints it.
        option: Name of the option, such as `"seeds"`.
        values: Its values.

    Example:
        >>> check_unique(argparse.ArgumentParser(), "seeds", [0, 1])
    """
    for value, count in Counter(values).items():
        if count > 1:
            times = "twice" if count == 2 else f"{count} times"
            parser.error(f"argument --{option}: expected each once, but got {value} {times}")
