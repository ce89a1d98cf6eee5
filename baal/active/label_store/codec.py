"""Values as JSON, with what JSON lacks under names that begin with `$`, and arrays in an NPZ blob.

| value | JSON |
|---|---|
| None, bool, int, finite float, str, list, dict with str keys | itself |
| tuple | `{"$tuple": [...]}` |
| bytes | `{"$bytes": "base64"}` |
| NaN, infinity | `{"$float": "nan"}`, `"inf"`, `"-inf"` |
| NumPy scalar (bool, integers, floats up to 64 bits, str, bytes) | `{"$numpy": ["int64", 7]}` |
| dict with other keys, or keys that begin with `$` | `{"$dict": [[key, value], ...]}` |
| str with half a surrogate pair | `{"$str": "base64 of UTF-8, surrogatepass"}` |
| array of booleans, numbers, strings, bytes or times | `{"$array": "a0"}`, a member of the blob |
| torch tensor on the CPU without gradient | `{"$tensor": "a0"}`, likewise |

Whatever else there is, a subclass of these too, is refused: it would come back as something else.
"""

import base64
import io
import json
import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["decode_value", "encode_value", "strict_json"]

_PLAIN = (bool, int, type(None))
_ARRAYS = "biufcSUMm"  # kinds of dtypes that NPZ keeps without pickle


def encode_value(value: Any) -> tuple[str, bytes | None]:
    """A value as text, and its arrays as an NPZ blob.

    Args:
        value: A label.

    Returns:
        JSON, and NPZ or None.

    Raises:
        InvalidTypeError: It, or something in it, cannot be kept exactly.

    Example:
        >>> encode_value("cat"), encode_value((1, b"a"))
        (('"cat"', None), ('{"$tuple": [1, {"$bytes": "YQ=="}]}', None))
        >>> encode_value(np.array([1, 2]))[0]
        '{"$array": "a0"}'
    """
    kind = type(value)
    if kind is int and -(2**63) <= value < 2**63:
        return str(value), None
    arrays: dict[str, NDArray[Any]] = {}
    try:
        text = json.dumps(_to_json(value, arrays), ensure_ascii=False, allow_nan=False)
    except RecursionError:
        raise InvalidTypeError(
            "Expected `value` to be of finite depth, but got one that is nested too deeply"
        ) from None
    except ValueError as error:  # an integer of more digits than Python likes to print
        raise InvalidTypeError(f"Expected `value` to fit into JSON, but got {error}") from None
    if not arrays:
        return text, None
    blob = io.BytesIO()
    np.savez_compressed(blob, **arrays)  # type: ignore[arg-type]
    return text, blob.getvalue()


def decode_value(text: str, blob: bytes | None = None) -> Any:
    """The value that `encode_value` was given.

    Args:
        text: JSON.
        blob: NPZ, if there is any.

    Returns:
        A value equal to it, of the same type.

    Raises:
        InvalidArgumentError: They are not such a text and blob.

    Example:
        >>> decode_value('{"$tuple": [1, {"$bytes": "YQ=="}]}')
        (1, b'a')
    """
    try:
        plain = _DECODER.decode(text)
        if type(plain) in _PLAIN:
            return plain
        if blob is None:
            return _from_json(plain, {})
        with np.load(io.BytesIO(blob), allow_pickle=False) as members:
            return _from_json(plain, {name: members[name] for name in members.files})
    except ImportError:
        raise
    except Exception as error:  # there is no end to what zipfile and NumPy say of garbage
        raise InvalidArgumentError(
            f"Expected a value in the form that the store writes, but got {text[:80]!r}"
        ) from error


def strict_json(text: str) -> Any:
    """Parse JSON, without the NaN and Infinity that Python adds to it.

    Args:
        text: JSON.

    Returns:
        What it says.

    Raises:
        ValueError: It is none.

    Example:
        >>> strict_json("[1, null]")
        [1, None]
    """
    return _DECODER.decode(text)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"Expected JSON, but got {name}")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _to_json(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """A value in JSON's own types; arrays go into `arrays`."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind in {list, tuple}:
        items = [_to_json(one, arrays) for one in value]
        return items if kind is list else {"$tuple": items}
    if kind is dict:
        if all(type(k) is str and k[:1] != "$" and _is_unicode(k) for k in value):
            return {key: _to_json(one, arrays) for key, one in value.items()}
        pairs = value.items()
        return {"$dict": [[_to_json(k, arrays), _to_json(one, arrays)] for k, one in pairs]}
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    return _to_json_from_text(value, arrays)


def _to_json_from_text(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    if type(value) is str:
        text = value.encode("utf-8", "surrogatepass")
        return value if _is_unicode(value) else {"$str": _base64(text)}
    if type(value) is bytes:
        return {"$bytes": _base64(value)}
    return _to_json_from_numpy(value, arrays)


def _to_json_from_numpy(value: Any, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    kind = type(value)
    if kind is np.str_:  # whose own `str` drops NULs at the end
        return {"$numpy": ["str", _to_json(str.__str__(value), arrays)]}
    if kind is np.bytes_:
        return {"$numpy": ["bytes", _to_json(bytes(value), arrays)]}
    if isinstance(value, np.generic) and value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
        return {"$numpy": [value.dtype.name, _to_json(value.item(), arrays)]}
    if kind is np.ndarray and value.dtype.kind in _ARRAYS:
        return {"$array": _add(value, arrays)}
    if kind.__module__ == "torch" and kind.__name__ == "Tensor":
        try:
            # Refuses what NumPy lacks (bfloat16, sparse), a gradient, and other devices.
            return {"$tensor": _add(value.numpy(), arrays)}
        except (TypeError, RuntimeError) as error:
            raise InvalidTypeError(
                f"Expected `value` to be something that can be kept exactly, but got a tensor: "
                f"{error}"
            ) from None
    raise InvalidTypeError(
        "Expected `value` to be something that can be kept exactly (numbers, strings, bytes, "
        "lists, tuples, dicts, arrays), but got "
        f"{repr(value)[:80]} of type {kind.__module__}.{kind.__qualname__}"
    )


def _add(array: NDArray[Any], arrays: dict[str, NDArray[Any]]) -> str:
    name = f"a{len(arrays)}"
    arrays[name] = array
    return name


def _from_json(plain: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """The value back from JSON's own types."""
    if type(plain) is list:
        return [_from_json(one, arrays) for one in plain]
    if type(plain) is not dict:
        return plain
    tag = next(iter(plain), "")
    if tag[:1] != "$":
        return {key: _from_json(one, arrays) for key, one in plain.items()}
    (content,) = plain.values()
    return _from_tag(tag, content, arrays)


def _from_tag(tag: str, content: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    if tag == "$tuple":
        return tuple(_from_json(one, arrays) for one in content)
    if tag == "$dict":
        return {_from_json(k, arrays): _from_json(one, arrays) for k, one in content}
    if tag == "$numpy":
        name, item = content
        return np.dtype(name).type(_from_json(item, arrays))
    if tag == "$tensor":
        import torch  # needed by those alone who have given tensors

        return torch.from_numpy(arrays[content])
    simple: dict[str, Callable[[Any], Any]] = {
        "$float": float,
        "$bytes": _from_base64,
        "$str": lambda one: _from_base64(one).decode("utf-8", "surrogatepass"),
        "$array": arrays.__getitem__,
    }
    return simple[tag](content)


def _is_unicode(text: str) -> bool:
    """Whether it has no half of a surrogate pair, as names of files with odd bytes do."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
