"""The tables of a label store, and the way from an older version of them to this one."""

import sqlite3

from baal.exceptions import InvalidArgumentError

__all__ = ["APPLICATION_ID", "KINDS", "MIGRATIONS", "migrate", "version_of"]

APPLICATION_ID = 0x6261616C  # "baal": what `file` and SQLite see in the header

KINDS = ("label", "unlabel", "relabel", "propose", "withdraw", "cannot_label", "reset")

_VERSION_1 = (
    """
    CREATE TABLE dataset (              -- one row: what the labels are of
        n_items          INTEGER NOT NULL,
        item_ids         TEXT,          -- SHA-256 over the ids of the items, in their order
        validation_split REAL NOT NULL,
        validation_seed  INTEGER NOT NULL,
        created          TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE events (               -- one row for each item of each call; only ever added to
        seq           INTEGER PRIMARY KEY,
        call          INTEGER NOT NULL, -- rows of one call share it; 0: labelled from the start
        time          TEXT NOT NULL,    -- ISO 8601, UTC
        kind          TEXT NOT NULL,    -- label, unlabel, relabel, propose, withdraw,
                                        -- cannot_label, reset
        dataset_index INTEGER,          -- NULL for a reset
        item_id,                        -- text or integer; NULL where items have no ids
        value         TEXT,             -- JSON
        blob          BLOB,             -- NPZ, for the arrays in the value
        step          INTEGER NOT NULL, -- the step counter, after the call
        labelled_at   INTEGER,          -- of an unlabel or relabel: the step of the item's label
        validation    INTEGER,          -- of a label: 1 if it was set aside for validation
        source        TEXT,             -- who or what gave it
        score         REAL              -- of a proposal and its answer: what it was chosen for
    )
    """,
    """
    CREATE TRIGGER events_do_not_change BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are only ever added'); END
    """,
    """
    CREATE TRIGGER events_do_not_go BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are only ever added'); END
    """,
    "CREATE INDEX resets ON events (seq) WHERE kind = 'reset'",
    # With max() the other columns are those of the row that has it (SQLite says so).
    """
    CREATE VIEW labels AS               -- what is labelled now
    SELECT dataset_index, item_id, value, blob, coalesce(labelled_at, step) AS step, time,
           source, score
    FROM (
        SELECT max(seq), * FROM events
        WHERE kind IN ('label', 'unlabel', 'relabel')
          AND seq > coalesce((SELECT max(seq) FROM events WHERE kind = 'reset'), 0)
        GROUP BY dataset_index
    )
    WHERE kind <> 'unlabel'
    """,
    """
    CREATE VIEW waiting AS              -- what was proposed, or cannot be labelled, as of now
    SELECT dataset_index, item_id,
           CASE kind WHEN 'propose' THEN 'pending' ELSE 'cannot be labelled' END AS state,
           time, source, score
    FROM (
        SELECT max(seq), * FROM events
        WHERE kind IN ('label', 'propose', 'withdraw', 'cannot_label')
          AND seq > coalesce((SELECT max(seq) FROM events WHERE kind = 'reset'), 0)
        GROUP BY dataset_index
    )
    WHERE kind IN ('propose', 'cannot_label')
    """,
)

# What leads from each version to the next. Append; never change one that was released.
MIGRATIONS: tuple[tuple[str, ...], ...] = (_VERSION_1,)


def version_of(database: sqlite3.Connection, path: str) -> int:
    """The version of a store, without changing the file.

    Args:
        database: An open connection.
        path: Its file, for the messages.

    Returns:
        The number of migrations that made it; 0 for an empty file.

    Raises:
        InvalidArgumentError: The file is no database, or that of another application, or a newer
            version of baal made it.

    Example:
        >>> version_of(sqlite3.connect(":memory:"), "new")
        0
    """
    try:
        application, version, n_tables = _read_header(database)
    except sqlite3.OperationalError:  # locked, or it cannot be opened
        raise
    except sqlite3.DatabaseError as error:
        raise InvalidArgumentError(
            f"Expected `path` to be a label store or a new file, but got {path!r}: {error}"
        ) from error
    if application == 0 and version == 0 and n_tables == 0:
        return 0
    if application != APPLICATION_ID:
        raise InvalidArgumentError(
            f"Expected `path` to be a label store or a new file, but got {path!r}, a database "
            f"of another application with {n_tables} tables, views and the like"
        )
    if version > len(MIGRATIONS):
        raise InvalidArgumentError(
            f"Expected `path` to be a label store of version {len(MIGRATIONS)} or older, but got "
            f"{path!r} of version {version}: a newer version of baal made it, and is needed."
        )
    return version


def _read_header(database: sqlite3.Connection) -> tuple[int, int, int]:
    """Application, version and number of tables, all of one moment: another process may migrate."""
    is_inside = database.in_transaction
    if not is_inside:
        database.execute("BEGIN")
    try:
        application = database.execute("PRAGMA application_id").fetchone()[0]
        version = database.execute("PRAGMA user_version").fetchone()[0]
        n_tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    finally:
        if not is_inside:
            database.rollback()
    return application, version, n_tables


def migrate(database: sqlite3.Connection, path: str) -> None:
    """Bring a store to this version; all of it or, after an error, nothing.

    Args:
        database: An open connection, not in a transaction.
        path: Its file, for the messages.

    Raises:
        InvalidArgumentError: As in `version_of`.

    Example:
        >>> database = sqlite3.connect(":memory:", isolation_level=None)
        >>> migrate(database, "new")
        >>> version_of(database, "new") == len(MIGRATIONS)
        True
    """
    if version_of(database, path) == len(MIGRATIONS):
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        # Again: another process may have done it while this one waited.
        for statements in MIGRATIONS[version_of(database, path) :]:
            for statement in statements:
                database.execute(statement)
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise
