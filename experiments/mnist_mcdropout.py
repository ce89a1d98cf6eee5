"""The main job: does choosing what to label beat labelling at random, on real digits?

5,000 real MNIST digits (no download), the digits 5 to 9 ten times rarer than the others in the
pool, a balanced test set, a small CNN with MC-Dropout. For each heuristic and seed: label a few
items at random, then train from the same initial weights, measure, score the pool, label the best,
and go round again. Heuristics share their initial labels and weights, seed by seed.

Writes results.jsonl (one line a round) and learning_curve.png, and prints a table. Killed at any
moment and started again with the same options, it goes on where it was; with more seeds or
heuristics, it runs those that are new.
"""

import argparse
import shutil
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from baal.active.dataset import ActiveLearningDataset
from baal.active.heuristics import available_heuristics, get_heuristic
from baal.bayesian.dropout import patch_module
from baal.exceptions import BaalError, InvalidArgumentError
from baal.experiments.compare import Comparison, Setup, compare
from baal.experiments.datasets import ImageClassificationTask, imbalanced_mnist_5k
from baal.experiments.records import RESULTS, prepare_folder
from baal.experiments.runs import RUNS
from baal.experiments.studies.options import (
    HelpFormatter,
    check_unique,
    device_option,
    one_of,
    positive_number,
    whole_number,
)
from baal.experiments.studies.wrapper import CheckedWrapper
from baal.modelwrapper import TrainingArgs
from baal.utils.extras import require_extra
from baal.utils.metrics import Accuracy

PLOT = "learning_curve.png"


@dataclass(frozen=True)
class Config:
    """What one run of the script is asked for; see `--help`."""

    heuristics: list[str]
    seeds: list[int]
    rounds: int
    initial_labels: int
    query_size: int
    pool_limit: int | None
    iterations: int
    epochs: int
    learning_rate: float
    device: str
    threads: int
    jobs: int
    out: Path
    overwrite: bool


def main(argv: list[str] | None = None) -> int:
    """Run the comparison.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0, or 2 after an error that is printed: an option that cannot be met, in which case
        nothing was trained, or a training that diverged.
    """
    config = parse_arguments(argv)
    try:
        require_extra("matplotlib", "experiments")
        task = imbalanced_mnist_5k()
        check(config, n_pool=len(task.pool))
        prepare(config)
        torch.set_num_threads(config.threads)
        start = time.perf_counter()
        comparison = run(task, config)
    except BaalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    title = "MNIST-5k, digits 5 to 9 rare in the pool"
    comparison.plot(config.out / PLOT, "test_error", title)
    table = comparison.table("test_error")
    print(f"\nError on the balanced test set, mean ± standard error:\n\n{table}")
    files = f"{config.out / RESULTS}, {config.out / PLOT}"
    print(f"\n{time.perf_counter() - start:.0f} seconds. {files}")
    return 0


def run(task: ImageClassificationTask, config: Config) -> Comparison:
    """Each heuristic on each seed: train, measure, score and label, round after round."""
    return compare(
        partial(make, task, config),
        config.heuristics,
        config.seeds,
        labelling_budget=(config.rounds - 1) * config.query_size,
        query_size=config.query_size,
        iterations=config.iterations,
        pool_size=config.pool_limit,
        baseline="random" if "random" in config.heuristics else None,
        mode="logits",
        folder=config.out,
        jobs=config.jobs,
        settings={"rounds": config.rounds, "device": config.device},
    )


def make(task: ImageClassificationTask, config: Config, seed: int) -> Setup:
    """Model and data of one seed: weights come from torch's generator, which is seeded by it."""
    wrapper = make_wrapper(task.n_classes, config)
    dataset = ActiveLearningDataset(task.pool, random_state=seed)
    dataset.label_randomly(config.initial_labels)
    return Setup(wrapper, dataset, task.test)


