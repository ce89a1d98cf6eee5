"""The state of a run as plain data that `torch.load(weights_only=True)` reads, and back."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from baal.utils.random_states import RandomStates

__all__ = [
    "digest_of",
    "generators_in",
    "load_generators",
    "load_random_states",
    "plain_generators",
    "plain_random_states",
    "to_plain",
    "to_state",
]

_ARRAY = "__numpy_array__"
_COUNTER = "__counter__"  # as schedulers keep their milestones


def to_plain(state: Any) -> Any:  # noqa: PLR0911 - a table of kinds
    """Copies of tensors and arrays on the CPU, as tensors; other plain data as it is.

    Args:
        state: Tensors, arrays, numbers, strings and None, in dicts, lists and tuples.

    Returns:
        The same structure, which shares no memory with `state`.

    Example:
        >>> to_plain({"a": [np.int64(3), None]})
        {'a': [3, None]}
    """
    if isinstance(state, torch.Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, np.ndarray):
        # By the name of its type: NumPy has several of one kind, of which torch knows one. A copy.
        return {_ARRAY: torch.from_numpy(state.astype(state.dtype.str))}
    if isinstance(state, np.generic):
        return state.item()
    if isinstance(state, Counter):
        return {_COUNTER: dict(state)}
    if isinstance(state, Mapping):
        return {key: to_plain(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(to_plain(value) for value in state)
    return state


def to_state(plain: Any) -> Any:
    """What `to_plain` was given.

    Args:
        plain: What it gave.

    Returns:
        Arrays are arrays again. Tensors are shared.

    Example:
        >>> to_state(to_plain({"a": np.arange(2)}))
        {'a': array([0, 1])}
    """
    if isinstance(plain, dict):
        if set(plain) == {_ARRAY}:
            return plain[_ARRAY].numpy()
        if set(plain) == {_COUNTER}:
            return Counter(plain[_COUNTER])
        return {key: to_state(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return type(plain)(to_state(value) for value in plain)
    return plain


def digest_of(plain: Any) -> str:
    """Tells one state from another.

    Args:
        plain: What `to_plain` gave.

    Returns:
        A SHA-256 in hexadecimal.

    Example:
        >>> digest_of({"a": torch.zeros(2)}) == digest_of({"a": torch.zeros(2)})
        True
    """
    digest = hashlib.sha256()
    for part in _bytes_of(plain):
        digest.update(part)
    return digest.hexdigest()


def _bytes_of(plain: Any) -> Iterator[bytes]:
    if isinstance(plain, torch.Tensor):
        yield f"{plain.dtype}{list(plain.shape)}".encode()
        if plain.numel():
            yield plain.contiguous().flatten().view(torch.uint8).numpy().tobytes()
    elif isinstance(plain, dict):
        for key, value in plain.items():
            yield f"{key!r}:".encode()
            yield from _bytes_of(value)
    elif isinstance(plain, list | tuple):
        for value in plain:
            yield b","
            yield from _bytes_of(value)
    else:
        yield repr(plain).encode()


def plain_random_states() -> dict[str, Any]:
    """The global random states of torch, NumPy and Python.

    Returns:
        What `load_random_states` takes.

    Example:
        >>> sorted(plain_random_states())
        ['numpy', 'python', 'torch']
    """
    now = RandomStates.current()
    return {
        "torch": to_plain(now.torch_states),
        "numpy": to_plain(tuple(now.numpy_state)),
        "python": now.python_state,
    }


def load_random_states(plain: Mapping[str, Any]) -> None:
    """Set the global random states.

    Args:
        plain: What `plain_random_states` gave.

    Example:
        >>> states = plain_random_states()
        >>> a = torch.rand(1), np.random.rand()
        >>> load_random_states(states)
        >>> a == (torch.rand(1), np.random.rand())
        True
    """
    numpy_state, python_state = to_state(plain["numpy"]), plain["python"]
    RandomStates(dict(plain["torch"]), numpy_state, python_state).restore()


def generators_in(thing: Any) -> list[Any]:
    """The random generators that an object holds, itself or in what it is made of.

    Args:
        thing: A heuristic, say; lists, dicts and the attributes of the library's and the user's own
            objects are looked into, modules and tensors are not.

    Returns:
        `np.random.Generator`, `np.random.RandomState` and `torch.Generator` objects, each once, in
        an order that depends on the structure alone.

    Example:
        >>> from baal.active.heuristics import CombineHeuristics, Random
        >>> len(generators_in(CombineHeuristics([Random(seed=1), Random(seed=2)], [1, 1])))
        2
    """
    return list(_walk(thing, set()))


def _walk(thing: Any, seen: set[int]) -> Iterator[Any]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, np.random.Generator | np.random.RandomState | torch.Generator):
        yield thing
        return
    if isinstance(thing, torch.Tensor | np.ndarray | torch.nn.Module | type | str | bytes):
        return
    below: Any = ()
    if isinstance(thing, Mapping):
        below = thing.values()
    elif isinstance(thing, list | tuple):
        below = thing
    elif hasattr(thing, "__dict__") and not callable(getattr(thing, "__wrapped__", None)):
        below = vars(thing).values()
    for one in list(below):
        yield from _walk(one, seen)


def plain_generators(thing: Any) -> list[Any]:
    """The states of `generators_in(thing)`.

    Args:
        thing: As there.

    Returns:
        What `load_generators` takes.

    Example:
        >>> from baal.active.heuristics import Random
        >>> plain_generators(Random(seed=1))[0]["bit_generator"]
        'PCG64'
    """
    return [to_plain(_state_of(generator)) for generator in generators_in(thing)]


def load_generators(thing: Any, plain: list[Any]) -> None:
    """Set the states of `generators_in(thing)`.

    Args:
        thing: Of the same structure.
        plain: What `plain_generators` gave.

    Example:
        >>> from baal.active.heuristics import Random
        >>> first, second = Random(seed=1), Random(seed=2)
        >>> load_generators(second, plain_generators(first))
        >>> bool(first.rng.random() == second.rng.random())
        True
    """
    for generator, state in zip(generators_in(thing), plain, strict=True):
        if isinstance(generator, torch.Generator):
            generator.set_state(state)
        elif isinstance(generator, np.random.RandomState):
            generator.set_state(to_state(state))
        else:
            generator.bit_generator.state = to_state(state)


def _state_of(generator: Any) -> Any:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)
    return generator.bit_generator.state
