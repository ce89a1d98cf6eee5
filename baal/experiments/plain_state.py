"""The state of a run as plain data that `torch.load(weights_only=True)` reads, and back."""

import functools
import hashlib
import random
import types
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from baal.exceptions import InvalidTypeError
from baal.utils.frames import level_outside_baal
from baal.utils.random_states import RandomStates

__all__ = [
    "GENERATORS",
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
_VALUES = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device)
# Kinds of random generators that have a state.
GENERATORS = (np.random.Generator, np.random.RandomState, torch.Generator, random.Random)
_DATA = (torch.Tensor, np.ndarray, np.generic, *_VALUES)
# Passed over at once: a dataset may hold millions of them, and they are walked over each round.
_LEAVES = frozenset({torch.Tensor, np.ndarray, *_VALUES})
_PLAIN = frozenset(_VALUES)
_COLLECTIONS = frozenset({dict, list, tuple})
_MOST = 10_000  # a collection of more than that is data
_DEEPEST = 50


def to_plain(state: Any) -> Any:  # noqa: PLR0911 - a table of kinds
    """Copies of tensors and arrays on the CPU, as tensors; other plain data as it is.

    Args:
        state: Tensors, arrays, numbers, strings and None, in dicts, lists and tuples.

    Returns:
        The same structure, which shares no memory with `state`.

    Raises:
        InvalidTypeError: It holds something else, which could be saved and not be read again.

    Example:
        >>> to_plain({"a": [np.int64(3), None]})
        {'a': [3, None]}
    """
    if isinstance(state, torch.Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, np.ndarray):
        if state.dtype.kind not in "biufc":
            raise InvalidTypeError(f"Expected an array of numbers in a state, but got {state!r}")
        # By the name of its type: NumPy has several of one kind, of which torch knows one. A copy.
        return {_ARRAY: torch.from_numpy(state.astype(state.dtype.str))}
    if isinstance(state, np.generic):
        return state.item()
    if isinstance(state, Counter):
        return {_COUNTER: dict(state)}
    if isinstance(state, Mapping):
        return {key: to_plain(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        # Lists and tuples of one's own, named tuples among them, would be read as code.
        return (list if isinstance(state, list) else tuple)(map(to_plain, state))
    if type(state) in _VALUES:
        return state
    raise InvalidTypeError(
        "Expected a state of tensors, arrays, numbers, strings and None, in dicts, lists and "
        f"tuples, but got a {type(state).__name__} in it: {state!r}"
    )


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
    elif isinstance(plain, list | tuple) and plain and _PLAIN.issuperset(map(type, plain)):
        yield f",{','.join(map(repr, plain))}".encode()  # at once, as below: random states are long
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
        thing: A heuristic, say. Lists, dicts, partial functions, modules and the attributes of the
            library's and the user's own objects are looked into; collections of more than 10,000
            things are not.

    Returns:
        Objects of the kinds in `GENERATORS`, each once, in an order that depends on the structure
        alone.

    Example:
        >>> from baal.active.heuristics import CombineHeuristics, Random
        >>> len(generators_in(CombineHeuristics([Random(seed=1), Random(seed=2)], [1, 1])))
        2
    """
    return list(_walk(thing, set(), 0))


def _walk(thing: Any, seen: set[int], depth: int) -> Iterator[Any]:
    if id(thing) in seen or depth > _DEEPEST:
        return
    seen.add(id(thing))
    if type(thing) not in _COLLECTIONS:
        if isinstance(thing, (*_DATA, random.SystemRandom)):  # the last has no state
            return
        if isinstance(thing, GENERATORS):
            yield thing
            return
    for one in _parts(thing):
        if type(one) not in _LEAVES:
            yield from _walk(one, seen, depth + 1)


def _parts(thing: Any) -> list[Any]:  # noqa: PLR0911 - a table of kinds
    """What an object is made of."""
    kind = type(thing)
    if kind in _COLLECTIONS:  # asked first, since these are the many
        return [] if len(thing) > _MOST else list(thing.values() if kind is dict else thing)
    if isinstance(thing, type | types.ModuleType):  # shared by all, and nobody's state
        return []
    if isinstance(thing, Mapping | list | tuple):
        if len(thing) > _MOST:
            return []
        return list(thing.values()) if isinstance(thing, Mapping) else list(thing)
    if isinstance(thing, functools.partial):
        return [thing.func, thing.args, thing.keywords]
    if isinstance(thing, types.MethodType):
        return [thing.__self__]
    return list(vars(thing).values()) if hasattr(thing, "__dict__") else []


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

    Warns:
        UserWarning: It holds more or fewer of them, one that is made only when it is first used,
            say; none is set then.

    Example:
        >>> from baal.active.heuristics import Random
        >>> first, second = Random(seed=1), Random(seed=2)
        >>> load_generators(second, plain_generators(first))
        >>> bool(first.rng.random() == second.rng.random())
        True
    """
    found = generators_in(thing)
    if len(found) != len(plain):
        warnings.warn(
            f"{len(plain)} random generators of {type(thing).__name__} were saved, and there are "
            f"{len(found)} now, so that none is set, and a run that goes on may differ from one "
            "that was never killed. Make generators when an object is built, not when it is used.",
            UserWarning,
            stacklevel=level_outside_baal(),
        )
        return
    for generator, state in zip(found, plain, strict=True):
        if isinstance(generator, random.Random):
            generator.setstate(state)
        elif isinstance(generator, torch.Generator):
            generator.set_state(state)
        elif isinstance(generator, np.random.RandomState):
            generator.set_state(to_state(state))
        else:
            generator.bit_generator.state = to_state(state)


def _state_of(generator: Any) -> Any:
    if isinstance(generator, random.Random):
        return generator.getstate()
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)
    return generator.bit_generator.state
