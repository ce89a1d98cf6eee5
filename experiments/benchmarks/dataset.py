"""What the bookkeeping of an active dataset costs, at a million items and at ten million.

Accesses are timed beside the same accesses to the raw dataset, in turn, and compared within a
round: medians of the differences, in microseconds. "labelling" is one `label` of 1,000 items of the
pool, "and read" the same with the first `ds[i]` and `pool[i]` after it, which compute what later
accesses use. A tenth of the labelled items is set aside for validation all the while.

Memory is that of a fresh process beyond what it had before it made the active dataset, after items
of both sides were read ("in use"), and after each dense view was asked for too ("all views":
`labelled`, `labelled_map`, `pool.dataset_indices`). Prints Markdown tables.
"""

import argparse
import ctypes
import gc
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from baal.active.dataset.pytorch_dataset import ActiveLearningDataset

N_LABELLED = 1_000  # items of one call
SHARES = (0.001, 0.5, 0.999)
VALIDATION = 0.1  # share of the labelled items that is set aside while times are taken


class Numbers:
    """As many items as one likes, each its own index."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> int:
        return index


def make(n: int, share: float, validation: float = 0.0) -> ActiveLearningDataset:
    """A dataset of `n` items, a share of which is labelled here and there."""
    labelled = np.random.default_rng(0).random(n) < share
    labelled[:2] = False, True  # both sides have an item
    return ActiveLearningDataset(Numbers(n), labelled, random_state=0, validation_split=validation)


def microseconds(read: Callable[[int], object], indices: list[int]) -> float:
    """What one access takes, on average over the indices."""
    start = time.perf_counter()
    for index in indices:
        read(index)
    return (time.perf_counter() - start) / len(indices) * 1e6


def beyond_raw(
    read: Callable[[int], object], length: int, raw: Numbers, repeats: int, accesses: int
) -> float:
    """Microseconds of an access beyond one to the raw dataset; medians of pairs in turn."""
    rng = np.random.default_rng(1)
    differences = []
    for _ in range(repeats):
        indices = rng.integers(length, size=accesses).tolist()
        differences.append(microseconds(read, indices) - microseconds(raw.__getitem__, indices))
    return median(differences)


def milliseconds(work: Callable[[], object]) -> float:
    """What it takes, once."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def time_accesses(n: int, share: float, repeats: int, accesses: int) -> list[float]:
    """Microseconds beyond the raw dataset's access, or alone where there is none."""
    dataset, raw = make(n, share, VALIDATION), Numbers(n)
    pool = dataset.pool
    reads: list[tuple[Callable[[int], object], int]] = [
        (dataset.__getitem__, len(dataset)),
        (pool.__getitem__, len(pool)),
    ]
    costs = [beyond_raw(read, length, raw, repeats, accesses) for read, length in reads]
    alone: list[Callable[[int], object]] = [
        lambda _: len(dataset),
        dataset.is_labelled,
        lambda _: dataset.pool,
    ]
    indices = np.random.default_rng(2).integers(n, size=accesses).tolist()
    return costs + [median(microseconds(call, indices) for _ in range(repeats)) for call in alone]


