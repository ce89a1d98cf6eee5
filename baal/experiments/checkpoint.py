"""The folder of a run: its configuration, its records, and all it needs to go on after a kill.

`experiment.json` says what was asked for; `initial.pt` is what training starts from;
`records.jsonl` has a line for each round; `checkpoint.pt` is the state after the last round that is
complete. All but the records are replaced whole. A record reaches the disk before the checkpoint
that counts it, so that what a kill leaves behind is at most one line too many, or a part of it,
which is cut off. The checkpoint has digests of itself, of the records and of `initial.pt`, so that
files that are damaged or of two runs are noticed. `lock` is held by the process that works in the
folder, and stays.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from baal.exceptions import InvalidArgumentError, StateError
from baal.experiments.configuration import differences
from baal.experiments.plain_state import digest_of
from baal.experiments.records import Record
from baal.utils.files import replacing
from baal.utils.locks import locked

__all__ = ["RunFolder"]

VERSION = 2  # 1 had no digests, and did not know the classes of layers


class RunFolder:
    """Reads and writes the files of one run.

    Args:
        path: The folder; made if it is not there.
        configuration: What the run is asked for, as `describe` puts it.

    Raises:
        StateError: The folder holds a run of another configuration; the message shows where they
            differ. Or it holds records of something else, lacks a file, or is one.
        OSError: It cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as path:
        ...     folder = RunFolder(Path(path, "run"), {"query_size": 10})
        ...     folder.begin({"weights": torch.zeros(2)}, {"round": 0})
        ...     folder.append({"round": 0}, {"round": 1})
        ...     RunFolder(Path(path, "run"), {"query_size": 10}).read()
        ({'round': 1}, [{'round': 0}])
    """

    def __init__(self, path: str | os.PathLike[str], configuration: dict[str, Any]) -> None:
        self.path = Path(path)
        self.configuration = configuration
        self._checkpoint = self.path / "checkpoint.pt"
        self._initial = self.path / "initial.pt"
        self._records = self.path / "records.jsonl"
        self._asked_for = self.path / "experiment.json"
        self._lock = self.path / "lock"
        self._n_bytes = 0  # of the records that the last checkpoint counts
        self._digest = hashlib.sha256()  # of those bytes
        self._digest_of_initial: str | None = None
        if self.path.exists() and not self.path.is_dir():
            raise StateError(f"Expected `folder` to be a folder, but got the file {self.path}")
        self._check()
        self.path.mkdir(parents=True, exist_ok=True)

    def _check(self) -> None:
        parts = (self._asked_for, self._initial, self._checkpoint)
        missing = [path.name for path in parts if not path.exists()]
        if (self._checkpoint.exists() or self._records.exists()) and missing:
            raise StateError(
                f"Expected `folder` to hold this run or none, but got {self.path} with records or "
                f"a checkpoint and no {missing[0]}: choose another folder."
            )
        if not self._asked_for.exists():
            return
        try:
            content = json.loads(self._asked_for.read_bytes())
            version, before = content["version"], content["configuration"]
        except (ValueError, TypeError, KeyError):
            raise _damaged(self._asked_for) from None
        found = differences(before, self.configuration)
        if version == 1:
            found = [line for line in found if ".classes" not in line.split(":")[0]]
        if found:
            shown = "\n  ".join(found[:20])
            raise StateError(
                f"Expected `folder` to hold this run or none, but got {self.path} with a run "
                f"of another configuration:\n  {shown}\nChoose another folder, or remove it."
            )

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Keep every other process and thread from working in the folder meanwhile.

        Yields:
            Nothing.

        Raises:
            StateError: Somebody works in it, or a run of another configuration has begun in it
                since this was made.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with locked(self._lock):
            self._check()
            yield

    @property
    def has_begun(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return self._checkpoint.exists()

    def begin(self, initial: Any, state: dict[str, Any]) -> None:
        """Write down what a run starts from.

        Args:
            initial: What training starts from, in each round.
            state: Where the run is before its first round.
        """
        content = {"version": VERSION, "configuration": self.configuration}
        self._clear_away()
        with replacing(self._asked_for) as file:
            file.write(json.dumps(content, indent=1).encode())
        _save(self._initial, initial)
        self._n_bytes, self._digest = 0, hashlib.sha256()
        self._digest_of_initial = digest_of(initial)
        self._write(state)

    def append(self, record: Record, state: dict[str, Any]) -> None:
        """Add the record of a round, and the state after it.

        Args:
            record: Plain values only.
            state: All that the next round depends on.
        """
        line = json.dumps(record, allow_nan=False).encode() + b"\n"
        with self._records.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._n_bytes += len(line)
        self._digest.update(line)
        self._write(state)

    def _write(self, state: dict[str, Any]) -> None:
        content = {
            "version": VERSION,
            "n_bytes": self._n_bytes,
            "records": self._digest.hexdigest(),
            "initial": self._digest_of_initial,
            "state": state,
        }
        _save(self._checkpoint, {**content, "digest": digest_of(content)})

    def read_initial(self) -> Any:
        """What training starts from.

        Returns:
            What `begin` was given, on the CPU.

        Raises:
            StateError: The file is damaged, or is not the one that the checkpoint was written with.
        """
        initial = _load(self._initial)
        if self._digest_of_initial not in {None, digest_of(initial)}:
            raise _damaged(self._initial)
        return initial

    def read(self) -> tuple[dict[str, Any], list[Record]]:
        """Where the run is; what a kill left behind is cleared away.

        Returns:
            The state of the last checkpoint, and the records of all rounds before it.

        Raises:
            InvalidArgumentError: A newer version of baal wrote it.
            StateError: A file is damaged, or the records are not those that the checkpoint counts.
        """
        content = _load(self._checkpoint)
        if not isinstance(content, dict) or "version" not in content:
            raise _damaged(self._checkpoint)
        if content["version"] > VERSION:
            raise InvalidArgumentError(
                f"Expected a run of version {VERSION} or older, but got version "
                f"{content['version']} in {self.path}: a newer version of baal is needed."
            )
        if content.pop("digest", None) != digest_of(content) and content["version"] > 1:
            raise _damaged(self._checkpoint)
        n_bytes = content["n_bytes"]
        lines = self._records.read_bytes() if self._records.exists() else b""
        counted = lines[:n_bytes]
        digest = hashlib.sha256(counted)
        known = content.get("records", digest.hexdigest())
        if len(counted) < n_bytes or known != digest.hexdigest():
            raise StateError(
                f"Expected {self._records} to have the records that checkpoint.pt counts, but got "
                "others, or fewer: both belong to one run, and are copied together."
            )
        if len(lines) > n_bytes:
            with self._records.open("r+b") as file:
                file.truncate(n_bytes)
        self._clear_away()
        self._n_bytes, self._digest = n_bytes, digest
        self._digest_of_initial = content.get("initial")
        return content["state"], [json.loads(line) for line in counted.splitlines()]

    def _clear_away(self) -> None:
        for left in self.path.glob(".*.tmp"):  # as `replacing` calls what it has not finished
            left.unlink(missing_ok=True)


def _save(path: Path, content: Any) -> None:
    with replacing(path) as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            # Where the disk is full, torch covers what the system said with what it says itself.
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def _load(path: Path) -> Any:
    with path.open("rb") as file:
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        except Exception:  # noqa: BLE001 - torch has an error of another kind for each damage
            raise _damaged(path) from None


def _damaged(path: Path) -> StateError:
    return StateError(
        f"Expected {path} to be as this run wrote it, but got a file that is damaged or of another "
        "run: put back a copy of the whole folder, or remove it to begin anew."
    )
