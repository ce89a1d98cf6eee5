"""Whether two nested structures are the same, and values that must be there."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from baal.exceptions import InvalidArgumentError

__all__ = ["assert_not_none", "deep_check"]

T = TypeVar("T")


def assert_not_none(x: T | None) -> T:
    """The value itself, for type checkers and readers known to be there.

    Args:
        x: Anything.

    Returns:
        The same object.

    Raises:
        InvalidArgumentError: It is None.

    Example:
        >>> assert_not_none(0)
        0
    """
    if x is None:
        raise InvalidArgumentError("Expected a value to be given, but got None")
    return x


def deep_check(a: Any, b: Any, *, unknown: bool = False) -> bool:
    """Whether two nested structures are the same, in every length, type and value.

    NaN equals NaN. Tensors and arrays are the same if shape, dtype and values are; where a tensor
    lies, and whether it requires gradients, is no part of that. Tensors without values (`meta`) are
    the same by shape and dtype. Keys of mappings and items of sets are compared by `==`, in no
    order.

    Args:
        a: Tensors, arrays and plain values, in mappings, sets, sequences, named tuples and
            dataclasses at any depth.
        b: The same.
        unknown: The answer for two objects of one type that define no equality; an object is
            always the same as itself.

    Returns:
        True if so. Values of two types are never the same: neither 1 and 1.0, nor a list and a
        tuple.

    Example:
        >>> deep_check({"x": [torch.ones(2), float("nan")]}, {"x": [torch.ones(2), float("nan")]})
        True
        >>> deep_check([1, 2], [1, 2, 3])
        False
    """
    if a is b or type(a) is not type(b):
        return a is b
    if isinstance(a, torch.Tensor):
        return _same_tensors(a, b)
    if isinstance(a, np.ndarray) and (a.shape, a.dtype) != (b.shape, b.dtype):
        return False
    parts, others = _parts(a), _parts(b)
    if parts is not None and others is not None:
        return parts.keys() == others.keys() and all(
            deep_check(part, others[key], unknown=unknown) for key, part in parts.items()
        )
    equality: Any = type(a).__eq__
    return unknown if equality is object.__eq__ else _same_values(a, b)


def _parts(x: Any) -> Mapping[Any, Any] | None:
    """What a structure consists of, by key, place or name; None: it is a value."""
    if isinstance(x, Mapping):
        return x
    if isinstance(x, list | tuple):
        return dict(enumerate(x))
    if isinstance(x, np.ndarray) and x.dtype == object:
        return dict(enumerate(x.ravel().tolist()))
    if is_dataclass(x) and not isinstance(x, type):
        return {field.name: getattr(x, field.name) for field in fields(x) if field.compare}
    return None


def _same_tensors(a: torch.Tensor, b: torch.Tensor) -> bool:
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return False
    if a.is_meta or b.is_meta:
        return a.is_meta and b.is_meta
    a, b = (x.detach().to_dense() if x.layout != torch.strided else x.detach() for x in (a, b))
    return _same_values(a, b.to(a.device))


def _same_values(a: Any, b: Any) -> bool:
    """Equal, where NaN equals NaN; tensors, arrays and single values alike."""
    same = (a == b) | ((a != a) & (b != b))  # noqa: PLR0124 - NaN alone differs from itself
    return bool(same.all()) if hasattr(same, "all") else bool(same)
