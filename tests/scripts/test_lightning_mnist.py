"""The example as a person runs it."""

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "experiments" / "lightning_mnist.py"
SMALL = ["--rounds", "1", "--epochs", "1", "--iterations", "2", "--query-size", "10"]


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )


def test_a_table_and_a_run_that_is_there_already(tmp_path):
    options = ["--seeds", "0", "1", "--out", str(tmp_path / "runs"), *SMALL]
    done = run(*options)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^\| +(\d+) \|", done.stdout, re.MULTILINE) == ["20", "30"]
    assert "bald" in done.stdout
    assert "random" in done.stdout
    assert done.stderr == ""  # nothing of what Lightning has to say
    again = run(*options)
    assert again.stdout == done.stdout


def test_options():
    assert "--query-size" in run("--help").stdout
    done = run("--seeds", "1", "1")
    assert done.returncode == 2
    assert "expected each once, but got 1 twice" in done.stderr
    done = run("--initial-labels", "5000", *SMALL)
    assert done.returncode == 2
    assert "error: Expected `initial_labels` to be at most" in done.stderr
