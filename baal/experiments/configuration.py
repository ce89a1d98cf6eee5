"""What a run was asked for, in words: to tell whether a folder belongs to another run."""

import enum
import functools
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from baal.experiments.plain_state import GENERATORS

__all__ = ["describe", "differences"]

_DEPTH = 6
_SETTINGS = (bool, int, float, str)
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def describe(thing: Any, depth: int = _DEPTH) -> Any:
    """Put a value into JSON: what it is and how it is set, not where it lies in memory.

    Args:
        thing: Numbers, strings and collections are taken as they are; a module by its layers and
            their settings, an optimizer by its settings, an array by a digest, a dataset by its
            length, a function by its name, and any other object by its class and its public
            attributes, or by its text if it has none.
        depth: How far down attributes of attributes are looked at.

    Returns:
        Dicts, lists, strings, numbers, booleans and None.

    Example:
        >>> from baal.active.heuristics import Entropy
        >>> describe(Entropy(mode="logits"))["mode"]
        'logits'
    """
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    if isinstance(thing, np.generic):
        return thing.item()
    if isinstance(thing, torch.dtype | torch.device | enum.Enum | bytes):
        return str(thing)
    if isinstance(thing, torch.Tensor | np.ndarray):
        return _describe_array(thing)
    if isinstance(thing, Mapping | list | tuple | set | frozenset):
        return _describe_collection(thing, depth)
    return _describe_object(thing, depth)


def _describe_collection(thing: Any, depth: int) -> Any:
    if depth < 0:  # it may hold itself
        return f"{type(thing).__name__} of {len(thing)}"
    if isinstance(thing, Mapping):
        return {_text(key): describe(value, depth - 1) for key, value in thing.items()}
    values = [describe(value, depth - 1) for value in thing]
    # In an order of their own: that of a set of strings is another in each process.
    return values if isinstance(thing, list | tuple) else sorted(values, key=json.dumps)


def _text(thing: Any) -> str:
    """Its text, without where it lies in memory."""
    return _ADDRESS.sub("", str(thing))


def _describe_array(array: Any) -> Any:
    if isinstance(array, torch.Tensor):
        values = array.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
    elif array.dtype.hasobject:  # its bytes are addresses
        return describe(array.tolist())
    else:
        values = array
    content = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:12]
    return f"{array.dtype}{list(array.shape)} {content}"


def _describe_object(thing: Any, depth: int) -> Any:  # noqa: PLR0911 - a table of kinds
    if isinstance(thing, functools.partial):
        arguments = [thing.args, thing.keywords]
        return {"partial": describe(thing.func, depth - 1), "args": describe(arguments, depth)}
    if callable(thing) and hasattr(thing, "__qualname__"):
        return f"{thing.__module__}.{thing.__qualname__}"
    name = type(thing).__qualname__
    if isinstance(thing, torch.nn.Module):
        return _describe_module(thing)
    if isinstance(thing, torch.optim.Optimizer):
        # What the groups hold beside parameters, such as learning rates of their own.
        groups = [{k: v for k, v in g.items() if k != "params"} for g in thing.param_groups]
        return {"class": name, "groups": describe(groups, depth - 1)}
    if hasattr(thing, "n_unlabelled"):  # its length is that of what is labelled by now
        return {"class": name, "items": len(thing.labelled)}
    if hasattr(thing, "__getitem__") and hasattr(thing, "__len__"):
        return {"class": name, "items": len(thing)}
    if not hasattr(thing, "__dict__"):  # a path, a date
        return {"class": name, "text": _text(thing)}
    described: dict[str, Any] = {"class": name}
    if depth > 0:
        described |= {
            key: describe(value, depth - 1)
            for key, value in sorted(vars(thing).items())
            if not key.startswith("_") and not isinstance(value, GENERATORS)
        }
    return described


def _describe_module(module: torch.nn.Module) -> dict[str, Any]:
    """Its layers, and what their text leaves out: settings, as of a loss, and classes by home."""
    settings = {
        f"{name}.{key}" if name else key: value
        for name, layer in module.named_modules()
        for key, value in sorted(vars(layer).items())
        if not key.startswith("_") and key != "training" and isinstance(value, _SETTINGS)
    }
    # A layer may have the name of the one that it replaces, such as baal's own dropout.
    classes = {
        name: f"{type(layer).__module__}.{type(layer).__qualname__}"
        for name, layer in module.named_modules()
    }
    return {"layers": _text(repr(module)).splitlines(), "settings": settings, "classes": classes}


def differences(before: Any, now: Any) -> list[str]:
    """Where two descriptions differ.

    Args:
        before: What `describe` gave.
        now: What it gives now.

    Returns:
        One line for each place.

    Example:
        >>> differences({"a": 1, "b": [2, 3]}, {"a": 1, "b": [2, 4]})
        ['b[1]: 3 before, 4 now']
    """
    old, new = (json.loads(json.dumps(value)) for value in (before, now))
    return [f"{where}: {a} before, {b} now" for where, a, b in _compare(old, new, "") if a != b]


def _compare(old: Any, new: Any, where: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            inner = f"{where}.{key}" if where else key
            yield from _compare(old.get(key, _Missing), new.get(key, _Missing), inner)
    elif _is_list(old) and _is_list(new) and len(old) == len(new):
        for number, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from _compare(a, b, f"{where}[{number}]")
    else:
        yield where, _shown(old), _shown(new)


class _Missing:
    """Stands for a key that is not there."""


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _shown(value: Any) -> str:
    return "nothing" if value is _Missing else json.dumps(value)
