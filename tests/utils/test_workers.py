import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from baal.utils.workers import end_with_parent, sensible_workers, usable_cores

ROOT = Path(__file__).parents[2]
# Two children begin after their parent was killed; the first of them looks for it.
SCRIPT = """
import multiprocessing, os, pathlib, sys, time
from baal.utils.workers import end_with_parent

def work(looks, path, parent):
    while os.getppid() == parent:
        time.sleep(0.01)
    if looks:
        end_with_parent(0)
    pathlib.Path(path).touch()

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[2])
    for looks in (True, False):
        path = pathlib.Path(sys.argv[1], "looked" if looks else "did not look")
        context.Process(target=work, args=(looks, path, os.getpid())).start()
    time.sleep(1.0 if sys.argv[2] == "spawn" else 0.2)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(os.name != "posix", reason="processes of POSIX")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_whose_parent_is_gone_ends(tmp_path, method):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with (tmp_path / "errors").open("w+") as errors:
        subprocess.run(
            [sys.executable, str(script), str(tmp_path), method], check=False, stderr=errors,
            env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60,
        )  # fmt: skip
        for _ in range(1000):
            if (tmp_path / "did not look").exists():
                break
            time.sleep(0.01)
        time.sleep(0.2)
    assert (tmp_path / "did not look").exists()
    assert not (tmp_path / "looked").exists()


def test_whoever_has_a_parent_goes_on():
    end_with_parent(0)


def test_no_more_workers_than_wanted_batches_or_cores(monkeypatch):
    monkeypatch.setattr("baal.utils.workers.usable_cores", lambda: 3)
    assert [sensible_workers(*pair) for pair in ((2, 9), (9, 2), (9, 9), (0, 9))] == [2, 2, 3, 0]


def test_cores_by_affinity_or_else_all(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 5}, raising=False)
    assert usable_cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1
