"""What can go wrong with the file: a clear error each, and nothing is harmed."""

import pickle
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress

import pytest

from baal.active.dataset.numpy import ActiveNumpyArray
from baal.active.label_store.events import Entry
from baal.active.label_store.store import LabelStore
from baal.exceptions import InvalidArgumentError, LabelStoreError

N = 40


def make(path, timeout=5.0, n=N):
    return ActiveNumpyArray((range(n), [0] * n), store=LabelStore(path, timeout=timeout))


def close(*datasets):
    for dataset in datasets:
        dataset.store.close()


def labelled_in(path):
    dataset = make(path)
    close(dataset)
    return dataset.labelled.nonzero()[0].tolist()


def test_each_commit_goes_to_the_disk(tmp_path):
    store = LabelStore(tmp_path / "labels.db")
    assert store._database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert store._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()


def test_a_full_disk(tmp_path):
    dataset = make(tmp_path / "labels.db", n=5000)
    dataset.label([1, 2], [3, 4])
    pages = dataset.store._database.execute("PRAGMA page_count").fetchone()[0]
    dataset.store._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LabelStoreError, match="full"):
        dataset.label(list(range(4000)), list(range(4000)))
    assert dataset.n_labelled == 2
    dataset.store._database.execute("PRAGMA max_page_count = 1000000")
    dataset.label(0, 9)  # it goes on when there is space again
    close(dataset)
    again = make(tmp_path / "labels.db", n=5000)
    assert again.labelled_map[:4].tolist() == [2, 1, 1, 0]
    assert [again.get_raw(i)[1] for i in range(3)] == [9, 3, 4]
    close(again)


LIMITED = """
import resource, sys
import numpy as np
from baal.active.dataset.numpy import ActiveNumpyArray
from baal.active.label_store import LabelStore
dataset = ActiveNumpyArray((np.arange(40), np.zeros(40, int)), store=LabelStore(sys.argv[1]))
dataset.label(0, 5)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
done = 0
try:
    while True:
        dataset.relabel_dataset_indices(0, done)
        done += 1
except OSError as error:
    print(type(error).__name__, done, dataset.get_raw(0)[1])
"""


def test_a_file_that_may_not_grow(tmp_path):
    path = tmp_path / "labels.db"
    child = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), "120000"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    name, done, value = child.stdout.split()
    # The last one that was acknowledged is what the dataset has, and what the store has.
    assert (name, int(value)) == ("LabelStoreError", int(done) - 1)
    again = make(path)
    assert again.get_raw(0)[1] == int(value)
    close(again)


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    for path in (tmp_path / "file" / "labels.db", tmp_path / "missing" / "labels.db", tmp_path):
        with pytest.raises(LabelStoreError, match="Expected"):
            LabelStore(path)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_store_that_cannot_be_written_to(tmp_path, monkeypatch):
    path = tmp_path / "labels.db"
    dataset = make(path)
    dataset.label(3, 1)
    close(dataset)
    # As root, no permission would hold: SQLite itself is told to write nothing.
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda name, **options: connect(name.replace("rwc", "ro"), **options)
    )
    store = LabelStore(path)
    with pytest.raises(LabelStoreError, match="readonly"):
        ActiveNumpyArray((range(N), [0] * N), store=store).label(0, 1)
    store.close()
    monkeypatch.undo()
    assert labelled_in(path) == [3]


def test_a_store_that_was_deleted_or_replaced(tmp_path):
    path = tmp_path / "labels.db"
    dataset, other = make(path), make(tmp_path / "other.db")
    dataset.label(0, 1)
    path.unlink()
    with pytest.raises(LabelStoreError, match="moved, deleted or replaced"):
        dataset.label(0, 1)
    close(other)
    (tmp_path / "other.db").rename(path)
    for _ in range(2):
        with pytest.raises(LabelStoreError, match="moved, deleted or replaced"):
            dataset.label(0, 1)
        assert dataset.n_labelled == 1
        close(dataset)


def test_an_older_copy_in_its_place(tmp_path):
    path = tmp_path / "labels.db"
    dataset = make(path)
    dataset.label(0, 1)
    close(dataset)
    copy = path.read_bytes()
    dataset.label(0, 1)
    close(dataset)
    path.write_bytes(copy)
    with pytest.raises(RuntimeError, match="an older copy has taken its place"):
        dataset.label(0, 1)
    close(dataset)


def test_a_writer_that_does_not_let_go(tmp_path):
    path = tmp_path / "labels.db"
    one, other = make(path), make(path, timeout=0.05)
    too_long = pytest.raises(LabelStoreError, match=r"writing for more than 0\.05 seconds")
    with one.store.writing(), too_long:
        other.label(0, 1)
    other.label(0, 1)
    close(one, other)


def test_a_writer_that_lets_go_in_time(tmp_path):
    path = tmp_path / "labels.db"
    one, other = make(path), make(path)
    holds, lets_go = threading.Event(), threading.Event()

    def hold():
        with one.store.writing():
            holds.set()
            lets_go.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait(10)
    threading.Timer(0.05, lets_go.set).start()
    other.label(0, 1)
    thread.join()
    assert lets_go.is_set()
    close(one, other)


