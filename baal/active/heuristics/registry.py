"""Heuristics by their names."""

import inspect
from collections.abc import Callable
from typing import Any

from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.baselines import Precomputed, Random
from baal.active.heuristics.reductions import Reduction
from baal.active.heuristics.uncertainty import BALD, Certainty, Entropy, Margin, Variance
from baal.exceptions import InvalidArgumentError

__all__ = ["available_heuristics", "get_heuristic", "register_heuristic"]

_known: dict[str, Callable[..., AbstractHeuristic]] = {
    "bald": BALD,
    "certainty": Certainty,
    "entropy": Entropy,
    "margin": Margin,
    "precomputed": Precomputed,
    "random": Random,
    "variance": Variance,
}


def available_heuristics() -> list[str]:
    """The names that `get_heuristic` knows, in alphabetical order.

    Example:
        >>> "bald" in available_heuristics()
        True
    """
    return sorted(_known)


def get_heuristic(
    name: str,
    shuffle_prop: float = 0.0,
    reduction: str | Reduction = "none",
    **kwargs: Any,
) -> AbstractHeuristic:
    """Make a heuristic from its name.

    Args:
        name: One of `available_heuristics()`, in any case.
        shuffle_prop: Deprecated. Proportion of the ranks to shuffle; 0 is none.
        reduction: From `[N, ...]` to `[N]`; "none" leaves it to the heuristic's own default.
        **kwargs: Further arguments of the heuristic, such as `mode` or `seed`.

    Returns:
        The heuristic.

    Raises:
        InvalidArgumentError: The name is unknown, or the heuristic has no such argument.

    Example:
        >>> get_heuristic("entropy", reduction="mean", mode="logits").mode
        'logits'
    """
    factory = _known.get(name.lower())
    if factory is None:
        raise InvalidArgumentError(
            f"Expected `name` to be one of {available_heuristics()}, but got {name!r}."
        )
    # What was not asked for is not passed on: some heuristics have other defaults, or no such
    # argument at all.
    arguments = dict(kwargs)
    if shuffle_prop != 0:
        arguments["shuffle_prop"] = shuffle_prop
    if reduction != "none":
        arguments["reduction"] = reduction
    signature = inspect.signature(factory)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise InvalidArgumentError(
            f"Expected the arguments of heuristic {name!r} to fit {signature}, "
            f"but got {sorted(arguments)}: {error}."
        ) from error
    return factory(**arguments)


def register_heuristic(name: str, factory: Callable[..., AbstractHeuristic]) -> None:
    """Make a heuristic of one's own known to `get_heuristic` and to all that take names.

    Args:
        name: A name that is free; it is kept in lower case.
        factory: A subclass of `AbstractHeuristic`, or a function that makes a heuristic.

    Raises:
        InvalidArgumentError: The name belongs to another heuristic already.

    Example:
        >>> register_heuristic("my_random", Random)
        >>> get_heuristic("my_random", seed=3).is_random
        True
    """
    if _known.setdefault(name.lower(), factory) is not factory:
        raise InvalidArgumentError(
            f"Expected `name` to be free, but got {name!r}, which is one of "
            f"{available_heuristics()}."
        )
