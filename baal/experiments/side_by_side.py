"""Several runs, one after the other or side by side in processes of their own."""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from typing import TypeAlias

import torch
from tqdm import tqdm

from baal.exceptions import InvalidArgumentError
from baal.experiments.records import Record
from baal.experiments.runs import Run, execute

__all__ = ["execute_all"]

Results: TypeAlias = Generator[tuple[int, list[Record]], None, None]


def execute_all(runs: Sequence[Run], jobs: int = 1, verbose: bool = True) -> list[list[Record]]:
    """Carry out several runs.

    Args:
        runs: The runs. They do not depend on each other.
        jobs: How many at a time. Above 1 they are spread over so many processes, each with as many
            threads of torch as this one, so that results do not depend on `jobs`. On few cores one
            thread each is fastest: `torch.set_num_threads(1)`. Other global settings of torch that
            results depend on, such as its default dtype, are set where the model is made.
        verbose: Show a progress bar.

    Returns:
        The records of each run, in the order of `runs`.

    Raises:
        InvalidArgumentError: `jobs` is above 1, and a run cannot be sent to another process.
        Exception: What a run raised; those that are under way are stopped. With folders they can
            be gone on with.

    Example:
        >>> execute_all([])
        []
    """
    found: dict[int, list[Record]] = {}
    side_by_side = jobs > 1 and len(runs) > 1
    if side_by_side:
        for run in runs:
            _check_sendable(run)
    results = _in_processes(runs, jobs) if side_by_side else _in_turn(runs, verbose)
    # Closed whatever happens here, so that nothing goes on unseen.
    with (
        closing(results),
        tqdm(total=len(runs), desc="runs", unit="run", disable=not verbose) as progress,
    ):
        for number, records in results:
            found[number] = records
            progress.set_postfix_str(f"finished: {runs[number].title}")
            progress.update()
    return [found[number] for number in range(len(runs))]


def _check_sendable(run: Run) -> None:
    try:
        pickle.dumps(run)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InvalidArgumentError(
            "Expected what makes data, model and heuristic to be functions at the top of a module, "
            f"which can be sent to another process, but got {run.title!r} with others: {error}. "
            "Define them there, or choose jobs=1."
        ) from error


def _in_turn(runs: Sequence[Run], verbose: bool) -> Results:
    for number, run in enumerate(runs):
        yield number, execute(run, verbose)


def _in_processes(runs: Sequence[Run], jobs: int) -> Results:
    # Started afresh rather than forked: a fork of a process with threads of torch can hang.
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    threads = (torch.get_num_threads(),)
    jobs = min(jobs, len(runs))
    with ProcessPoolExecutor(jobs, context, initializer=_prepare, initargs=threads) as pool:
        try:
            numbers = {pool.submit(execute, run): number for number, run in enumerate(runs)}
            for future in as_completed(numbers):
                yield numbers[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            children = set(multiprocessing.active_children()) - others
            for child in children:
                child.terminate()
            for child in children:  # whoever goes on with a folder has it for himself
                child.join()
            raise


def _prepare(threads: int) -> None:
    """Set a child process up: its threads, and an end with its parent, however that ends."""
    torch.set_num_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent answers it
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)  # a run that goes on unseen would keep its folder

    threading.Thread(target=end_with_parent, daemon=True).start()
