"""A Lightning run that is killed and started again ends as one that was never killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("killed_lightning.py")
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")


def run(parent, kind, seeds):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(parent), kind, *map(str, seeds)],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=600,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return [result_of(parent / str(seed) / kind, done.stderr) for seed in seeds]


def result_of(folder, errors):
    assert (folder / "result.json").exists(), errors
    result = json.loads((folder / "result.json").read_text())
    lines = (folder / "records.jsonl").read_text().splitlines()
    for on_disk, record in zip(map(json.loads, lines), result["records"], strict=True):
        assert on_disk.pop("seconds")
        assert on_disk == record
    kills = json.loads((folder / "kills.json").read_text())
    return result["records"], result["digest"], kills


def check(tmp_path, kind, seeds):
    whole, *killed = run(tmp_path, kind, [0, *seeds])
    assert [record["n_labelled"] for record in whole[0]] == [6, 12, 18, 24, 30]
    assert whole[2] == 0
    for one in killed:
        assert one[:2] == whole[:2]
    return sum(kills for _, _, kills in killed)


@pytest.mark.parametrize("kind", ["trainer", "factory", "warm"])
def test_killed_a_few_times(kind, tmp_path):
    assert check(tmp_path, kind, range(1, 7)) >= 9


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["trainer", "factory", "warm"])
def test_killed_many_times(kind, tmp_path):
    assert check(tmp_path, kind, range(100, 140)) >= 60
