"""What the pointwise scores cost beside plain NumPy, by ratios.

Each row scores the same float32 probabilities in turn by a plain transcription of the formula and
by ours, with all its validation and `mode="auto"`, in one thread, and gives medians of the ratios
of runs beside each other.

The plain transcriptions are what one writes from the formula in a line or two, in the precision of
the input, checking nothing. Zero times its logarithm is zero, which there are two usual ways to
write: `scipy.special.entr`, and `np.log` of the probabilities cut off at the smallest number. What
is asked for counts against whichever is faster, so each has a row. A third, `np.log` with 1e-10
added, is common, and not the formula: it is there for comparison.

Memory is what NumPy allocates at its peak beyond what it had before, the result included.
"""

import argparse
import importlib.util
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import entr

from baal.active.heuristics import BALD, AbstractHeuristic, Certainty, Entropy, Margin

Array = npt.NDArray[Any]
Score = Callable[[Array], Array]

SHAPES = {
    "full": {"pool": (50_000, 10, 20), "images": (8, 21, 256, 256, 20)},
    "small": {"pool": (500, 10, 20), "images": (2, 5, 16, 16, 4)},
}
SMALL_BATCH = [
    *["--items", "200", "--sizes", "4", "--configurations", "50"],
    *["--draws", "1000", "--repeats", "1"],
]
EPS = 1e-10
TINY = np.finfo(np.float32).tiny


def entropy_entr(p: Array) -> Array:
    """Entropy of the mean prediction."""
    return np.asarray(entr(p.mean(-1)).sum(1))


def entropy_floor(p: Array) -> Array:
    """The same by NumPy alone."""
    mean = p.mean(-1)
    return np.asarray(-(mean * np.log(np.maximum(mean, TINY))).sum(1))


def entropy_eps(p: Array) -> Array:
    """The same, but for what is added to each probability."""
    mean = p.mean(-1)
    return np.asarray(-(mean * np.log(mean + EPS)).sum(1))


def bald_entr(p: Array) -> Array:
    """Entropy of the mean prediction less the mean entropy."""
    return np.asarray(entropy_entr(p) - entr(p).sum(1).mean(-1))


def bald_floor(p: Array) -> Array:
    """The same by NumPy alone."""
    return np.asarray(entropy_floor(p) + (p * np.log(np.maximum(p, TINY))).sum(1).mean(-1))


def bald_eps(p: Array) -> Array:
    """The same, but for what is added to each probability."""
    return np.asarray(entropy_eps(p) + (p * np.log(p + EPS)).sum(1).mean(-1))


def plain_margin(p: Array) -> Array:
    """The lead of the first class over the second."""
    ordered = np.sort(p.mean(-1), axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def plain_certainty(p: Array) -> Array:
    """The highest probability."""
    return np.asarray(p.mean(-1).max(1))


BALD_ASKED = {"pool": 3.0, "images": 2.5}
ASKED = {"pool": 2.0, "images": 2.0}
CASES: list[tuple[str, Score, type[AbstractHeuristic], dict[str, float]]] = [
    ("BALD, `entr`", bald_entr, BALD, BALD_ASKED),
    ("BALD, floor", bald_floor, BALD, BALD_ASKED),
    ("BALD, 1e-10", bald_eps, BALD, {}),
    ("Entropy, `entr`", entropy_entr, Entropy, ASKED),
    ("Entropy, floor", entropy_floor, Entropy, ASKED),
    ("Entropy, 1e-10", entropy_eps, Entropy, {}),
    ("Margin", plain_margin, Margin, ASKED),
    ("Certainty", plain_certainty, Certainty, ASKED),
]


def draw(shape: tuple[int, ...]) -> Array:
    """Probabilities of many kinds of items, float32."""
    rng = np.random.default_rng(0)
    p = rng.standard_normal(shape, dtype=np.float32)
    p *= 2
    np.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True)
    return p


def seconds(score: Score, p: Array) -> float:
    """How long it takes."""
    start = time.perf_counter()
    score(p)
    return time.perf_counter() - start


def time_pair(plain: Score, ours: Score, p: Array, repeats: int) -> tuple[list[float], list[float]]:
    """Seconds of both, one after the other, in rounds of which the first warms up."""
    rounds = [(seconds(plain, p), seconds(ours, p)) for _ in range(repeats + 1)][1:]
    return [a for a, _ in rounds], [b for _, b in rounds]


def peak_mib(score: Score, p: Array) -> float:
    """MiB that NumPy allocates at most, the result included."""
    tracemalloc.start()
    try:
        score(p)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def compare(shapes: dict[str, tuple[int, ...]], repeats: int, threads: int) -> None:
    """Print the table of ratios."""
    print(
        f"\nfloat32, NumPy {np.__version__}, {threads} thread(s), medians of {repeats} rounds\n\n"
        "| score | shape | plain, ms | ours, ms | plain / ours | asked for | MiB: plain | ours |\n"
        "|---|---|--:|--:|--:|--:|--:|--:|"
    )
    for kind, shape in shapes.items():
        p = draw(shape)
        for name, plain, heuristic, asked in CASES:
            ours = heuristic(threads=threads).get_uncertainties  # type: ignore[call-arg]
            a, b = time_pair(plain, ours, p, repeats)
            ratio = statistics.median(x / y for x, y in zip(a, b, strict=True))
            want = f"{asked[kind]:.1f}" if kind in asked else ""
            print(
                f"| {name} | {list(shape)} | {1e3 * statistics.median(a):.1f} "
                f"| {1e3 * statistics.median(b):.1f} | {ratio:.2f} | {want} "
                f"| {peak_mib(plain, p):.0f} | {peak_mib(ours, p):.0f} |",
                flush=True,
            )


def run_batch(arguments: list[str]) -> None:
    """The benchmark of the batch heuristics, a script of its own beside this one."""
    path = Path(__file__).with_name("batch_heuristics.py")
    spec = importlib.util.spec_from_file_location("batch_heuristics", path)
    if spec is None or spec.loader is None or not path.exists():
        return
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main(arguments)


def at_least_one(text: str) -> int:
    """A whole number of rounds or threads."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, but got {text!r}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=at_least_one, default=9, help="rounds to take medians of")
    parser.add_argument("--threads", type=at_least_one, default=1, help="threads of ours")
    parser.add_argument("--small", action="store_true", help="small arrays, to see that it runs")
    parser.add_argument("--only", choices=["pointwise", "batch"], help="only these heuristics")
    args = parser.parse_args(arguments)
    if args.only != "batch":
        compare(SHAPES["small" if args.small else "full"], args.repeats, args.threads)
    if args.only != "pointwise":
        run_batch(SMALL_BATCH if args.small else [])
    return 0


if __name__ == "__main__":
    sys.exit(main())
