"""The state of a dataset as one file: NPZ with a JSON header, without pickle, written whole.

The map of labels goes in as pairs of index and step, so that the file is as large as what is
labelled: 8 bytes for each item, whatever the size of the pool.
"""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baal.exceptions import InvalidArgumentError
from baal.utils.files import replacing

__all__ = ["VERSION", "check_version", "read_snapshot", "write_snapshot"]

VERSION = 1
_FORMAT = "baal dataset snapshot"
_HEADER = "header"


def write_snapshot(path: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
    """Save a state, all of it or nothing.

    Args:
        path: The file; an old one is replaced once the new one is complete.
        state: Nested dicts with arrays, numbers, strings and lists; `labelled` is the map of
            steps `[n_items]`.

    Raises:
        OSError: It cannot be written; an old file is as it was.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_snapshot(f"{folder}/a", {"version": VERSION, "labelled": np.array([0, 3])})
        ...     read_snapshot(f"{folder}/a")["labelled"]
        array([0, 3], dtype=int32)
    """
    steps = np.asarray(state["labelled"])
    indices = np.flatnonzero(steps)
    arrays = {
        "labelled_indices": indices.astype(np.int32 if len(steps) < 2**31 else np.int64),
        "labelled_steps": steps[indices].astype(np.int32, copy=False),
    }
    rest = {key: value for key, value in state.items() if key != "labelled"}
    plain = _take_arrays(rest, arrays)
    header = {"format": _FORMAT, "n_items": len(steps), "state": plain}
    arrays[_HEADER] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with replacing(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_snapshot(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a state back.

    Args:
        path: A file that `write_snapshot` wrote.

    Returns:
        The state, as it was given; `labelled` is int32.

    Raises:
        OSError: The file is missing or cannot be read.
        InvalidArgumentError: It is no such file, is damaged, or comes from a newer version.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_snapshot(f"{folder}/a", {"labelled": np.array([0, 1]), "by": "Ada"})
        ...     sorted(read_snapshot(f"{folder}/a"))
        ['by', 'labelled']
    """
    content = io.BytesIO(Path(path).read_bytes())
    try:
        with np.load(content, allow_pickle=False) as members:
            arrays = {name: members[name] for name in members.files}
        return _to_state(arrays, str(path))
    except (InvalidArgumentError, MemoryError):
        raise
    except Exception as error:  # there is no end to what zipfile and NumPy say of garbage
        raise InvalidArgumentError(
            f"Expected `path` to be a snapshot that `save` wrote, but got {str(path)!r}, which is "
            "none or is damaged"
        ) from error


def check_version(state: Mapping[str, Any], origin: str) -> None:
    """Refuse a state that a later version of baal saved.

    Args:
        state: The state; without a version it is one of BaaL 2.1.
        origin: Where it comes from, for the message.

    Raises:
        InvalidArgumentError: It is newer than what this version knows.

    Example:
        >>> check_version({"version": VERSION}, "state_dict")
    """
    version = state.get("version", 0)
    if not isinstance(version, int) or version > VERSION:
        raise InvalidArgumentError(
            f"Expected a state of version {VERSION} or older, but got version {version} in "
            f"{origin}: a newer version of baal saved it, and is needed to load it."
        )


def _to_state(arrays: dict[str, NDArray[Any]], origin: str) -> dict[str, Any]:
    """The state from the members of a file."""
    header = json.loads(arrays.pop(_HEADER).tobytes())
    if header["format"] != _FORMAT:
        raise ValueError(header["format"])
    state: dict[str, Any] = header["state"]
    check_version(state, origin)
    steps = np.zeros(header["n_items"], dtype=np.int32)
    steps[arrays.pop("labelled_indices")] = arrays.pop("labelled_steps")
    for name, array in arrays.items():
        _put_back(state, name.split("."), array)
    return {**state, "labelled": steps}


def _take_arrays(
    state: Mapping[str, Any], arrays: dict[str, NDArray[Any]], prefix: str = ""
) -> dict[str, Any]:
    """The state without its arrays, which go into `arrays` by their dotted names."""
    plain: dict[str, Any] = {}
    for key, value in state.items():
        if isinstance(value, np.ndarray):
            arrays[prefix + key] = value
        elif isinstance(value, Mapping):
            plain[key] = _take_arrays(value, arrays, f"{prefix}{key}.")
        else:
            plain[key] = value
    return plain


def _put_back(state: dict[str, Any], path: list[str], array: NDArray[Any]) -> None:
    """Put an array to where it was."""
    for key in path[:-1]:
        state = state[key]
    state[path[-1]] = array
