"""What a whole run costs: `ActiveLearningExperiment` beside the same work written by hand.

The network, the digits and the settings of the main job, K = 20. By hand means without a library: a
plain training loop, the pool predicted by stacking its inputs K times or by K passes in a loop,
BALD transcribed into NumPy, and indices moved from one list to another. Both sides measure nothing
in between, and give the same numbers of labels in the same rounds, seed by seed.

- The ratio by hand / experiment by stage, above 1 where the experiment is faster: medians over
  pairs of runs, one after the other. "label" is all that is no training and no scoring.
- What it costs to keep the run in a folder: the same experiment with one and without, in turn.

Prints Markdown tables.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from baal.active.dataset import ActiveLearningDataset
from baal.active.heuristics import BALD
from baal.active.stopping_criteria import LabellingBudgetStoppingCriterion
from baal.bayesian.dropout import patch_module
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.datasets import imbalanced_mnist_5k
from baal.experiments.modelwrapper import ModelWrapperAdapter
from baal.modelwrapper import ModelWrapper, TrainingArgs

INITIAL, QUERY, BATCH = 20, 10, 32
STAGES = ("train", "score", "label", "all")
WAYS = ("stack", "loop")


@dataclass
class Sizes:
    """How much is done in a run."""

    rounds: int = 5
    epochs: int = 50
    samples: int = 20


@dataclass
class Run:
    """What a run has done: seconds by stage, sizes of its rounds, what it chose in each."""

    seconds: dict[str, float]
    n_labelled: list[int] = field(default_factory=list)
    chosen: list[list[int]] = field(default_factory=list)


def network() -> nn.Sequential:
    """The network of the main job."""
    return nn.Sequential(
        *[nn.Conv2d(1, 16, 5, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU(), nn.Flatten()],
        *[nn.Dropout(0.25), nn.Linear(800, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10)],
    )


class OnlyTrains(ModelWrapperAdapter):
    """Measures nothing on a test set: that would be posterior samples once more."""

    def evaluate(self, dataset: Any, average_predictions: int) -> dict[str, Any]:
        """Nothing."""
        del dataset, average_predictions
        return {}


def by_experiment(pool: TensorDataset, sizes: Sizes, seed: int, folder: Path | None = None) -> Run:
    """A run of `ActiveLearningExperiment`."""
    start = time.perf_counter()
    torch.manual_seed(seed)
    model = patch_module(network())
    dataset = ActiveLearningDataset(pool, random_state=seed)
    dataset.label_randomly(INITIAL)
    args = TrainingArgs(
        torch.optim.Adam(model.parameters(), lr=1e-3), BATCH, sizes.epochs, workers=0,
        criterion=nn.CrossEntropyLoss(),
    )  # fmt: skip
    experiment = ActiveLearningExperiment(
        OnlyTrains(ModelWrapper(model, args)), dataset, pool, BALD(mode="logits"), QUERY,
        sizes.samples, folder=folder, verbose=False,
        criterion=LabellingBudgetStoppingCriterion(dataset, (sizes.rounds - 1) * QUERY),
    )  # fmt: skip
    records = experiment.start()
    seconds = {key: sum(row["seconds"][key] for row in records) for key in ("train", "score")}
    return Run(
        with_the_rest(seconds, start),
        [row["n_labelled"] for row in records],
        [row["chosen"] for row in records],
    )


def by_hand(pool: TensorDataset, sizes: Sizes, seed: int, way: str) -> Run:
    """The same without a library."""
    start = time.perf_counter()
    run = Run({"train": 0.0, "score": 0.0})
    torch.manual_seed(seed)
    model = network()
    initial = {name: value.clone() for name, value in model.state_dict().items()}
    unlabelled = np.random.RandomState(seed).permutation(len(pool)).tolist()
    labelled, unlabelled = unlabelled[:INITIAL], unlabelled[INITIAL:]
    for number in range(sizes.rounds):
        run.n_labelled.append(len(labelled))
        model.load_state_dict(initial)
        begin = time.perf_counter()
        train_by_hand(model, Subset(pool, labelled), sizes.epochs)
        run.seconds["train"] += time.perf_counter() - begin
        if number == sizes.rounds - 1:
            run.chosen.append([])
            break
        begin = time.perf_counter()
        logits = predict_by_hand(model, Subset(pool, unlabelled), sizes.samples, way)
        best = np.argsort(-bald_by_hand(logits))[:QUERY]
        run.seconds["score"] += time.perf_counter() - begin
        run.chosen.append([unlabelled[i] for i in best])
        labelled = labelled + run.chosen[-1]
        unlabelled = [item for item in unlabelled if item not in set(run.chosen[-1])]
    run.seconds = with_the_rest(run.seconds, start)
    return run


def train_by_hand(model: nn.Module, labelled: Subset[Any], epochs: int) -> None:
    """A training loop as in any tutorial."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    model.train()
    for _ in range(epochs):
        for images, digits in DataLoader(labelled, BATCH, shuffle=True):
            optimizer.zero_grad()
            loss = criterion(model(images), digits)
            loss.backward()
            optimizer.step()