def time_changes(n: int, share: float, repeats: int) -> list[float]:
    """Milliseconds: labelling, the same with the first reads after it, by chance, save, load."""
    dataset = make(n, share, VALIDATION)

    def draw() -> list[int]:
        n = min(N_LABELLED, dataset.n_unlabelled // 2)
        drawn: list[int] = np.random.default_rng(3).permutation(dataset.n_unlabelled)[:n].tolist()
        return drawn

    def label_and_read() -> None:
        dataset.label(chosen)
        dataset[0], dataset.pool[0]

    times: list[list[float]] = [[] for _ in range(5)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "snapshot.npz")
        for _ in range(repeats):
            chosen = draw()
            times[0].append(milliseconds(lambda: dataset.label(chosen)))  # noqa: B023
            chosen = draw()
            times[1].append(milliseconds(label_and_read))
            times[2].append(milliseconds(lambda: dataset.label_randomly(N_LABELLED)))
            times[3].append(milliseconds(lambda: dataset.save(path)))
            times[4].append(milliseconds(lambda: dataset.load(path)))
    return [median(one) for one in times]


def bytes_of_a_pool(n: int) -> int:
    """Peak of what asking for the pool allocates, in bytes."""
    dataset = make(n, 0.5)
    dataset.pool  # noqa: B018 - the first one looks for augmentation
    tracemalloc.start()
    pool = dataset.pool
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak if len(pool) else 0


def resident() -> int:
    """Bytes of resident memory of this process (Linux), once what is free was given back."""
    gc.collect()
    # glibc keeps freed blocks below 32 MB for later: not held by anything, yet resident.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def print_memory(n: int, share: float, validation: float) -> None:
    """Bytes an item, in use and with all views; run in a process of its own."""
    use(make(1000, 0.5, 0.1))  # what a first use loads is not counted
    before = resident()
    dataset = make(n, share, validation)
    use(dataset)
    in_use = resident() - before
    views = dataset.labelled, dataset.labelled_map, dataset.pool.dataset_indices
    print(in_use / n, (resident() - before) / n, len(views))


def use(dataset: ActiveLearningDataset) -> None:
    """One change, then each kind of access."""
    dataset.label(0)
    dataset[0], len(dataset), dataset.is_labelled(0), dataset.validation
    if dataset.n_unlabelled:
        dataset.pool[0]


def memory(n: int, share: float, validation: float) -> list[float]:
    """What `print_memory` prints in a fresh process."""
    command = [sys.executable, __file__, "--memory-of", str(n), str(share), str(validation)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(number) for number in done.stdout.split()[:2]]


def print_tables(sizes: list[int], repeats: int, accesses: int) -> None:
    """All of it."""
    print(
        "| items | labelled | `ds[i]`, µs | `pool[i]`, µs | `len`, µs | `is_labelled`, µs "
        "| `pool`, µs |\n|--:|--:|--:|--:|--:|--:|--:|"
    )
    cases = [(n, share) for n in sizes for share in SHARES]
    for n, share in cases:
        costs = " | ".join(f"{cost:.2f}" for cost in time_accesses(n, share, repeats, accesses))
        print(f"| {n:,} | {share:.1%} | {costs} |", flush=True)
    print(
        "\n| items | labelled | label 1,000, ms | and read, ms | `label_randomly`, ms "
        "| `save`, ms | `load`, ms |\n|--:|--:|--:|--:|--:|--:|--:|"
    )
    for n, share in cases:
        # Enough is left to be labelled.
        costs = " | ".join(f"{c:.1f}" for c in time_changes(n, min(share, 0.9), repeats))
        print(f"| {n:,} | {min(share, 0.9):.1%} | {costs} |", flush=True)
    if not Path("/proc/self/status").exists():
        return
    print(
        "\n| items | labelled | validation | in use, bytes an item | all views, bytes an item |"
        "\n|--:|--:|--:|--:|--:|"
    )
    for n, share in cases:
        for validation in (0.0, VALIDATION):
            in_use, views = memory(n, share, validation)
            print(f"| {n:,} | {share:.1%} | {validation:.0%} | {in_use:.1f} | {views:.1f} |")
    print(f"\n`pool` allocates {bytes_of_a_pool(sizes[-1])} bytes at {sizes[-1]:,} items.")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--repeats", type=int, default=7, help="rounds to take medians of")
    parser.add_argument("--accesses", type=int, default=5_000, help="accesses a round")
    parser.add_argument("--memory-of", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.memory_of:
        n, share, validation = args.memory_of
        print_memory(int(n), float(share), float(validation))
    else:
        print_tables(args.items, args.repeats, args.accesses)
    return 0


if __name__ == "__main__":
    sys.exit(main())
