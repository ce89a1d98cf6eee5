"""A run that is killed and started again ends as one that was never killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("killed_run.py")
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")


def run(parent, jobs):
    """By job: records, digest of all other state, and number of kills."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), str(parent), *jobs],
        capture_output=True, text=True, check=False, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {}
    for job in jobs:
        folder = parent / job / job.split("-")[2]
        assert (folder / "result.json").exists(), done.stderr
        result = json.loads((folder / "result.json").read_text())
        assert records_on_disk(folder) == result["records"]
        assert {path.name for path in folder.iterdir()} == {
            "experiment.json", "initial.pt", "checkpoint.pt", "records.jsonl", "result.json",
        }  # fmt: skip
        kills = json.loads((parent / job / "kills.json").read_text())
        found[job] = result["records"], result["digest"], kills
    return found


def records_on_disk(folder):
    rows = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"]
    return rows


def check(parent, seeds):
    jobs = [
        f"{seed}-{'moment' if seed % 3 == 0 else 'line'}-{'warm' if seed % 2 else 'cold'}"
        for seed in seeds
    ]
    found = run(parent, ["0-nothing-cold", "0-nothing-warm", *jobs])
    expected = {name: found[f"0-nothing-{name}"] for name in ("cold", "warm")}
    sizes = [row["n_labelled"] for row in expected["cold"][0]]
    assert sizes == [8, 12, 16, 20, 24, 28, 29]
    assert expected["cold"] != expected["warm"]
    for job in jobs:
        assert found[job][:2] == expected[job.split("-")[2]][:2], job
    return sum(found[job][2] for job in jobs)


def test_killed_ten_times(tmp_path):
    assert check(tmp_path, range(10)) >= 10


@pytest.mark.soak
def test_killed_a_hundred_times(tmp_path):
    assert check(tmp_path, range(100, 200)) >= 100
