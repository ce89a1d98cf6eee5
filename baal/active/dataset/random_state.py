"""NumPy random states: made from a seed, turned into plain data, and back."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["Seed", "draw_distinct", "from_plain", "to_plain", "to_random_state"]

Seed: TypeAlias = "int | np.integer[Any] | np.random.RandomState | None"
"""A seed, a random state, or None for one that is new each time."""

_SMALL = 2**16  # items that are permuted in about a millisecond

# The engines that NumPy ships; any other name in a saved state is not ours to import.
_ENGINES: dict[str, Any] = {
    engine.__name__: engine
    for engine in (
        np.random.MT19937,
        np.random.PCG64,
        np.random.PCG64DXSM,
        np.random.Philox,
        np.random.SFC64,
    )
}


def to_random_state(seed: Seed) -> np.random.RandomState:
    """The random state that a seed stands for.

    Args:
        seed: An integer; a RandomState, used as it is; or None: seeded from NumPy's global
            random state, so that a script which calls `np.random.seed` is reproducible.

    Returns:
        A random state.

    Raises:
        InvalidTypeError: `seed` is none of these.
        InvalidArgumentError: It is an integer outside of `[0, 2**32)`.

    Example:
        >>> int(to_random_state(1337).randint(100))
        23
    """
    if isinstance(seed, np.random.RandomState):
        return seed
    if seed is None:
        return np.random.RandomState(np.random.randint(2**32, dtype=np.uint32))  # noqa: NPY002
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise InvalidTypeError(
            "Expected `random_state` to be an integer, a numpy.random.RandomState or None, "
            f"but got {seed!r} of type {type(seed).__name__}"
        )
    if not 0 <= seed < 2**32:
        raise InvalidArgumentError(
            f"Expected `random_state` to be between 0 and 2**32 - 1, but got {seed}"
        )
    return np.random.RandomState(int(seed))


def draw_distinct(random_state: np.random.RandomState, n_items: int, k: int) -> NDArray[np.int64]:
    """Draw without replacement, at a cost of what is drawn rather than of what there is.

    Args:
        random_state: Where the draws come from.
        n_items: Draw from `range(n_items)`.
        k: How many, at most `n_items`.

    Returns:
        Distinct numbers `[k]`; each sequence of them is as likely as any other.

    Example:
        >>> len(set(draw_distinct(np.random.RandomState(1), 10_000_000, 1000).tolist()))
        1000
    """
    if n_items <= _SMALL or 3 * k >= n_items:
        return random_state.choice(n_items, k, replace=False)
    drawn = np.empty(0, dtype=np.int64)
    while len(drawn) < k:
        more = random_state.randint(n_items, size=k - len(drawn), dtype=np.int64)
        drawn = np.concatenate([drawn, more])
        # What comes again is left out, as if it had been drawn from the rest in the first place.
        drawn = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
    return drawn


def to_plain(random_state: np.random.RandomState) -> dict[str, Any]:
    """The state as nested dicts of numbers, strings and lists, for JSON or `weights_only` files.

    Args:
        random_state: Any RandomState.

    Returns:
        What `from_plain` takes; it shares nothing with `random_state`.

    Example:
        >>> to_plain(np.random.RandomState(1))["bit_generator"]
        'MT19937'
    """
    state: dict[str, Any] = _without_arrays(random_state.get_state(legacy=False))
    return state


def from_plain(state: Any) -> np.random.RandomState:
    """A new RandomState that goes on where the saved one was.

    Args:
        state: What `to_plain` gave, or a RandomState itself, as BaaL 2.1 saved it.

    Returns:
        A RandomState that shares nothing with `state`.

    Raises:
        InvalidArgumentError: `state` describes no RandomState.

    Example:
        >>> twin = from_plain(to_plain(np.random.RandomState(1337)))
        >>> int(twin.randint(100))
        23
    """
    if isinstance(state, np.random.RandomState):
        state = to_plain(state)
    try:
        random_state = np.random.RandomState(_ENGINES[state["bit_generator"]]())
        random_state.set_state(state)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError(
            "Expected `random_state` to be the saved state of a numpy.random.RandomState, "
            f"but got {str(state)[:80]} of type {type(state).__name__}"
        ) from error
    return random_state


def _without_arrays(value: Any) -> Any:
    """Arrays become lists, at any depth of dicts."""
    if isinstance(value, dict):
        return {key: _without_arrays(one) for key, one in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value
