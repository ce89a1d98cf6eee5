"""The order of batches from several loaders that begin anew when they run out."""

from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral
from typing import Any

import torch

from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError

__all__ = ["alternate", "check_schedule", "check_whole", "draw_order", "empty_loader", "length_of"]


def draw_order(
    num_steps: int, p: float | None = None, generator: torch.Generator | None = None
) -> list[int]:
    """Which of two loaders gives the batch of each step.

    Args:
        num_steps: Number of steps, not negative.
        p: Probability of the first loader, from 0 to 1. None: in turn, beginning with the first.
        generator: Of the random numbers; None: torch's global one. Nothing is drawn in turn.

    Returns:
        `num_steps` numbers, 0 for the first loader and 1 for the second.

    Example:
        >>> draw_order(5), draw_order(3, p=0), draw_order(3, p=1)
        ([0, 1, 0, 1, 0], [1, 1, 1], [0, 0, 0])
    """
    if p is None:
        return [step % 2 for step in range(num_steps)]
    # Draws from [0, 1) are never below 0 and always below 1.
    order: list[int] = (torch.rand(num_steps, generator=generator) >= p).int().tolist()
    return order


def alternate(loaders: Sequence[Iterable[Any]], order: Iterable[int]) -> Iterator[tuple[Any, int]]:
    """Batches of several loaders in a given order; a loader that runs out begins anew.

    It begins anew as for another epoch, so that it shuffles again. A loader whose turn never comes
    is never started.

    Args:
        loaders: Whatever can be iterated over again and again.
        order: For each step the index of its loader.

    Yields:
        `(batch, which)`, with the index of the loader.

    Raises:
        StateError: A loader is empty when its turn comes.

    Example:
        >>> list(alternate(["ab", "xyz"], [0, 1, 0, 1, 0]))
        [('a', 0), ('x', 1), ('b', 0), ('y', 1), ('a', 0)]
    """
    nothing = object()
    running: dict[int, Iterator[Any]] = {}
    for which in order:
        batch = next(running[which], nothing) if which in running else nothing
        if batch is nothing:
            running[which] = iter(loaders[which])
            batch = next(running[which], nothing)
        if batch is nothing:
            raise empty_loader(which)
        yield batch, which


def length_of(loader: Any) -> int | None:
    """Number of batches of a loader, where it has one.

    Args:
        loader: Whatever can be iterated over.

    Returns:
        None for streams, a DataLoader over an `IterableDataset` among them.

    Example:
        >>> length_of([1, 2]), length_of(iter([1, 2]))
        (2, None)
    """
    try:
        return len(loader)
    except TypeError:  # a DataLoader over a stream has a `__len__` that fails
        return None


def empty_loader(which: int) -> StateError:
    """The error of a loader that has no batch to give.

    Args:
        which: Its index.

    Returns:
        The error, to be raised.

    Example:
        >>> print(empty_loader(1))
        Expected loader 2 of 2 to have at least one batch when its turn comes, but got none
    """
    return StateError(
        f"Expected loader {which + 1} of 2 to have at least one batch when its turn comes, "
        "but got none"
    )


def check_schedule(num_steps: int | None, p: float | None) -> None:
    """Refuse what is no number of steps or no probability.

    Args:
        num_steps: Number of steps; None passes.
        p: Probability; None passes.

    Raises:
        InvalidTypeError: `num_steps` is not a whole number.
        InvalidArgumentError: `num_steps` is negative, or `p` is not from 0 to 1.

    Example:
        >>> check_schedule(10, 0.5)
    """
    if num_steps is not None:
        check_whole("num_steps", num_steps, least=0)
    if p is not None and not 0 <= p <= 1:
        raise InvalidArgumentError(f"Expected `p` to be None or from 0 to 1, but got {p}")


def check_whole(name: str, value: Any, least: int) -> None:
    """Refuse what is no whole number, or too small a one.

    Args:
        name: What the caller calls the argument.
        value: What was given.
        least: The smallest that is allowed.

    Raises:
        InvalidTypeError: It is not a whole number.
        InvalidArgumentError: It is below `least`.

    Example:
        >>> check_whole("batch_size", 2, least=1)
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidTypeError(f"Expected `{name}` to be a whole number, but got {value!r}")
    if int(value) < least:
        raise InvalidArgumentError(f"Expected `{name}` to be at least {least}, but got {value}")
