"""The deprecated `shuffle_prop`: some of the ranks in random order."""

import warnings
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.utils.frames import level_outside_baal

__all__ = ["IGNORED", "Ignored", "check_shuffle_prop", "shuffle_some"]


class Ignored(Enum):
    """The type of `IGNORED`, the default of a deprecated argument: it was not given.

    Example:
        >>> check_shuffle_prop(IGNORED)
        0.0
    """

    IGNORED = "ignored"

    def __repr__(self) -> str:
        return "IGNORED"


IGNORED: Final = Ignored.IGNORED


def check_shuffle_prop(shuffle_prop: float | Ignored) -> float:
    """Read the deprecated argument, and say what replaces it if it was given.

    Args:
        shuffle_prop: From 0 to 1, or `IGNORED`.

    Returns:
        The proportion to shuffle, 0 if the argument was not given.

    Raises:
        InvalidArgumentError: It lies outside of [0, 1].
        InvalidTypeError: It is no number.

    Example:
        >>> check_shuffle_prop(IGNORED)
        0.0
    """
    if isinstance(shuffle_prop, Ignored):
        return 0.0
    if not isinstance(shuffle_prop, int | float | np.number):
        raise InvalidTypeError(
            f"Expected `shuffle_prop`, the first argument, to be a number, but got "
            f"{shuffle_prop!r}. Other arguments are best given by their names, as in "
            "`reduction='mean'`."
        )
    if not 0 <= shuffle_prop <= 1:
        raise InvalidArgumentError(
            f"Expected `shuffle_prop` to be from 0 to 1, but got {shuffle_prop}."
        )
    warnings.warn(
        "`shuffle_prop` is deprecated: it moves items whatever their scores are. Leave it out; "
        "stochastic heuristics draw by the scores instead: PowerSampling, GibbsSampling and "
        "RankBasedSampling in baal.active.heuristics.stochastics.",
        DeprecationWarning,
        stacklevel=level_outside_baal(),
    )
    return float(shuffle_prop)


def shuffle_some(
    ranks: npt.NDArray[np.int64],
    proportion: float,
    rng: np.random.Generator | np.random.RandomState,
) -> npt.NDArray[np.int64]:
    """Shuffle a proportion of the ranks among themselves; the others keep their places.

    Args:
        ranks: `[N]`.
        proportion: From 0 (none) to 1 (all); the number of places is rounded down.
        rng: Where the randomness comes from.

    Returns:
        `[N]`, a new array.

    Example:
        >>> shuffle_some(np.arange(4), 0.0, np.random.default_rng(0)).tolist()
        [0, 1, 2, 3]
    """
    places = rng.permutation(len(ranks))[: int(proportion * len(ranks))]
    shuffled = ranks.copy()
    shuffled[places] = ranks[rng.permutation(places)]
    return shuffled
