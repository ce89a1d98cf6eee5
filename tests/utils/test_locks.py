import errno
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from baal.exceptions import StateError
from baal.utils.locks import locked

ROOT = Path(__file__).parents[2]
# Takes the lock, says so, and waits for a line.
HOLD = """
import sys
from baal.utils.locks import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
    if sys.argv[2:]:
        raise RuntimeError("on purpose")
"""
# The same, with a forked child that lives on for ten seconds whatever becomes of its parent.
HOLD_AND_FORK = """
import os, sys, time
from baal.utils.locks import locked
with locked(sys.argv[1]):
    pid = os.fork()
    if pid == 0:
        time.sleep(10)
        os._exit(0)
    print(pid, flush=True)
    time.sleep(10)
"""
# The same, with a forked child that leaves the block before its parent does.
FORK_IN_THE_BLOCK = """
import os, sys
from baal.utils.locks import locked
with locked(sys.argv[1]):
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        print("child has left", flush=True)
        sys.stdin.readline()
"""
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture
def start():
    children = []

    def run(script, *args):
        child = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, args)], text=True, cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        children.append(child)
        return child, child.stdout.readline().strip()

    yield run
    for child in children:
        child.kill()
        child.communicate()


def is_free(path):
    try:
        with locked(path):
            return True
    except StateError:
        return False


def test_another_process_is_refused_and_told_who_holds_it(tmp_path, start):
    path = tmp_path / "lock"
    child, said = start(HOLD, path)
    assert said == "held"
    with pytest.raises(StateError, match=f"that process {child.pid} holds: {path}"), locked(path):
        raise AssertionError
    assert not is_free(path)  # having been refused once changes nothing
    child.communicate("go on\n")
    assert child.returncode == 0
    assert path.read_bytes() == b""
    with locked(path):
        assert path.read_text() == f"{os.getpid()}\n"


def test_nobody_is_named_where_the_file_does_not_say(tmp_path, start):
    start(HOLD, tmp_path / "lock")
    (tmp_path / "lock").write_bytes(b"")
    with pytest.raises(StateError, match="that another process holds"), locked(tmp_path / "lock"):
        raise AssertionError


def test_it_ends_with_an_error(tmp_path, start):
    child, _ = start(HOLD, tmp_path / "lock", "fail")
    assert "on purpose" in child.communicate("go on\n")[1]
    assert is_free(tmp_path / "lock")
    with pytest.raises(KeyError), locked(tmp_path / "lock"):
        raise KeyError
    assert is_free(tmp_path / "lock")


def test_it_ends_with_a_kill(tmp_path, start):
    child, _ = start(HOLD, tmp_path / "lock")
    child.kill()
    child.wait()
    assert (tmp_path / "lock").read_text() == f"{child.pid}\n"
    assert is_free(tmp_path / "lock")


@forks
def test_a_child_that_outlives_a_killed_holder_does_not_hold_it(tmp_path, start):
    parent, orphan = start(HOLD_AND_FORK, tmp_path / "lock")
    assert not is_free(tmp_path / "lock")
    parent.kill()
    parent.wait()
    os.kill(int(orphan), 0)  # it is still there
    assert is_free(tmp_path / "lock")
    os.kill(int(orphan), signal.SIGKILL)


@forks
def test_a_forked_child_is_refused(tmp_path):
    with locked(tmp_path / "lock"):
        pid = os.fork()
        if pid == 0:  # nothing of pytest may run in here
            found = 1
            try:
                with locked(tmp_path / "lock"):
                    found = 2
            except StateError as error:
                found = 0 if f"process {os.getppid()} holds" in str(error) else 3
            os._exit(found)
        assert os.waitpid(pid, 0)[1] == 0
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    assert is_free(tmp_path / "lock")


@forks
def test_a_forked_child_that_leaves_the_block_ends_nothing(tmp_path, start):
    parent, said = start(FORK_IN_THE_BLOCK, tmp_path / "lock")
    assert said == "child has left"
    with (
        pytest.raises(StateError, match=f"process {parent.pid} holds"),
        locked(tmp_path / "lock"),
    ):
        raise AssertionError


def test_threads_of_one_process(tmp_path):
    """All try at once, again and again: never two inside, and each gets in."""
    (tmp_path / "link").symlink_to(tmp_path / "lock")
    inside, most, entered = [], [], []

    def enter(number):
        with locked(tmp_path / ("lock" if number % 2 else "link")):
            inside.append(number)
            time.sleep(0.001)
            most.append(len(inside))
            inside.remove(number)
            entered.append(number)

    def work(number):
        while number not in entered:
            with suppress(StateError):
                enter(number)

    threads = [threading.Thread(target=work, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(entered) == list(range(6))
    assert set(most) == {1}


def test_a_refusal_in_the_same_process_leaves_the_lock(tmp_path, start):
    with locked(tmp_path / "lock"):
        assert not is_free(tmp_path / "lock")
        child, said = start(HOLD, tmp_path / "lock")
        assert said == ""
        assert f"process {os.getpid()} holds" in child.communicate()[1]


def test_a_folder_that_is_not_there(tmp_path):
    for _ in range(2):  # the second time too: nothing is remembered
        with pytest.raises(FileNotFoundError), locked(tmp_path / "none" / "lock"):
            raise AssertionError


@forks
def test_a_disk_without_locks_is_an_error_of_its_own(tmp_path, monkeypatch):
    import fcntl

    def none(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", none)
    with pytest.raises(OSError, match="No locks available"), locked(tmp_path / "lock"):
        raise AssertionError
    monkeypatch.undo()
    assert is_free(tmp_path / "lock")