def predict_by_hand(model: nn.Module, pool: Subset[Any], k: int, way: str) -> np.ndarray[Any, Any]:
    """Logits `[N, C, K]` with dropout on: inputs stacked K times, or K passes."""
    model.train()  # this network has nothing else that differs between the modes
    batches = []
    with torch.no_grad():
        for images, _ in DataLoader(pool, BATCH):
            if way == "loop":
                samples = torch.stack([model(images) for _ in range(k)], -1)
            else:
                stacked = model(images.repeat(k, 1, 1, 1))
                samples = stacked.view(k, len(images), -1).permute(1, 2, 0)
            batches.append(samples.numpy())
    return np.concatenate(batches)


def bald_by_hand(logits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """H(E p) - E H(p), `[N]`, of logits `[N, C, K]`."""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    mean = p.mean(axis=-1)
    of_mean = -(mean * np.log(mean + 1e-12)).sum(axis=1)
    mean_of: np.ndarray[Any, Any] = -(p * np.log(p + 1e-12)).sum(axis=1).mean(axis=-1)
    return np.asarray(of_mean - mean_of)


def with_the_rest(seconds: dict[str, float], start: float) -> dict[str, float]:
    """All stages, of a run that began at `start`."""
    total = time.perf_counter() - start
    return {**seconds, "label": total - seconds["train"] - seconds["score"], "all": total}


def compare(pool: TensorDataset, sizes: Sizes, repeats: int) -> dict[str, list[Run]]:
    """Runs of each side in turn, with a seed for each repeat; one before them warms up."""
    works: dict[str, Callable[[int], Run]] = {
        "experiment": lambda seed: by_experiment(pool, sizes, seed),
        "stack": lambda seed: by_hand(pool, sizes, seed, "stack"),
        "loop": lambda seed: by_hand(pool, sizes, seed, "loop"),
    }
    small = Sizes(rounds=2, epochs=1, samples=sizes.samples)
    by_experiment(pool, small, 0)
    by_hand(pool, small, 0, "stack")
    runs: dict[str, list[Run]] = {name: [] for name in works}
    for seed in range(repeats):
        for name, work in works.items():
            runs[name].append(work(seed))
        sides = [[len(chosen) for chosen in runs[name][-1].chosen] for name in works]
        if sides != sides[:1] * len(sides):
            raise RuntimeError(f"Expected the same number of labels each round, but got {sides}")
    return runs


def with_folders(pool: TensorDataset, sizes: Sizes, repeats: int, parent: Path) -> list[Any]:
    """Pairs of seconds of a run: without a folder and with one."""
    pairs = []
    for seed in range(repeats):
        without = by_experiment(pool, sizes, seed).seconds["all"]
        kept = by_experiment(pool, sizes, seed, parent / f"run {seed}").seconds["all"]
        pairs.append((without, kept))
    return pairs


def print_tables(sizes: Sizes, repeats: int, parent: Path) -> None:
    """All of it."""
    pool = imbalanced_mnist_5k().pool
    runs = compare(pool, sizes, repeats)
    print(
        f"{sizes.rounds} rounds of {sizes.epochs} epochs, pool of {len(pool):,}, K = "
        f"{sizes.samples}, B = {BATCH}, torch {torch.__version__}, {torch.get_num_threads()} "
        f"thread(s), medians of {repeats} pairs\n\n"
        "| stage | experiment, ms a round | stacked / experiment | loop / experiment |\n"
        "|---|--:|--:|--:|"
    )
    for stage in STAGES:
        ours = [run.seconds[stage] for run in runs["experiment"]]
        ratios = [
            median(run.seconds[stage] / own for run, own in zip(runs[way], ours, strict=True))
            for way in WAYS
        ]
        shown = " | ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"| {stage} | {1e3 * median(ours) / sizes.rounds:.1f} | {shown} |", flush=True)
    pairs = with_folders(pool, sizes, repeats, parent)
    added = 1e3 * median(kept - without for without, kept in pairs) / sizes.rounds
    share = 100 * median(kept / without - 1 for without, kept in pairs)
    print(
        "\n| without a folder, ms a round | the folder adds, ms a round | share, % |\n"
        f"|--:|--:|--:|\n| {1e3 * median(a for a, _ in pairs) / sizes.rounds:.0f} | {added:.1f} "
        f"| {share:.1f} |"
    )


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
    parser.add_argument(
        "--rounds", type=int, default=Sizes.rounds, help="rounds of a run, 2 or more"
    )
    parser.add_argument("--epochs", type=int, default=Sizes.epochs, help="of each round")
    parser.add_argument("--samples", type=int, default=Sizes.samples, help="posterior samples, K")
    parser.add_argument("--repeats", type=int, default=5, help="pairs to take medians of")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the runs are kept for a while")
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory(dir=args.folder) as parent:
        sizes = Sizes(args.rounds, args.epochs, args.samples)
        print_tables(sizes, args.repeats, Path(parent))
    return 0


if __name__ == "__main__":
    sys.exit(main())
