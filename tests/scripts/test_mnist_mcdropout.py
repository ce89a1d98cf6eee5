"""The main job as a person runs it: a process, its output, its files, its refusals."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from baal.experiments.plain_state import to_state

SCRIPT = Path(__file__).parents[2] / "experiments" / "mnist_mcdropout.py"
SMALL = "--rounds 3 --epochs 2 --iterations 3 --seeds 0 1 --initial-labels 12 --query-size 7"


def run(*arguments, check=True):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def records(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "first"
    return folder, run("--out", folder, *SMALL.split())


def test_one_line_a_round(finished):
    rows = records(finished[0])
    assert [(row["seed"], row["heuristic"], row["round"]) for row in rows] == [
        (seed, name, number)
        for seed in (0, 1)
        for name in ("bald", "random")
        for number in range(3)
    ]
    assert [row["n_labelled"] for row in rows] == [12, 19, 26] * 4
    for row in rows:
        assert set(row["seconds"]) == {"train", "evaluate", "score"}
        assert row["train_loss"] > 0
        assert 0 <= row["test_accuracy"] <= 1


def labels_in_the_end(folder, name, seed):
    """Step of each of the items of the pool: 0 where it is not labelled, 1 for the initial ones."""
    path = folder / "runs" / f"{name}-{seed}" / "checkpoint.pt"
    dataset = torch.load(path, weights_only=True)["state"]["dataset"]
    return np.asarray(to_state(dataset)["labelled"])


def test_chosen_items_are_the_labels_and_never_come_twice(finished):
    folder = finished[0]
    rows = records(folder)
    for start in range(0, 12, 3):
        run = rows[start : start + 3]
        steps = labels_in_the_end(folder, run[0]["heuristic"], run[0]["seed"])
        assert steps.shape == (2200,)
        labelled = np.flatnonzero(steps == 1).tolist()
        for row in run:
            assert len(labelled) == row["n_labelled"]
            labelled += row["chosen"]
        assert sorted(labelled) == np.flatnonzero(steps).tolist()


def test_heuristics_share_initial_labels_and_weights_seed_by_seed(finished):
    folder = finished[0]
    first = {(row["seed"], row["heuristic"]): row for row in records(folder)[::3]}
    initial = {
        (seed, name): (labels_in_the_end(folder, name, seed) == 1).tolist() for seed, name in first
    }
    for seed in (0, 1):
        assert sum(initial[seed, "bald"]) == 12
        assert initial[seed, "bald"] == initial[seed, "random"]
        for metric in ("train_loss", "test_accuracy", "test_loss"):
            assert first[seed, "bald"][metric] == first[seed, "random"][metric]
        assert first[seed, "bald"]["chosen"] != first[seed, "random"]["chosen"]
    assert initial[0, "bald"] != initial[1, "bald"]


def test_the_output_has_the_table_and_names_the_files(finished):
    folder, done = finished
    assert "| labels | bald error % | random error % | labels bald saves |" in done.stdout
    assert f"{folder / 'results.jsonl'}, {folder / 'learning_curve.png'}" in done.stdout
    assert (folder / "learning_curve.png").read_bytes()[:4] == b"\x89PNG"
    assert "bald, seed 0" in done.stderr  # the progress bar


def test_the_same_command_gives_the_same_records_with_any_number_of_jobs(finished, tmp_path):
    run("--out", tmp_path, *SMALL.split(), "--jobs", 2)
    again, before = records(tmp_path), records(finished[0])
    for row in again + before:
        del row["seconds"]
    assert again == before


def test_what_has_ended_is_shown_again_and_not_carried_out_again(finished):
    folder, first = finished
    before = (folder / "results.jsonl").read_bytes()
    done = run("--out", folder, *SMALL.split())
    assert done.stdout.splitlines()[:-1] == first.stdout.splitlines()[:-1]  # but for the seconds
    assert (folder / "results.jsonl").read_bytes() == before  # the seconds of each round too


def test_another_run_in_the_folder_is_refused_or_overwritten(finished, tmp_path):
    folder = finished[0]
    before = (folder / "results.jsonl").read_bytes()
    done = run("--out", folder, *SMALL.split(), "--epochs", 3, check=False)
    assert done.returncode == 2
    assert "error: Expected `folder` to hold this run or none" in done.stderr
    assert "epoch: 2 before, 3 now" in done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "results.jsonl").read_bytes() == before
    (tmp_path / "results.jsonl").write_text("old\n")
    done = run("--out", tmp_path, *SMALL.split(), check=False)
    assert done.returncode == 2
    assert "holds another run (results.jsonl)" in done.stderr
    assert (tmp_path / "results.jsonl").read_text() == "old\n"
    (tmp_path / "runs" / "bald-5").mkdir(parents=True)
    (tmp_path / "runs" / "bald-5" / "records.jsonl").write_text("old\n")
    run("--out", tmp_path, "--overwrite", *SMALL.split(), "--seeds", 5, "--rounds", 1)
    assert [row["seed"] for row in records(tmp_path)] == [5, 5]
    assert "old" not in (tmp_path / "runs" / "bald-5" / "records.jsonl").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--query-size", "0"], "expected a whole number of at least 1, but got '0'"),
        (["--query-size", "-3"], "expected a whole number of at least 1, but got '-3'"),
        (["--rounds", "many"], "expected a whole number of at least 1, but got 'many'"),
        (["--initial-labels", "0"], "expected a whole number of at least 1, but got '0'"),
        (["--initial-labels", "2201"], "--initial-labels to be at most 2200"),
        (["--heuristics", "bold"], "expected one of badge, bait, bald, certainty, "),
        (["--device", "abacus"], "expected a device that torch can use here, but got 'abacus'"),
        (["--device", "meta"], "expected a device that torch can use here, but got 'meta'"),
        (["--seeds", "0", "1", "0"], "argument --seeds: expected each once, but got 0 twice"),
        (["--heuristics", *["bald"] * 3], "--heuristics: expected each once, but got bald 3 times"),
        (["--seeds", str(2**32)], "at least 0 and at most 4294967295, but got '4294967296'"),
        (["--iterations", "1"], "--iterations to be at least 2, since bald compares"),
        (["--out", "/dev/null/out"], "an output folder that can be written, but got /dev/null/out"),
        (["--learning-rate", "-1"], "expected a positive number, but got '-1'"),
    ],
)
def test_bad_options_are_refused_before_anything_is_made(tmp_path, arguments, message):
    done = run("--out", tmp_path / "out", *arguments, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_help_shows_options_and_defaults():
    text = run("--help").stdout
    for option in ("heuristics", "seeds", "rounds", "query-size", "initial-labels", "pool-limit",
                   "iterations", "epochs", "out", "device", "threads", "jobs"):  # fmt: skip
        assert f"--{option}" in text
    assert "(default: 20)" in text
    assert "(default: the whole pool)" in " ".join(text.split())
    assert "default: None" not in text


def test_a_missing_extra_is_named(tmp_path):
    code = (
        "import sys, runpy\n"
        "sys.modules['mlxtend'] = sys.modules['mlxtend.data'] = None\n"
        f"sys.argv = ['x', '--out', {str(tmp_path / 'out')!r}]\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "extra `experiments`" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_run_that_dries_the_pool_ends_normally(tmp_path):
    options = (
        "--heuristics random --seeds 0 --rounds 9 --initial-labels 2000 --query-size 150 "
        "--epochs 1 --iterations 1"
    )
    done = run("--out", tmp_path, *options.split())
    assert [row["n_labelled"] for row in records(tmp_path)] == [2000, 2150, 2200]
    assert "labels saves" not in done.stdout


def test_a_training_that_diverges_ends_with_a_message(tmp_path):
    options = "--seeds 0 --rounds 2 --epochs 3 --iterations 2 --learning-rate 1e30"
    done = run("--out", tmp_path, *options.split(), check=False)
    assert done.returncode == 2
    assert "error: Expected a finite training loss, but got nan" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results.jsonl").exists()


def test_a_pool_limit_scores_a_subset(tmp_path):
    run("--out", tmp_path, "--heuristics", "entropy", "margin", "--seeds", 0, "--rounds", 2,
        "--pool-limit", 50, "--epochs", 1, "--iterations", 2)  # fmt: skip
    assert [row["n_labelled"] for row in records(tmp_path)] == [20, 30] * 2


def test_killed_and_started_again_it_goes_on(finished, tmp_path):
    command = [sys.executable, str(SCRIPT), "--out", str(tmp_path), *SMALL.split()]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first = tmp_path / "runs" / "random-0" / "records.jsonl"
    deadline = time.monotonic() + 60
    while process.poll() is None and not first.exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert first.exists()
    assert not (tmp_path / "results.jsonl").exists()
    run("--out", tmp_path, *SMALL.split())
    again, before = records(tmp_path), records(finished[0])
    for row in again + before:
        row.pop("seconds", None)
    assert again == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "learning_curve.png", "results.jsonl", "runs",
    ]  # fmt: skip
