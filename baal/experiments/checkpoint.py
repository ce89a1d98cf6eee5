"""The folder of a run: its configuration, its records, and all it needs to go on after a kill.

`experiment.json` says what was asked for; `initial.pt` is what training starts from;
`records.jsonl` has a line for each round; `checkpoint.pt` is the state after the last round that is
complete. All but the records are replaced whole. A record reaches the disk before the checkpoint
that counts it, so that what a kill leaves behind is at most one line too many, or a part of it,
which is cut off. `lock` is held by the process that works in the folder, and stays.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from baal.exceptions import InvalidArgumentError, StateError
from baal.experiments.configuration import differences
from baal.experiments.records import Record
from baal.utils.files import replacing
from baal.utils.locks import locked

__all__ = ["RunFolder"]

VERSION = 1


class RunFolder:
    """Reads and writes the files of one run.

    Args:
        path: The folder; made if it is not there.
        configuration: What the run is asked for, as `describe` puts it.

    Raises:
        StateError: The folder holds a run of another configuration; the message shows where they
            differ. Or it holds records of something else, or is a file.
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
        if self.path.exists() and not self.path.is_dir():
            raise StateError(f"Expected `folder` to be a folder, but got the file {self.path}")
        self._check()
        self.path.mkdir(parents=True, exist_ok=True)

    def _check(self) -> None:
        if self._asked_for.exists():
            before = json.loads(self._asked_for.read_text(encoding="utf-8"))
            found = differences(before["configuration"], self.configuration)
            if found:
                shown = "\n  ".join(found[:20])
                raise StateError(
                    f"Expected `folder` to hold this run or none, but got {self.path} with a run "
                    f"of another configuration:\n  {shown}\nChoose another folder, or remove it."
                )
        begun = self._asked_for.exists(), self._checkpoint.exists()
        if any((*begun[1:], self._records.exists())) and not all(begun):
            missing = "checkpoint.pt" if begun[0] else "experiment.json"
            raise StateError(
                f"Expected `folder` to hold this run or none, but got {self.path} with records or "
                f"a checkpoint and no {missing}: choose another folder."
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
        with replacing(self._initial) as file:
            torch.save(initial, file)
        self._n_bytes = 0
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
        self._write(state)

    def _write(self, state: dict[str, Any]) -> None:
        content = {"version": VERSION, "n_bytes": self._n_bytes, "state": state}
        with replacing(self._checkpoint) as file:
            torch.save(content, file)

    def read_initial(self) -> Any:
        """What training starts from.

        Returns:
            What `begin` was given, on the CPU.
        """
        return torch.load(self._initial, map_location="cpu", weights_only=True)

    def read(self) -> tuple[dict[str, Any], list[Record]]:
        """Where the run is; what a kill left behind is cleared away.

        Returns:
            The state of the last checkpoint, and the records of all rounds before it.

        Raises:
            InvalidArgumentError: A newer version of baal wrote it.
            StateError: Records that the checkpoint counts are missing.
        """
        content = torch.load(self._checkpoint, map_location="cpu", weights_only=True)
        if content["version"] > VERSION:
            raise InvalidArgumentError(
                f"Expected a run of version {VERSION} or older, but got version "
                f"{content['version']} in {self.path}: a newer version of baal is needed."
            )
        self._n_bytes = content["n_bytes"]
        lines = self._records.read_bytes() if self._records.exists() else b""
        if len(lines) < self._n_bytes or lines[: self._n_bytes][-1:] not in {b"", b"\n"}:
            raise StateError(
                f"Expected {self._records} to have the records that checkpoint.pt counts, but got "
                "another or a shorter file: both belong to one run, and are copied together."
            )
        if len(lines) > self._n_bytes:
            with self._records.open("r+b") as file:
                file.truncate(self._n_bytes)
        self._clear_away()
        records = [json.loads(line) for line in lines[: self._n_bytes].splitlines()]
        return content["state"], records

    def _clear_away(self) -> None:
        for left in self.path.glob(".*.tmp"):  # as `replacing` calls what it has not finished
            left.unlink(missing_ok=True)
