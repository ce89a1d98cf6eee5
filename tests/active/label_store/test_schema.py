import sqlite3

import pytest

from baal.active.label_store import schema
from baal.active.label_store.schema import APPLICATION_ID, MIGRATIONS, migrate, version_of
from baal.active.label_store.store import LabelStore
from baal.exceptions import InvalidArgumentError


def content(path):
    return {name.name: name.read_bytes() for name in path.parent.iterdir()}


def test_the_header_says_whose_file_it_is(tmp_path):
    LabelStore(tmp_path / "labels.db").close()
    header = (tmp_path / "labels.db").read_bytes()
    assert header[68:72] == b"baal"
    assert int.from_bytes(header[60:64], "big") == len(MIGRATIONS)


@pytest.mark.parametrize(
    "garbage", [b"x", b"no database\n" * 3, b"SQLite format 3\0" + b"\1" * 5000, b"a" * 100_000]
)
def test_a_file_that_is_no_database(tmp_path, garbage):
    path = tmp_path / "labels.db"
    path.write_bytes(garbage)
    with pytest.raises(InvalidArgumentError, match="label store or a new file"):
        LabelStore(path)
    assert content(path) == {"labels.db": garbage}


@pytest.mark.parametrize("application", [0, 7])
def test_a_database_of_another_application(tmp_path, application):
    path = tmp_path / "labels.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (a)")
        other.execute(f"PRAGMA application_id = {application}")
    other.close()
    before = content(path)
    with pytest.raises(InvalidArgumentError, match="of another application with 1 table"):
        LabelStore(path)
    assert content(path) == before


def test_a_newer_version(tmp_path):
    path = tmp_path / "labels.db"
    LabelStore(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    newer.close()
    before = content(path)
    with pytest.raises(InvalidArgumentError, match="a newer version of baal made it"):
        LabelStore(path)
    assert content(path) == before


def test_an_older_version_is_migrated(tmp_path, monkeypatch):
    path = tmp_path / "labels.db"
    with LabelStore(path) as store:
        assert store.last() == 0
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE more (a)",)))
    LabelStore(path).close()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM more").fetchone() == (0,)
        assert version_of(database, "") == len(MIGRATIONS) + 1
    database.close()


def test_a_migration_that_fails_leaves_the_old_version(tmp_path, monkeypatch):
    path = tmp_path / "labels.db"
    LabelStore(path).close()
    bad = ("CREATE TABLE more (a)", "CREATE NONSENSE")
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, bad))
    with pytest.raises(OSError, match="NONSENSE"):
        LabelStore(path)
    monkeypatch.undo()
    with LabelStore(path) as store:
        assert store.last() == 0
    with sqlite3.connect(path) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    database.close()
    assert "more" not in tables


def test_rows_are_only_ever_added(tmp_path):
    database = sqlite3.connect(tmp_path / "labels.db", isolation_level=None)
    migrate(database, "labels.db")
    assert database.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    database.execute("INSERT INTO events (call, time, kind, step) VALUES (1, '', 'reset', 0)")
    for change in ("DELETE FROM events", "UPDATE events SET step = 3"):
        with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
            database.execute(change)
    database.close()
