"""An experiment with a real `Trainer`, killed at any place, ends as if it never had been."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KINDS = ["own", "joint"]


@pytest.mark.skipif(not hasattr(os, "fork") or not hasattr(signal, "SIGKILL"), reason="no POSIX")
def test_a_run_that_was_killed_ends_as_one_that_was_not(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/experiments/killed_transformers.py"), tmp_path, *KINDS],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=False, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for kind in KINDS:
        assert (tmp_path / kind / "result.json").exists(), done.stderr
        result, whole = (
            json.loads((tmp_path / folder / "result.json").read_text())
            for folder in (kind, f"{kind}-whole")
        )
        assert [record["n_labelled"] for record in whole["records"]] == [6, 14, 22, 30]
        assert json.loads((tmp_path / f"{kind}-kills.json").read_text()) >= 2
        assert result["records"] == whole["records"]
        assert result["digest"] == whole["digest"]
