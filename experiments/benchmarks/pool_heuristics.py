"""What a call of each heuristic that looks at the whole pool takes.

One table: seconds of the processor for a batch out of random items, by `get_ranks` with all that
the heuristic asks for, some labelled items included; and the memory that NumPy allocates beyond
that. With OMP_NUM_THREADS=1.
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics import (
    BADGE,
    BAIT,
    LCMD,
    CoreSet,
    DensityWeighted,
    Entropy,
    ExpectedErrorReduction,
    ExpectedGradientLength,
    GreedySampling,
    MaxDet,
    ProbCover,
    RankedBatch,
    TypiClust,
    gradient_embeddings,
)

Array = npt.NDArray[Any]
Call = Callable[[], Any]


def calls(args: argparse.Namespace) -> dict[str, Call]:
    """By name, a call that ranks the pool; the first tenth of the items is labelled."""
    rng = np.random.default_rng(0)
    total, n_labelled, n = args.items * 10 // 9, args.items // 9, args.chosen
    x = rng.normal(size=(total, args.features)).astype(np.float32)
    p = rng.dirichlet(np.ones(args.classes), size=total).astype(np.float32)
    y = rng.normal(size=(total, 1))
    new = slice(n_labelled, None)
    embeddings = {"embeddings": x[new]}
    covered = {**embeddings, "labelled_embeddings": x[:n_labelled]}
    gradients = {"gradient_embeddings": gradient_embeddings(p[new], x[new])}
    everything = {**covered, "labelled_predictions": p[:n_labelled]}
    return {
        "CoreSet": lambda: CoreSet(n).get_ranks(**covered),
        "ProbCover": lambda: ProbCover(n, n_classes=args.classes).get_ranks(**covered),
        "TypiClust": lambda: TypiClust(n).get_ranks(**covered),
        "BADGE": lambda: BADGE(n, seed=0).get_ranks(**gradients),
        "DensityWeighted": lambda: DensityWeighted(Entropy()).get_ranks(p[new], **embeddings),
        "RankedBatch": lambda: RankedBatch(Entropy(), n).get_ranks(p[new], **covered),
        "ExpectedGradientLength": lambda: ExpectedGradientLength().get_ranks(p[new], **embeddings),
        "ExpectedErrorReduction": lambda: ExpectedErrorReduction().get_ranks(p[new], **embeddings),
        "BAIT": lambda: BAIT(n).get_ranks(p[new], **everything),
        "BAIT, binary": lambda: BAIT(n, binary=True).get_ranks(p[new], **everything),
        "LCMD": lambda: LCMD(n).get_ranks(**covered),
        "MaxDet": lambda: MaxDet(n).get_ranks(**covered),
        "GreedySampling": lambda: GreedySampling(n).get_ranks(
            y[new], **covered, labelled_targets=y[:n_labelled]
        ),
    }


def measure(call: Call, repeats: int) -> tuple[float, float]:
    """Median of the processor's seconds, and MiB at most."""
    took = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        took.append(time.process_time() - start)
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(np.median(took)), peak / 2**20


def main(argv: list[str] | None = None) -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=10_000, help="of the pool")
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--chosen", type=int, default=10, help="items of the batch")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args(argv)
    print(
        f"{args.items} items, D = {args.features}, C = {args.classes}, float32, a tenth labelled; "
        f"a batch of {args.chosen}; medians of {args.repeats} calls\n\n"
        "| heuristic | s | MiB beyond the input |\n|---|--:|--:|"
    )
    for name, call in calls(args).items():
        took, memory = measure(call, args.repeats)
        print(f"| {name} | {took:.2f} | {memory:.0f} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
