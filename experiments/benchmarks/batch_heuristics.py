"""What choosing a batch costs: BatchBALD and EPIG beside plain transcriptions of their formulas.

The transcriptions are kept as they are, so that ratios of different days compare. That of BatchBALD
looks at every item at every step, with as many configurations. Whether the lazy choice is as good
is told by the joint mutual information of its batch, estimated by other means: with labels drawn
from the model.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp, softmax

from baal.active.heuristics.batch_bald import BatchBALD
from baal.active.heuristics.epig import EPIG

Array = npt.NDArray[Any]


def dropout_head(n: int, c: int = 10, k: int = 20, noise: float = 0.25, seed: int = 0) -> Array:
    """A linear head under dropout, on features that lie around as many modes as classes."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(c, 32))
    features = rng.normal(size=(n, 32)) * rng.uniform(0.3, 1.5, size=(n, 1))
    features = np.maximum(features + centres[rng.integers(c, size=n)], 0)
    kept = (rng.random((k, 32)) > noise) / (1 - noise)
    logits = np.einsum("nr,cr,kr->nck", features, centres / 2, kept, optimize=True)
    return np.asarray(softmax(logits.astype(np.float32), axis=1))


POOLS: dict[str, Callable[[int], Array]] = {
    "dropout 0.25": dropout_head,
    "dropout 0.05": lambda n: dropout_head(n, noise=0.05),
    "every item 10 times": lambda n: np.repeat(dropout_head(n // 10), 10, axis=0),
}


def plain_batch_bald(p: Array, size: int, budget: int) -> list[int]:
    """Greedy by `H[y_1, ..., y_b, y] - E H[y|theta]`, every item looked at in every step."""
    rng = np.random.default_rng(0)
    p = p.astype(np.float64)
    expected = -(p * np.log(p + 1e-300)).sum(axis=1).mean(axis=-1)  # [N]
    joint = np.ones((1, p.shape[2]))  # [M, K], p(y_1, ..., y_b | k)
    drawn_with = np.ones(1)  # [M], what a configuration was drawn with, times their number
    batch: list[int] = []
    for _ in range(size):
        scores = np.empty(len(p))
        for start in range(0, len(p), 10):
            # [n, M, C]: the probability of each configuration and one more label
            q = joint @ p[start : start + 10].transpose(0, 2, 1) / p.shape[2]
            terms = q * np.log(q + 1e-300) / drawn_with[:, np.newaxis]
            scores[start : start + 10] = -terms.sum(axis=(1, 2))
        scores -= expected
        scores[batch] = -np.inf
        batch.append(int(np.argmax(scores)))
        item = p[batch[-1]]
        if len(joint) * p.shape[1] <= budget:
            joint = (joint[:, np.newaxis] * item).reshape(-1, p.shape[2])
            drawn_with = np.ones(len(joint))
        else:
            joint, drawn_with = draw_configurations(p[batch], budget, rng)
    return batch


def draw_configurations(
    p: Array, n: int, rng: np.random.Generator
) -> tuple[Array, npt.NDArray[np.float64]]:
    """Labels of a batch `[b, C, K]` drawn from the model: `p(y|k)` `[n, K]`, and `n p(y)`."""
    samples = rng.integers(p.shape[2], size=n)
    joint = np.ones((n, p.shape[2]))
    for item in p:
        sums = np.cumsum(item[:, samples], axis=0)  # [C, n]
        labels = (rng.random(n) * sums[-1] > sums).sum(axis=0)
        joint *= item[np.minimum(labels, len(item) - 1)]
    return joint, n * joint.mean(axis=1)


def joint_information(p: Array, n: int, seed: int) -> tuple[float, float]:
    """Mutual information of a batch's labels `[b, C, K]`, and its standard error, by drawing."""
    rng = np.random.default_rng(seed)
    p = p.astype(np.float64)
    samples = rng.integers(p.shape[2], size=n)
    logs = np.zeros((n, p.shape[2]))  # ln p(y | k)
    for item in p:
        sums = np.cumsum(item[:, samples], axis=0)
        labels = (rng.random(n) * sums[-1] > sums).sum(axis=0)
        logs += np.log(item[np.minimum(labels, len(item) - 1)] + 1e-300)
    gain = logs[np.arange(n), samples] - logsumexp(logs, axis=1) + np.log(p.shape[2])
    return float(gain.mean()), float(gain.std() / np.sqrt(n))


def plain_epig(p: Array, targets: Array) -> Array:
    """The formula for all pairs at once, in pieces of the pool."""
    scores = []
    marginal, target_marginal = p.mean(-1), targets.mean(-1)
    for start in range(0, len(p), 50):
        piece = p[start : start + 50]
        joint = np.einsum("nck,tdk->ntcd", piece, targets, optimize=True) / p.shape[-1]
        product = np.einsum("nc,td->ntcd", marginal[start : start + 50], target_marginal)
        scores.append((joint * np.log(joint / product)).sum(axis=(2, 3)).mean(axis=1))
    return np.concatenate(scores)


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """How long it takes, and what it gives."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def batch_bald(args: argparse.Namespace) -> None:
    """The table of BatchBALD."""
    print(
        f"\nBatchBALD, C = 10, K = 20, {args.configurations} configurations; mutual information in "
        f"nats, +- its standard error, by {args.draws} draws\n\n| pool | N | batch | ours, s "
        "| plain, s | plain / ours | ours | plain | top of BALD |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    )
    for name in args.pools or POOLS:
        for n, size in zip(args.items, args.sizes, strict=True):
            p = POOLS[name](n)
            heuristic = BatchBALD(size, args.configurations)
            times, ranks = [], np.zeros(0)
            for _ in range(args.repeats):
                took, ranks = seconds(lambda: heuristic(p))  # noqa: B023
                times.append(took)
            plain: float | None = None
            batches = {"ours": ranks[:size], "plain": None, "top": BatchBALD(0)(p)[:size]}
            if n <= args.plain_up_to:
                budget = args.configurations
                plain, batches["plain"] = seconds(lambda: plain_batch_bald(p, size, budget))  # noqa: B023
            informations = []
            for batch in batches.values():
                if batch is None:
                    informations.append("")
                    continue
                mean, error = joint_information(p[batch], args.draws, seed=1)
                informations.append(f"{mean:.4f} +- {error:.4f}")
            ours = float(np.median(times))
            ratio = ("", "") if plain is None else (f"{plain:.1f}", f"{plain / ours:.0f}")
            print(
                f"| {name} | {n} | {size} | {ours:.2f} | {' | '.join(ratio)} | "
                + " | ".join(informations)
                + " |",
                flush=True,
            )


def epig(args: argparse.Namespace) -> None:
    """The table of EPIG."""
    p, targets = dropout_head(2000), dropout_head(500, seed=1)
    ratios, ours = [], []
    for _ in range(args.repeats):
        took, (_, scores) = seconds(lambda: EPIG().get_ranks(p, targets))
        plain, expected = seconds(lambda: plain_epig(p, targets))
        np.testing.assert_allclose(scores, expected, atol=2e-6)
        ratios.append(plain / took)
        ours.append(took)
    print(
        "\nEPIG, 2000 pool and 500 target items, C = 10, K = 20, float32: "
        f"{np.median(ours):.2f} s, the direct formula in pieces of 50 items "
        f"{np.median(ratios):.1f} times that."
    )


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; in one thread if OMP_NUM_THREADS=1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--configurations", type=int, default=2000)
    parser.add_argument("--pools", nargs="+", choices=POOLS)
    parser.add_argument("--plain-up-to", type=int, default=10_000, help="pools to run it on")
    parser.add_argument("--draws", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args(argv)
    epig(args)
    batch_bald(args)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
