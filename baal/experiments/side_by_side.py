"""Several runs, one after the other or side by side in processes of their own."""

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

import torch
from tqdm import tqdm

from baal.experiments.records import Record
from baal.experiments.runs import Run, execute

__all__ = ["execute_all"]


def execute_all(runs: Sequence[Run], jobs: int = 1, verbose: bool = True) -> list[list[Record]]:
    """Carry out several runs.

    Args:
        runs: The runs. They do not depend on each other.
        jobs: How many at a time. Above 1 each has a process of its own, with as many threads of
            torch as this one, so that results do not depend on `jobs`. On few cores one thread
            each is fastest: `torch.set_num_threads(1)`.
        verbose: Show a progress bar.

    Returns:
        The records of each run, in the order of `runs`.

    Raises:
        Exception: What a run raised; those that are under way are stopped. With folders they can
            be gone on with.

    Example:
        >>> execute_all([])
        []
    """
    found: dict[int, list[Record]] = {}
    side_by_side = jobs > 1 and len(runs) > 1
    results = _in_processes(runs, jobs) if side_by_side else _in_turn(runs, verbose)
    with tqdm(total=len(runs), desc="runs", unit="run", disable=not verbose) as progress:
        for number, records in results:
            found[number] = records
            progress.set_postfix_str(f"finished: {runs[number].title}")
            progress.update()
    return [found[number] for number in range(len(runs))]


def _in_turn(runs: Sequence[Run], verbose: bool) -> Iterator[tuple[int, list[Record]]]:
    for number, run in enumerate(runs):
        yield number, execute(run, verbose)


def _in_processes(runs: Sequence[Run], jobs: int) -> Iterator[tuple[int, list[Record]]]:
    # Started afresh rather than forked: a fork of a process with threads of torch can hang.
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    threads = (torch.get_num_threads(),)
    with ProcessPoolExecutor(jobs, context, initializer=_prepare, initargs=threads) as pool:
        numbers = {pool.submit(execute, run): number for number, run in enumerate(runs)}
        try:
            for future in as_completed(numbers):
                yield numbers[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            raise


def _prepare(threads: int) -> None:
    """Set a child process up: its threads, and an end with its parent, however that ends."""
    torch.set_num_threads(threads)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)  # a run that goes on unseen would keep its folder

    threading.Thread(target=end_with_parent, daemon=True).start()
