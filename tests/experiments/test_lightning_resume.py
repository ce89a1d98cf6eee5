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


def run(parent, kind, seed):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(parent), kind, str(seed)],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=600,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert (parent / kind / "result.json").exists(), done.stderr
    result = json.loads((parent / kind / "result.json").read_text())
    lines = (parent / kind / "records.jsonl").read_text().splitlines()
    for on_disk, record in zip(map(json.loads, lines), result["records"], strict=True):
        assert on_disk.pop("seconds")
        assert on_disk == record
    kills = json.loads((parent / kind / "kills.json").read_text())
    return result["records"], result["digest"], kills


def check(tmp_path, kind, seeds):
    whole = run(tmp_path / "whole", kind, 0)
    assert [record["n_labelled"] for record in whole[0]] == [6, 12, 18, 24, 30]
    assert whole[2] == 0
    kills = 0
    for seed in seeds:
        killed = run(tmp_path / str(seed), kind, seed)
        assert killed[:2] == whole[:2]
        kills += killed[2]
    return kills


@pytest.mark.parametrize("kind", ["trainer", "factory", "warm"])
def test_killed_a_few_times(kind, tmp_path):
    assert check(tmp_path, kind, [1]) >= 2


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["trainer", "factory", "warm"])
def test_killed_many_times(kind, tmp_path):
    assert check(tmp_path, kind, range(100, 115)) >= 30
