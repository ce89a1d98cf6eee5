"""The example as a person runs it."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "experiments" / "sklearn_forest.py"


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_tables_of_both_tasks():
    done = run("--seeds", "0", "1", "--rounds", "2", "--trees", "5")
    assert done.returncode == 0, done.stderr
    digits, diabetes = done.stdout.split("diabetes\n")
    for table, names in ((digits, ["bald", "entropy", "random"]), (diabetes, ["variance"])):
        rows = [line.split("|") for line in table.splitlines() if line.startswith("|")]
        assert [row[1].strip() for row in rows if row[1].strip().isdigit()][:3] == [
            "20",
            "30",
            "40",
        ]
        assert all(name in table for name in names)


def test_a_net_of_skorch():
    done = run("--tasks", "net", "--seeds", "0", "--rounds", "1", "--trees", "5")
    assert done.returncode == 0, done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|")]
    start, end = [row for row in rows if row[1].strip().isdigit()]
    assert [start[1].strip(), end[1].strip()] == ["20", "30"]
    assert start[2].strip() == start[3].strip() == start[4].strip()  # the same labels and weights
    assert float(start[2].split()[0]) > 30  # of ten classes


def test_trees_grown_to_the_end_make_bald_the_same_as_entropy():
    def columns(leaf):
        done = run(
            "--tasks", "digits", "--seeds", "0", "1", "--rounds", "2", "--trees", "5",
            "--min-samples-leaf", leaf,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|")]
        numbers = [row for row in rows if row[1].strip().isdigit()]
        return [[row[column].strip() for row in numbers] for column in (2, 3)]

    bald, entropy = columns("1")
    assert bald == entropy
    bald, entropy = columns("2")
    assert bald != entropy


def test_what_is_refused():
    done = run("--seeds", "1", "1")
    assert done.returncode == 2
    assert "expected each once, but got 1 twice" in done.stderr
    done = run("--initial-labels", "5000", "--trees", "2")
    assert done.returncode == 2
    assert "error: Expected `initial_labels` to be at most 1198" in done.stderr