def make_wrapper(n_classes: int, config: Config) -> CheckedWrapper:
    """A small CNN with MC-Dropout, its optimizer and its metrics."""
    model = patch_module(
        nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=5, stride=2),
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=3, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.25),
            nn.Linear(32 * 5 * 5, 64),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(64, n_classes),
        )
    ).to(config.device)
    args = TrainingArgs(
        optimizer=torch.optim.Adam(model.parameters(), lr=config.learning_rate),
        criterion=nn.CrossEntropyLoss(),
        epoch=config.epochs,
        batch_size=32,
        workers=0,
    )
    wrapper = CheckedWrapper(model, args)  # stops where training diverges
    wrapper.add_metric("accuracy", Accuracy)
    return wrapper


def prepare(config: Config) -> None:
    """Make way in the folder; runs that are there are gone on with."""
    runs = config.out / RUNS
    if config.overwrite or not runs.is_dir():
        prepare_folder(config.out, overwrite=config.overwrite, results=[PLOT])
        shutil.rmtree(runs, ignore_errors=True)


def check(config: Config, n_pool: int) -> None:
    """Refuse what cannot be met: more labels than items, or one sample where they are compared."""
    if config.initial_labels > n_pool:
        raise InvalidArgumentError(
            f"Expected --initial-labels to be at most {n_pool}, the size of the pool, "
            f"but got {config.initial_labels}."
        )
    for name in config.heuristics:
        if config.iterations == 1 and get_heuristic(name).min_dims == 3:
            raise InvalidArgumentError(
                f"Expected --iterations to be at least 2, since {name} compares posterior samples, "
                "but got 1."
            )


def usable_heuristics() -> list[str]:
    """Those for classes; scores computed elsewhere are not to be had here."""
    others = ["needs_joint_samples", "needs_variances", "needs_independent_labels"]
    others += ["takes_labelled_targets"]  # which are numbers there
    return [
        name
        for name in available_heuristics()
        if name != "precomputed" and not any(getattr(get_heuristic(name), fact) for fact in others)
    ]


def parse_arguments(argv: list[str] | None) -> Config:
    """Read the command line; argparse ends the process with status 2 on a bad option."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=HelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    known = usable_heuristics()
    add("--heuristics", nargs="+", metavar="NAME", default=["bald", "random"], type=one_of(known),
        help=f"what to compare, of: {', '.join(known)}")  # fmt: skip
    add("--seeds", nargs="+", metavar="SEED", default=[0, 1, 2], type=whole_number(0, 2**32 - 1),
        help="one run of each heuristic for each of them")  # fmt: skip
    add("--rounds", type=whole_number(1), default=15, help="rounds of training")
    add(
        "--initial-labels", type=whole_number(1), default=20, help="labelled before the first round"
    )
    add("--query-size", type=whole_number(1), default=10, help="labelled after each round")
    add("--pool-limit", type=whole_number(1), default=None,
        help="score a random subset of that many items (default: the whole pool)")  # fmt: skip
    add("--iterations", type=whole_number(1), default=20, help="posterior samples of a prediction")
    add("--epochs", type=whole_number(1), default=50, help="passes over the labelled items a round")
    add("--learning-rate", type=positive_number, default=1e-3, help="of Adam")
    add("--device", type=device_option, default="cpu", help="where torch computes: cpu, cuda, mps")
    add("--threads", type=whole_number(1), default=1,
        help="threads of torch; with small models several stall each other")  # fmt: skip
    add("--jobs", type=whole_number(1), default=1, help="runs at a time, each in its own process")
    add("--out", type=Path, default=Path("runs/mnist_mcdropout"), help="folder for the results")
    add("--overwrite", action="store_true", help="replace the results of an earlier run")
    config = Config(**vars(parser.parse_args(argv)))
    check_unique(parser, "seeds", config.seeds)
    check_unique(parser, "heuristics", config.heuristics)
    return config


if __name__ == "__main__":
    sys.exit(main())
