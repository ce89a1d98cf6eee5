"""Is a label that arrives again the same label? Digests tell, without keeping the values."""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["UNKNOWN", "value_digest", "value_digests"]

UNKNOWN = 0  # no digest: no value was given, or it is of a kind that cannot be compared


class _NoCommonFormError(Exception):
    """The value is an object that only its own class can compare."""


def value_digest(value: Any) -> int:
    """A number that equal values share.

    Numbers are equal as in Python, whatever their type, and NaN equals NaN; so are strings,
    sequences, mappings, and arrays or tensors of the same shape and values.

    Args:
        value: A label.

    Returns:
        64 bits, not 0; or `UNKNOWN`, that is 0, for an object of any other kind.

    Example:
        >>> value_digest(1) == value_digest(np.int64(1)) == value_digest(1.0)
        True
        >>> value_digest([1, 2]) == value_digest([2, 1]), value_digest(object())
        (False, 0)
    """
    try:
        form = _form(value)
    except _NoCommonFormError:
        return UNKNOWN
    digest = hashlib.blake2b(form, digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def value_digests(values: list[Any] | None, n: int) -> NDArray[np.uint64]:
    """Digests of several values.

    Args:
        values: `n` labels, or None: none were given.
        n: How many.

    Returns:
        Digests `[n]`.

    Example:
        >>> value_digests(None, 2)
        array([0, 0], dtype=uint64)
    """
    if values is None:
        return np.zeros(n, dtype=np.uint64)
    known: dict[int | str, int] = {}  # classes come again and again
    digests = np.empty(n, dtype=np.uint64)
    for place, value in enumerate(values):
        if type(value) is int or type(value) is str:
            digest = known.get(value)
            if digest is None:
                digest = known[value] = value_digest(value)
        else:
            digest = value_digest(value)
        digests[place] = digest
    return digests


def _form(value: Any) -> bytes:
    """Bytes that equal values share, and different ones do not."""
    if hasattr(value, "detach"):  # torch, known by its duck typing only
        try:
            value = value.detach().cpu().numpy()
        except TypeError:  # bfloat16, sparse tensors: NumPy has none
            raise _NoCommonFormError from None
    if isinstance(value, np.ndarray) and value.ndim:
        return _form_of_array(value)
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.item()
    if isinstance(value, str):
        return _tagged(b"s", value.encode("utf-8", "surrogatepass"))
    if isinstance(value, bytes):
        return _tagged(b"b", value)
    if isinstance(value, (int, float)):
        whole = not isinstance(value, float) or (math.isfinite(value) and value.is_integer())
        return _tagged(b"n", repr(int(value) if whole else value).encode())
    if value is None:
        return b"0"
    return _form_of_container(value)


def _form_of_container(value: Any) -> bytes:
    if isinstance(value, (list, tuple)):
        return _tagged(b"l", b"".join(map(_form, value)))
    if isinstance(value, Mapping):
        return _tagged(b"m", b"".join(sorted(_form(pair) for pair in value.items())))
    raise _NoCommonFormError


def _form_of_array(array: NDArray[Any]) -> bytes:
    """Shape and values; integers of any width alike, floats of any width alike."""
    if array.dtype.kind in "biu":
        if (array > np.iinfo(np.int64).max).any():  # would come out negative
            return _tagged(b"a", _form([array.shape, "u", array.astype(np.uint64).tobytes()]))
        array = array.astype(np.int64)
    elif array.dtype.kind == "f":
        array = array.astype(np.float64) + 0.0  # -0.0 equals 0.0
        array[np.isnan(array)] = np.nan  # of which there are many
    else:
        return _tagged(b"a", _form(array.tolist()))
    return _tagged(b"a", _form([array.shape, array.dtype.kind, array.tobytes()]))


def _tagged(tag: bytes, content: bytes) -> bytes:
    """With its kind and length, so that no two values can run into each other."""
    return tag + len(content).to_bytes(8, "little") + content