def answer_all(path, value):
    dataset = make(path, timeout=60)
    for index in range(N):
        with suppress(ValueError):  # the first one counts
            dataset.answer(index, value)


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_several_processes_at_once(tmp_path, start):
    path = tmp_path / "labels.db"
    workers = 4 if start == "fork" else 2
    run = (
        "import multiprocessing as m, sys\n"
        "from tests.active.label_store.test_connection import answer_all\n"
        "if __name__ == '__main__':\n"
        f"    c = m.get_context('{start}')\n"
        f"    ps = [c.Process(target=answer_all, args=(sys.argv[1], i + 1)) "
        f"for i in range({workers})]\n"
        "    [p.start() for p in ps]; [p.join() for p in ps]\n"
        "    assert all(p.exitcode == 0 for p in ps)\n"
    )
    script = tmp_path / "run.py"
    script.write_text(run)
    subprocess.run([sys.executable, str(script), str(path)], check=True)
    assert labelled_in(path) == list(range(N))
    with sqlite3.connect(path) as database:
        counts = database.execute("SELECT count(*) FROM events GROUP BY dataset_index").fetchall()
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    assert counts == [(1,)] * N


def test_across_a_fork_and_a_pickle(tmp_path):
    run = (
        "import os, pickle, sys\n"
        "from tests.active.label_store.test_connection import make\n"
        "dataset = make(sys.argv[1]); dataset.label(0, 5)\n"
        "inherited = dataset.store._database._connection\n"
        "if os.fork() == 0:\n"
        "    assert dataset.store._database._connection is None\n"
        "    dataset.label_dataset_indices(1, 6); dataset.store.close(); os._exit(0)\n"
        "assert os.wait()[1] == 0\n"
        "assert dataset.store._database._connection is inherited\n"
        "assert dataset.refresh() and dataset.n_labelled == 2\n"
        "twin = pickle.loads(pickle.dumps(dataset))\n"
        "twin.label_dataset_indices(2, 7); twin.store.close()\n"
        "dataset.label_dataset_indices(3, 8)\n"
        "assert dataset.labelled_map[:5].tolist() == [1, 2, 3, 4, 0]\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", run, str(tmp_path / "a.db")], check=True)
    assert labelled_in(tmp_path / "a.db") == [0, 1, 2, 3]


def test_a_pickled_store_does_not_make_a_new_file(tmp_path):
    path = tmp_path / "labels.db"
    store = LabelStore(path, source="ada")
    twin = pickle.loads(pickle.dumps(store))
    assert (twin.path, twin.source, twin._database.timeout) == (path, "ada", 5.0)
    store.close()
    path.unlink()
    with pytest.raises(LabelStoreError, match="unable to open"):
        twin.last()
    assert not path.exists()


def test_two_processes_may_make_the_file_at_once(tmp_path):
    path, errors = tmp_path / "labels.db", []

    def make_one():
        try:
            LabelStore(path).close()
        except Exception as error:  # noqa: BLE001 - any, for the assert below
            errors.append(error)

    threads = [threading.Thread(target=make_one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert labelled_in(path) == []


def test_an_id_that_sqlite_cannot_hold(tmp_path):
    for item_id in (2**64, "\ud800"):
        with LabelStore(tmp_path / "labels.db") as store:
            refused = pytest.raises(InvalidArgumentError, match="valid Unicode or integers of 64")
            with refused, store.writing():
                store.add([Entry("label", [0], 1, item_ids=[item_id])])
            assert store.last() == 0


class Locked:
    """A connection to a file that another process is just making."""

    def __init__(self, times):
        self.times = times

    def execute(self, sql):
        assert sql == "PRAGMA journal_mode = WAL"
        self.times -= 1
        if self.times >= 0:
            raise sqlite3.OperationalError("database is locked")


def test_the_log_is_tried_again_for_a_while(tmp_path):
    store = LabelStore(tmp_path / "labels.db", timeout=0.05)
    store._database._use_wal(Locked(2))
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        store._database._use_wal(Locked(10**9))
    store.close()


def test_a_file_that_is_locked_when_it_is_opened(tmp_path):
    path = tmp_path / "labels.db"
    LabelStore(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LabelStoreError, match="locked"):
        LabelStore(path, timeout=0.05)
    other.execute("ROLLBACK")
    other.close()
    assert labelled_in(path) == []


def test_another_thread_sees_only_what_is_committed(tmp_path):
    dataset = make(tmp_path / "labels.db")
    seen = []
    with dataset.store.writing():
        dataset.store.add([Entry("label", [3], 1)])
        thread = threading.Thread(target=lambda: seen.append(dataset.refresh()))
        thread.start()
        thread.join(0.05)
        assert not seen  # it waits
    thread.join()
    assert (seen, dataset.n_labelled) == ([True], 1)
    close(dataset)
