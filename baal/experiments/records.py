"""Records of a run: one line of JSON a round."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from baal.exceptions import StateError
from baal.utils.files import replacing

__all__ = ["Record", "append_record", "prepare_folder", "read_records", "write_records"]

Record: TypeAlias = dict[str, Any]
"""What is written down of one round, by name."""

RESULTS = "results.jsonl"


def prepare_folder(folder: Path, *, overwrite: bool = False, results: Iterable[str] = ()) -> Path:
    """Make a folder for the results of one run, and never mix two runs in it.

    Args:
        folder: Where to; made if it is not there.
        overwrite: Remove the results of an earlier run first; other files stay.
        results: Further files that belong to a run's results, such as its plot.

    Returns:
        Path of the file that takes the records.

    Raises:
        StateError: The folder holds another run and `overwrite` is False, it is a file, or it
            cannot be written; nothing was removed then.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     prepare_folder(Path(folder, "run")).name
        'results.jsonl'
    """
    try:
        return _prepare(folder, overwrite=overwrite, names=[RESULTS, *results])
    except OSError as error:
        raise _unwritable(folder, error.strerror or str(error)) from error


def _prepare(folder: Path, *, overwrite: bool, names: list[str]) -> Path:
    if folder.exists() and not folder.is_dir():
        raise StateError(f"Expected the output folder to be a folder, but got the file {folder}.")
    old = [folder / name for name in names if (folder / name).exists()]
    if old and not overwrite:
        raise StateError(
            f"Expected an output folder without results, but got {folder}, which holds another "
            f"run ({old[0].name}): choose another folder, or pass --overwrite to replace it."
        )
    folders = [path.name for path in old if path.is_dir()]
    if folders:
        raise _unwritable(folder, f"{folders[0]} is a folder")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as probe:  # before anything is removed
        probe.write(b"?")
    for path in old:
        path.unlink()
    return folder / RESULTS


def _unwritable(folder: Path, reason: str) -> StateError:
    return StateError(f"Expected an output folder that can be written, but got {folder}: {reason}.")


def append_record(path: Path, record: Record) -> None:
    """Add one record to a file, as one line.

    Args:
        path: The file; made if it is not there.
        record: Plain values only.

    Raises:
        TypeError: A value that JSON does not have.
        ValueError: A number that JSON does not have: NaN or an infinity.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     append_record(Path(folder, "r.jsonl"), {"round": 0})
        ...     read_records(Path(folder, "r.jsonl"))
        [{'round': 0}]
    """
    line = json.dumps(record, allow_nan=False)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write all records of a run that has ended, in place of what the file had.

    Args:
        path: The file; its folder exists.
        records: Plain values only.

    Raises:
        TypeError: A value that JSON does not have; the file is as it was then.
        ValueError: A number that JSON does not have.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_records(Path(folder, "r.jsonl"), [{"round": 0}, {"round": 1}])
        ...     len(read_records(Path(folder, "r.jsonl")))
        2
    """
    lines = [json.dumps(record, allow_nan=False) + "\n" for record in records]
    with replacing(path) as file:
        file.write("".join(lines).encode())


def read_records(path: Path) -> list[Record]:
    """Read the records of a run.

    Args:
        path: A file written by `append_record`.

    Returns:
        One dict a line.

    Raises:
        FileNotFoundError: There is no such file.
        json.JSONDecodeError: A line is no JSON.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     append_record(Path(folder, "r.jsonl"), {"labels": 20})
        ...     read_records(Path(folder, "r.jsonl"))
        [{'labels': 20}]
    """
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
