"""Locks on files that the operating system releases by itself, whatever a process dies of."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from baal.exceptions import StateError

__all__ = ["locked"]

# What this process holds, by its id and the file's real path. `dict.setdefault` is one step for
# all threads; a threading.Lock would be copied by a fork in whatever state it is just then. The id
# is part of the key since a forked child has a copy of this, and none of the locks.
_held: dict[tuple[int, str], object] = {}
# Windows has locks of bytes, and whoever locks one keeps others from reading it: one far behind
# the text is taken.
_BYTE = 1 << 20


@contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a lock that one thread of one process has at a time, on this machine or a shared disk.

    It ends with the block, and with the process: after SIGKILL or a power cut nothing is left to be
    cleared away. Children of the process do not hold it, neither with it nor after it. The file
    stays where it is, and says the id of the process that holds it; it is for this use alone, since
    on Linux and macOS the lock ends when its process closes the file in another place.

    Args:
        path: The file; made if it is not there. Its folder exists.

    Yields:
        Nothing.

    Raises:
        StateError: Somebody holds it; the message names the process if it is known.
        OSError: The file cannot be made or written, or its disk has no locks.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with locked(Path(folder, "lock")):
        ...         try:
        ...             with locked(Path(folder, "lock")):
        ...                 print("never")
        ...         except StateError as error:
        ...             print(str(error).split(folder)[0].strip())
        Expected a lock that is free, but got one that this process holds:
    """
    owner = os.getpid()
    key = owner, os.path.realpath(path)
    mine = object()
    try:
        # Asked first: opening and closing the file once more would end the lock that is held.
        if _held.setdefault(key, mine) is not mine:
            raise _taken(path, "this process")
        with _open(path) as file:
            if not _lock(file):
                raise _taken(path, _holder(file))
            _write(file, f"{owner}\n")
            try:
                yield
            finally:
                if os.getpid() == owner:  # and not a child, forked in the block, that leaves it
                    _write(file, "")
                    _unlock(file)
    finally:
        if _held.get(key) is mine:
            del _held[key]


def _open(path: str | os.PathLike[str]) -> BinaryIO:
    """The file, to read and to write, with what it holds; made if it is not there."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    return os.fdopen(descriptor, "r+b", buffering=0)


def _write(file: BinaryIO, text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text.encode())


def _holder(file: BinaryIO) -> str:
    """Who holds it, as far as the file says: for a moment it may say nothing."""
    text = file.read(20).strip()
    return f"process {int(text)}" if text.isdigit() else "another process"


def _taken(path: str | os.PathLike[str], by: str) -> StateError:
    return StateError(
        f"Expected a lock that is free, but got one that {by} holds: {os.fspath(path)}. Two at a "
        "time cannot work there."
    )


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> bool:
        file.seek(_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EDEADLK}:
                file.seek(0)
                return False
            raise
        return True

    def _unlock(file: BinaryIO) -> None:
        file.seek(_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    # `lockf`, not `flock`: a lock by `flock` is shared with forked children and lasts until the
    # last of them has closed the file. Workers of a DataLoader outlive a parent that was killed by
    # some seconds, and a run could not be started again meanwhile. A lock by `lockf` is the
    # process's own and is gone with it.
    def _lock(file: BinaryIO) -> bool:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EAGAIN}:
                return False
            raise
        return True

    def _unlock(file: BinaryIO) -> None:
        fcntl.lockf(file, fcntl.LOCK_UN)
