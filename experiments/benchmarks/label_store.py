"""What it costs to keep every label on the disk before the call that gives it ends.

- Labels a second that are acknowledged, one in a call and 1,000 in a call, beside the same calls
  without a store, in turn; medians. The store's own share is what an `INSERT` and a commit cost.
- Reading a million labels back: making the dataset with the store, values included.
- Bytes a label of the file, with integers as values, and with names of classes, ids and sources.
- A simulated loop, as in the main job: with and without a store, in turn; medians of the ratios.

Say with `--folder` on which disk: a commit waits for it. Prints Markdown tables.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from baal.active.active_loop import ActiveLearningLoop
from baal.active.dataset.numpy import ActiveNumpyArray
from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
from baal.active.heuristics.uncertainty import Entropy
from baal.active.label_store.store import LabelStore

CLASSES = [f"class {number}" for number in range(10)]
N_CLASSES = len(CLASSES)
BULK = 50_000  # labels of one call where a million is written


class Numbers:
    """As many items as one likes, with labels."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.labels: dict[int, Any] = {}

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> int:
        return index

    def label(self, index: int, value: object) -> None:
        """Keep a value, as a person's dataset does."""
        self.labels[index] = value


def seconds(work: Callable[[], object]) -> float:
    """What it takes, once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def label_in_calls(dataset: ActiveLearningDataset, n_calls: int, size: int) -> float:
    """Labels a second, in calls of `size` new items."""
    first = dataset.n_labelled
    values = [number % N_CLASSES for number in range(size)]
    calls = [np.arange(first + i * size, first + (i + 1) * size) for i in range(n_calls)]

    def work() -> None:
        for indices in calls:
            dataset.label_dataset_indices(indices, values)

    return n_calls * size / seconds(work)


def rates(folder: Path, size: int, n_calls: int, repeats: int) -> tuple[float, float]:
    """Labels a second with a store and without, in turn."""
    n = size * n_calls * repeats
    with LabelStore(folder / f"calls of {size}.db") as store:
        stored = ActiveLearningDataset(Numbers(n), store=store, random_state=0)
        plain = ActiveLearningDataset(Numbers(n), random_state=0)
        pairs = [
            (label_in_calls(stored, n_calls, size), label_in_calls(plain, n_calls, size))
            for _ in range(repeats)
        ]
    return median(a for a, _ in pairs), median(b for _, b in pairs)


def read_back(folder: Path, n: int, *, with_names: bool) -> tuple[float, float]:
    """Seconds to read `n` labels back, and bytes a label of the file."""
    ids = [f"images/{number:08d}.png" for number in range(n)] if with_names else None
    with LabelStore(folder / "many.db", source="annotator 1" if with_names else None) as store:
        dataset = ActiveLearningDataset(Numbers(n), item_ids=ids, store=store, random_state=0)
        for start in range(0, n, BULK):
            indices = np.arange(start, min(start + BULK, n))
            labels: list[Any] = [number % N_CLASSES for number in indices.tolist()]
            names = [CLASSES[label] for label in labels] if with_names else labels
            dataset.label_dataset_indices(indices, names)
        store.close()
        size = (folder / "many.db").stat().st_size / n
        items = Numbers(n)
        took = seconds(
            lambda: ActiveLearningDataset(items, item_ids=ids, store=store, random_state=0)
        )
    (folder / "many.db").unlink()
    if len(items.labels) != n:
        raise RuntimeError(f"Expected {n} labels to come back, but got {len(items.labels)}")
    return took, size


def simulate(x: np.ndarray[Any, Any], steps: int, store: LabelStore | None) -> float:
    """Seconds of a loop of `steps` queries of 10: a softmax over features, entropy, label."""
    weights = np.random.default_rng(0).normal(size=(x.shape[1], N_CLASSES))
    targets = np.argmax(x @ weights, axis=1)
    dataset = ActiveNumpyArray((x, targets), random_state=0, store=store)

    def predict(pool: tuple[np.ndarray[Any, Any], ...]) -> np.ndarray[Any, Any]:
        logits = np.exp(pool[0] @ weights)
        probabilities: np.ndarray[Any, Any] = logits / logits.sum(axis=1, keepdims=True)
        return probabilities

    loop = ActiveLearningLoop(dataset, predict, Entropy(), query_size=10)

    def work() -> None:
        for _ in range(steps):
            loop.step()

    return seconds(work)


def overhead(folder: Path, n: int, steps: int, repeats: int) -> tuple[float, float]:
    """Milliseconds of a step without a store, and those that the store adds; medians of pairs."""
    x = np.random.default_rng(1).normal(size=(n, 64))
    plain, added = [], []
    for number in range(repeats):
        alone = simulate(x, steps, None)
        with LabelStore(folder / f"loop {n} {number}.db") as store:
            stored = simulate(x, steps, store)
        plain.append(alone / steps * 1e3)
        added.append((stored - alone) / steps * 1e3)
    return median(plain), median(added)


def print_tables(folder: Path, n: int, n_calls: int, repeats: int) -> None:
    """All of it."""
    print("| labels in a call | a second, with a store | a second, without |\n|--:|--:|--:|")
    for size, calls in ((1, n_calls), (1000, max(n_calls // 20, 1))):
        stored, plain = rates(folder, size, calls, repeats)
        print(f"| {size:,} | {stored:,.0f} | {plain:,.0f} |", flush=True)
    print("\n| labels | of what kind | read back, s | bytes a label |\n|--:|---|--:|--:|")
    for with_names, kind in ((False, "integers"), (True, "strings, with ids and a source")):
        took, in_file = read_back(folder, n, with_names=with_names)
        print(f"| {n:,} | {kind} | {took:.1f} | {in_file:.0f} |", flush=True)
    print("\n| pool of the loop | a step without a store, ms | the store adds, ms |\n|--:|--:|--:|")
    for pool in (5_000, 50_000):
        plain, added = overhead(folder, pool, 20, repeats)
        print(f"| {pool:,} | {plain:.1f} | {added:.2f} |", flush=True)


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
    parser.add_argument("--labels", type=int, default=1_000_000, help="labels to read back")
    parser.add_argument("--calls", type=int, default=1_000, help="calls a round")
    parser.add_argument("--repeats", type=int, default=5, help="rounds to take medians of")
    parser.add_argument("--folder", type=Path, help="where the files go for a while")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        print_tables(Path(folder), args.labels, args.calls, args.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
