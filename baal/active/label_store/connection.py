"""A connection to the file of a label store: opened anew in each process, with clear errors."""

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from baal.active.label_store.schema import migrate, version_of
from baal.exceptions import InvalidArgumentError, LabelStoreError

__all__ = ["Database"]

_PAUSE = 0.005  # seconds
_HEADER = b"SQLite format 3\0"


class Database:
    """An SQLite file: write-ahead log, each commit on the disk before it returns.

    Args:
        path: The file; made where there is none.
        timeout: Seconds to wait for another process that is writing.

    Raises:
        InvalidArgumentError: The file is no label store, or a newer one.
        LabelStoreError: It cannot be opened.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> database = Database(Path(folder.name, "labels.db"), timeout=1)
        >>> database.execute("PRAGMA journal_mode").fetchone()
        ('wal',)
        >>> database.close(); folder.cleanup()
    """

    def __init__(self, path: Path, timeout: float) -> None:
        self.path = path.resolve()
        self.timeout = timeout
        self._connection: sqlite3.Connection | None = None
        self._set_up()
        _check_kind(self.path)
        self._open("rwc")

    def _set_up(self) -> None:
        self.lock = threading.RLock()
        self._depth = 0  # of `writing`
        self._undo: list[Callable[[], None]] = []
        self._inode = 0  # of the file that was opened first
        _LIVE.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self.path, self.timeout)

    def __del__(self) -> None:
        if hasattr(self, "_connection"):
            self.close()

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self, mode: str) -> sqlite3.Connection:
        with self._clear_errors("be opened"):
            connection = sqlite3.connect(
                f"{self.path.as_uri()}?mode={mode}",
                timeout=self.timeout,
                isolation_level=None,  # transactions begin where this module says so
                check_same_thread=False,  # the lock sees to it
                uri=True,
            )
            try:
                version_of(connection, str(self.path))  # before anything is written
                self._use_wal(connection)
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA fullfsync = ON")  # macOS: through the disk's own cache
                migrate(connection, str(self.path))
                self._inode = self._inode or self.path.stat().st_ino
            except BaseException:
                connection.close()
                raise
        self._connection = connection
        return connection

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """Two processes at once: one is told that the file is locked, without a wait."""
        end = time.monotonic() + self.timeout
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
            time.sleep(_PAUSE)

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        """Run one statement.

        Args:
            sql: The statement.
            parameters: Its parameters.

        Returns:
            A cursor over its rows.

        Raises:
            LabelStoreError: SQLite has an objection.
        """
        with self._clear_errors("be read and written"):
            return (self._connection or self._open("rw")).execute(sql, parameters)

    def insert(self, sql: str, rows: Any) -> None:
        """Run one statement for each of several rows.

        Args:
            sql: The statement.
            rows: Parameters.

        Raises:
            LabelStoreError: SQLite has an objection.
        """
        with self._clear_errors("be written"):
            (self._connection or self._open("rw")).executemany(sql, rows)

    @contextmanager
    def writing(self) -> Iterator[bool]:
        """A transaction with the right to write: on the disk when it ends, or never was.

        Within another one it is a part of that, of which nothing is left if it fails, whatever
        becomes of the rest. Yields whether it is the outermost.

        Raises:
            LabelStoreError: Another process keeps the right for too long, the disk is full, or
                the file was taken away.
        """
        with self.lock:
            outermost, mark = self._depth == 0, len(self._undo)
            try:
                self._depth += 1
                self.execute("BEGIN IMMEDIATE" if outermost else "SAVEPOINT inner")
                if outermost:
                    self._check_file()
                yield outermost
                self.execute("COMMIT" if outermost else "RELEASE inner")
            except BaseException:
                # Ctrl-C right after BEGIN too: what is left open would swallow the next call.
                with suppress(LabelStoreError):  # some errors have rolled it back already
                    self.execute("ROLLBACK" if outermost else "ROLLBACK TO inner")
                while len(self._undo) > mark:
                    self._undo.pop()()
                raise
            finally:
                self._depth -= 1
                if outermost:
                    self._undo.clear()

    def on_rollback(self, undo: Callable[[], None]) -> None:
        """Have memory follow, inside of `writing`; elsewhere there is nothing to follow.

        Args:
            undo: Called if what is written now is not kept, the last one first.
        """
        if self._depth:
            self._undo.append(undo)

    def _check_file(self) -> None:
        """What goes into a file that was deleted or replaced is on no disk tomorrow."""
        try:
            same = self.path.stat().st_ino == self._inode
        except OSError:
            same = False
        if not same:
            raise LabelStoreError(
                f"Expected the label store {str(self.path)!r} to stay where it is, but got a file "
                "that was moved, deleted or replaced: make the dataset anew"
            )

    @contextmanager
    def _clear_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            hint = ""
            if "locked" in str(error):
                hint = f": another process has been writing for more than {self.timeout} seconds"
            raise LabelStoreError(
                f"Expected the label store {str(self.path)!r} to {what}, but got "
                f"{str(error)!r}{hint}"
            ) from error


def _check_kind(path: Path) -> None:
    """Refuse what SQLite would write over: a file of a few bytes is an empty database to it."""
    if not path.exists():
        return
    if not path.is_file():
        raise LabelStoreError(
            f"Expected `path` to be a file or not there yet, but got {str(path)!r}"
        )
    with path.open("rb") as file:
        header = file.read(len(_HEADER))
    if header not in {b"", _HEADER}:
        raise InvalidArgumentError(
            f"Expected `path` to be a label store or a new file, but got {str(path)!r}, which is "
            "no database"
        )


# SQLite forbids the use of a connection across a fork, closing it included: in the child it is
# kept, untouched, until the process ends, and a new one is opened when one is needed.
_LIVE: "weakref.WeakSet[Database]" = weakref.WeakSet()
_INHERITED: list[sqlite3.Connection | None] = []


def _after_fork() -> None:
    for database in list(_LIVE):
        _INHERITED.append(database._connection)  # noqa: SLF001 - its own module
        database._connection = None  # noqa: SLF001
        database._set_up()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _reopened(path: Path, timeout: float) -> Database:
    """A database that opens its file, which must be there, when it is first used."""
    database = Database.__new__(Database)
    database.path, database.timeout, database._connection = path, timeout, None  # noqa: SLF001
    database._set_up()  # noqa: SLF001
    return database
