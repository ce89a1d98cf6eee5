"""The label store: every label, un-label and re-label a row, on the disk before the call ends."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from itertools import repeat
from pathlib import Path
from typing import Any

from baal.active.label_store.codec import decode_value
from baal.active.label_store.connection import Database
from baal.active.label_store.events import Entry, Events, Facts
from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["LabelStore"]

_CHUNK = 50_000  # rows turned into columns at once

_INSERT = (
    "INSERT INTO events (call, time, kind, dataset_index, item_id, value, blob, step, "
    "labelled_at, validation, source, score) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_READ = (
    "SELECT call, kind, dataset_index, step, labelled_at, validation, score, value, blob, seq "
    "FROM events WHERE seq > ? AND seq >= "
    "coalesce((SELECT max(seq) FROM events WHERE kind = 'reset'), 0) ORDER BY seq"
)


class LabelStore:
    """Labels in an SQLite file, for a dataset that is made with `store=`.

    The dataset writes and reads it; what is left to you is to say whose labels these are, and to
    export them. See `docs/label_store.md` for what is promised and for queries by hand.

    It may be pickled and taken across a fork: each process opens the file for itself.

    Args:
        path: The file; made where there is none. On a local disk: SQLite's log does not work on
            network drives.
        source: Who or what gives the labels: a name, a version of a tool.
        timeout: Seconds to wait for another process that is writing.

    Attributes:
        path: As given.
        source: As given; may be changed at any time.

    Raises:
        InvalidTypeError: `source` is neither None nor a string.
        InvalidArgumentError: The file is no label store, or a newer version of baal made it.
        LabelStoreError: It cannot be opened.

    Example:
        >>> import tempfile
        >>> from baal.active.dataset import ActiveLearningDataset
        >>> folder = tempfile.TemporaryDirectory()
        >>> store = LabelStore(Path(folder.name, "labels.db"), source="ada")
        >>> dataset = ActiveLearningDataset(["a", "b", "c"], store=store)
        >>> dataset.label(1)
        >>> ActiveLearningDataset(["a", "b", "c"], store=store).labelled_map
        array([0, 1, 0], dtype=int32)
        >>> store.close(); folder.cleanup()
    """

    def __init__(
        self, path: str | os.PathLike[str], *, source: str | None = None, timeout: float = 5.0
    ) -> None:
        self.path = Path(path)
        self.source = _checked(source)
        self._database = Database(self.path, timeout)

    def __enter__(self) -> "LabelStore":  # noqa: PYI034 - `Self` came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        self._database.close()

    @contextmanager
    def given_by(self, source: str | None) -> Iterator[None]:
        """Labels given inside are those of somebody else.

        Args:
            source: Who or what gives them.

        Raises:
            InvalidTypeError: `source` is neither None nor a string.
        """
        before, self.source = self.source, _checked(source)
        try:
            yield
        finally:
            self.source = before

    def writing(self) -> AbstractContextManager[bool]:
        """A transaction: all that is written inside is kept when it ends, or none of it.

        Returns:
            A context manager, which says whether it is the outermost; others are a part of that,
            of which nothing is left if they fail.

        Raises:
            LabelStoreError: Another process is writing for too long, the disk is full, or the
                file is not where it was.
        """
        return self._database.writing()

    def on_rollback(self, undo: Callable[[], None]) -> None:
        """Have memory follow when what is written is not kept after all; inside of `writing`.

        Args:
            undo: Called then, the last one first.
        """
        self._database.on_rollback(undo)

    def reading(self) -> AbstractContextManager[bool]:
        """Keep other threads of this process from writing; other processes may.

        Returns:
            A context manager.
        """
        return self._database.lock

    def facts(self) -> Facts | None:
        """What the labels are of.

        Returns:
            The facts; None as long as no dataset was made with the store.
        """
        row = self._database.execute(
            "SELECT n_items, item_ids, validation_split, validation_seed FROM dataset"
        ).fetchone()
        return None if row is None else Facts(*row)

    def describe(self, facts: Facts) -> None:
        """Say, once, what the labels are of; inside of `writing`.

        Args:
            facts: The facts.
        """
        self._database.execute(
            "INSERT INTO dataset VALUES (?, ?, ?, ?, ?)",
            (
                facts.n_items,
                facts.item_ids,
                facts.validation_split,
                facts.validation_seed,
                _now(),
            ),
        )

    def last(self) -> int:
        """The number of the last row; 0 where there is none."""
        return int(self._database.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])

    def add(self, entries: Iterable[Entry], *, start: bool = False) -> int:
        """Add the rows of one call; inside of `writing`.

        Args:
            entries: What the call does.
            start: These are labels from before the store.

        Returns:
            The number of the last row.

        Raises:
            InvalidArgumentError: An item id is nothing that SQLite can hold.
        """
        row = self._database.execute("SELECT call FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        call = 0 if start else 1 if row is None else row[0] + 1
        try:
            for entry in entries:
                self._database.insert(_INSERT, self._rows(entry, call))
        except (OverflowError, UnicodeEncodeError) as error:
            raise InvalidArgumentError(
                "Expected item ids to be valid Unicode or integers of 64 bits, to go into the "
                f"store, but got one that is not: {error}"
            ) from error
        return self.last()

    def reset(self) -> int:
        """Add the row that says that everything before it is forgotten; inside of `writing`.

        Returns:
            The number of the row.
        """
        entry: Any = Entry("reset", [None], 0)  # type: ignore[list-item]
        return self.add([entry])

    def _rows(self, entry: Entry, call: int) -> Iterator[tuple[Any, ...]]:
        """One tuple for each item, for `_INSERT`."""
        values: Any = repeat(None)
        blobs: Any = repeat(None)
        if entry.values is not None:
            values = (None if one is None else one[0] for one in entry.values)
            blobs = (None if one is None else one[1] for one in entry.values)
        step = repeat(entry.step) if isinstance(entry.step, int) else entry.step
        return zip(
            repeat(call),
            repeat(_now()),
            repeat(entry.kind),
            entry.indices,
            _or_none(entry.item_ids),
            values,
            blobs,
            step,
            _or_none(entry.labelled_at),
            _or_none(entry.validation),
            repeat(self.source),
            _or_none(entry.scores),
            strict=False,
        )

    def read(self, after: int = 0) -> Events:
        """The rows that were written since, without those that a later reset has made void.

        Args:
            after: The number of the last row that is known.

        Returns:
            The rows, as they were at one moment.
        """
        cursor = self._database.execute(_READ, (after,))
        parts, last = [], after
        while rows := cursor.fetchmany(_CHUNK):
            last = rows[-1][-1]
            parts.append(Events.of([row[:-1] for row in rows], last))
        return Events.join(parts or [Events.of([], last)])

    def start(self) -> tuple[list[int], list[int]]:
        """What was labelled before the store was made.

        Returns:
            Dataset indices and steps.
        """
        indices, steps = [], []
        cursor = self._database.execute("SELECT call, dataset_index, step FROM events ORDER BY seq")
        for call, index, step in cursor:
            if call:
                break
            indices.append(index)
            steps.append(step)
        cursor.close()
        return indices, steps

    def values(self, indices: Sequence[int]) -> dict[int, Any]:
        """Values of items, as the store has them.

        Args:
            indices: Dataset indices.

        Returns:
            Value by dataset index, of those that are labelled with one.
        """
        wanted = set(indices)
        rows = self._database.execute(
            "SELECT dataset_index, value, blob FROM labels WHERE value IS NOT NULL"
        )
        return {index: decode_value(text, blob) for index, text, blob in rows if index in wanted}

    def select(self, table: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """All of a table or view.

        Args:
            table: `events`, `labels` or `waiting`.

        Returns:
            Names of the columns, and the rows.

        Raises:
            InvalidArgumentError: There is no such table.
        """
        if table not in {"events", "labels", "waiting"}:
            raise InvalidArgumentError(
                f"Expected `table` to be 'events', 'labels' or 'waiting', but got {table!r}"
            )
        order = "seq" if table == "events" else "dataset_index"
        cursor = self._database.execute(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608
        return [column[0] for column in cursor.description], cursor


def _or_none(column: Sequence[Any] | None) -> Iterable[Any]:
    return repeat(None) if column is None else column


def _now() -> str:
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    return now.replace("+00:00", "Z")


def _checked(source: str | None) -> str | None:
    if source is not None and not isinstance(source, str):
        raise InvalidTypeError(f"Expected `source` to be a string or None, but got {source!r}")
    return source
