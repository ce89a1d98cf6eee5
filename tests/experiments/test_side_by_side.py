"""Several runs at a time: the same results, and nothing left behind by an error or a kill."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from baal.active.heuristics import Random
from baal.exceptions import InvalidArgumentError
from baal.experiments import side_by_side
from baal.experiments.runs import Run, read_runs, run_folder
from baal.experiments.side_by_side import execute_all
from tests.experiments import small_comparison
from tests.experiments.small_comparison import (
    LABELS,
    BrokenError,
    all_gone,
    compare_small,
    linger,
    make,
    make_but_for_seed_1,
    without_seconds,
)

ROOT = Path(__file__).parents[2]
WHOLE = 4 * len(LABELS) + 2 * len(LABELS)  # records of two heuristics and Random on two seeds


@pytest.fixture(scope="module")
def whole():
    """The records of the small comparison that nothing has come between."""
    return without_seconds(compare_small().records)


def runs(make, seeds, **changes):
    options = {"query_size": 5, "iterations": 2}
    return [
        Run("random", seed, make, Random, initial_labels=35, options=options, **changes)
        for seed in seeds
    ]


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_records_come_in_the_order_of_the_runs():
    found = execute_all(runs(make, [4, 0, 2]), verbose=False)
    assert [[row["seed"] for row in rows] for rows in found] == [[4] * 2, [0] * 2, [2] * 2]


def test_progress_names_runs_and_their_rounds(capsys):
    execute_all(runs(make, [4]), verbose=True)
    shown = capsys.readouterr().err
    assert "finished: random, seed 4" in shown
    assert "random, seed 4: 100%" in shown
    execute_all(runs(make, [4]), verbose=False)
    assert capsys.readouterr().err == ""


def test_results_do_not_depend_on_jobs(tmp_path, whole):
    comparison = compare_small(folder=tmp_path, jobs=2)
    assert len(whole) == WHOLE
    assert without_seconds(comparison.records) == whole


def test_children_have_as_many_threads_of_torch(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    seen = []
    pool = side_by_side.ProcessPoolExecutor

    def start(jobs, context, initializer, initargs):
        seen.append((jobs, context.get_start_method(), initargs))
        return pool(jobs, context, initializer=initializer, initargs=initargs)

    monkeypatch.setattr(side_by_side, "ProcessPoolExecutor", start)
    with pytest.raises(BrokenError):
        execute_all(runs(make_but_for_seed_1, [1, 1]), jobs=7, verbose=False)
    assert seen == [(2, "spawn", (3,))]


def test_an_error_stops_the_others_and_reaches_the_caller_as_it_is(tmp_path, whole):
    lingering = {"folder": tmp_path, "callbacks": [partial(linger, tmp_path / "alive", 0.5)]}
    with pytest.raises(BrokenError) as error:
        compare_small(make_but_for_seed_1, seeds=[0, 1], jobs=2, **lingering)
    assert error.value.args == ("no data for seed", 1)
    assert all_gone(tmp_path / "alive")  # now, and not in a while
    at_the_error = read_runs(tmp_path / "runs")
    assert 0 < len(at_the_error) < WHOLE / 2
    assert not (tmp_path / "results.jsonl").exists()
    assert without_seconds(compare_small(folder=tmp_path).records) == whole


def test_an_error_of_one_after_the_other(tmp_path):
    with pytest.raises(BrokenError):
        execute_all(runs(make_but_for_seed_1, [0, 1, 2]), verbose=False)


def test_interrupted_with_children_at_work(tmp_path, whole):
    alive = tmp_path / "alive"

    def press_ctrl_c():
        # Not for both children: on a busy machine one may do it all while the other starts.
        wait_for(lambda: read_runs(tmp_path / "runs"))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=press_ctrl_c)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        compare_small(folder=tmp_path, jobs=2, callbacks=[partial(linger, alive, 0.5)])
    thread.join()
    assert all_gone(alive)
    assert 0 < len(read_runs(tmp_path / "runs")) < WHOLE
    assert without_seconds(compare_small(folder=tmp_path).records) == whole


def test_interrupted_between_two_runs_of_one_process(tmp_path, whole):
    def interrupt(record):
        if len(read_runs(tmp_path / "runs")) == len(LABELS) + 2:  # in the second run
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_small(folder=tmp_path, callbacks=[interrupt])
    assert without_seconds(read_runs(tmp_path / "runs")) == whole[: len(LABELS) + 2]
    assert without_seconds(compare_small(folder=tmp_path).records) == whole


@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_and_called_again(tmp_path, whole, jobs):
    alive, script = tmp_path / "alive", Path(small_comparison.__file__)
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(script), str(tmp_path), str(jobs)], cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(lambda: process.poll() is not None or (len(read_runs(tmp_path / "runs")) >= 5
             and len(list(alive.iterdir())) == jobs))  # fmt: skip
    assert not all_gone(alive)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    wait_for(lambda: all_gone(alive), seconds=10)
    left = read_runs(tmp_path / "runs")
    assert 5 <= len(left) < WHOLE
    assert not (tmp_path / "results.jsonl").exists()
    again = compare_small(folder=tmp_path).records
    assert without_seconds(again) == whole
    # What was complete is not carried out again: it keeps its seconds.
    kept = [row for row in left if row in again]
    assert len(kept) >= len(left) - jobs


@pytest.mark.parametrize("what", ["make", "heuristic"])
def test_what_cannot_be_sent_to_another_process_is_refused(tmp_path, what):
    functions = {"make": make, "heuristic": Random, what: lambda seed: None}
    two = [
        Run("random", seed, **functions, folder=run_folder(tmp_path / "runs", "random", seed))
        for seed in (0, 1)
    ]
    with pytest.raises(InvalidArgumentError, match=r"functions at the top of a module.*jobs=1"):
        execute_all(two, jobs=2)
    assert not (tmp_path / "runs").exists()
    assert execute_all([], jobs=2, verbose=False) == []
