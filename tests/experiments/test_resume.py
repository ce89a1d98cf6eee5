"""A run that is killed and started again ends as one that was never killed."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("killed_run.py")
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")


def run(parent, jobs):
    """By job: records, digest of all other state, and number of kills."""
    errors = parent / "errors.txt"
    with errors.open("wb") as file:  # not a pipe: whoever lives on would keep it open
        script = subprocess.Popen(
            [sys.executable, "-W", "error", str(SCRIPT), str(parent), *jobs],
            stdout=file, stderr=file, cwd=ROOT, start_new_session=True,
            env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        try:
            returncode = script.wait(timeout=1800)
        finally:
            with suppress(ProcessLookupError):  # workers of children that were killed
                os.killpg(script.pid, signal.SIGKILL)
    assert returncode == 0, errors.read_text()
    found = {}
    for job in jobs:
        folder = parent / job / job.split("-")[2]
        assert (folder / "result.json").exists(), errors.read_text()
        result = json.loads((folder / "result.json").read_text())
        assert records_on_disk(folder) == result["records"]
        assert {path.name for path in folder.iterdir()} == {
            "experiment.json", "initial.pt", "checkpoint.pt", "records.jsonl", "lock",
            "result.json",
        }  # fmt: skip
        kills = json.loads((parent / job / "kills.json").read_text())
        found[job] = result["records"], result["digest"], kills
    return found


def records_on_disk(folder):
    rows = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"]
    return rows


def kind_of(seed, workers_every):
    if seed % workers_every == 1:
        return "workers"
    return "warm" if seed % 2 else "cold"


def check(parent, seeds, workers_every):
    jobs = [
        f"{seed}-{'moment' if seed % 3 == 0 else 'line'}-{kind_of(seed, workers_every)}"
        for seed in seeds
    ]
    kinds = ("cold", "warm", "workers")
    found = run(parent, [*(f"0-nothing-{kind}" for kind in kinds), *jobs])
    expected = {kind: found[f"0-nothing-{kind}"] for kind in kinds}
    sizes = {kind: [row["n_labelled"] for row in expected[kind][0]] for kind in kinds}
    assert sizes["cold"] == [8, 12, 16, 20, 24, 28, 29]
    assert sizes["workers"] == [8, 12, 15]
    assert expected["cold"] != expected["warm"]
    for job in jobs:
        assert found[job][:2] == expected[job.split("-")[2]][:2], job
    return sum(found[job][2] for job in jobs)


def test_killed_ten_times(tmp_path):
    assert check(tmp_path, range(10), workers_every=8) >= 10  # 1 by lines, 9 at moments


@pytest.mark.parametrize("kind", ["forest", "seeded", "net"])
def test_estimators_killed(tmp_path, kind):
    pytest.importorskip("skorch")
    jobs = [f"{seed}-{'line' if seed % 2 else 'moment'}-{kind}" for seed in range(4)]
    found = run(tmp_path, [f"0-nothing-{kind}", *jobs])
    records, digest, _ = found[f"0-nothing-{kind}"]
    assert [row["n_labelled"] for row in records] == [12, 17, 22, 27, 32, 33]
    for job in jobs:
        assert found[job][:2] == (records, digest), job
    assert sum(found[job][2] for job in jobs) >= 4


@pytest.mark.soak
def test_killed_a_hundred_times(tmp_path):
    assert check(tmp_path, range(100, 200), workers_every=4) >= 100
