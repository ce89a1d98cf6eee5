"""The main job: does choosing what to label beat labelling at random, on real digits?

5,000 real MNIST digits (no download), the digits 5 to 9 ten times rarer than the others in the
pool, a balanced test set, a small CNN with MC-Dropout. For each heuristic and seed: label a few
items at random, then train from the same initial weights, measure, score the pool, label the best,
and go round again. Heuristics share their initial labels and weights, seed by seed.

Writes results.jsonl (one line a round) and learning_curve.png, and prints a table. Killed at any
moment and started again with the same options, it goes on where it was.
"""

import argparse
import json
import math
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from baal.active.dataset import ActiveLearningDataset
from baal.active.heuristics import AbstractHeuristic, available_heuristics, get_heuristic
from baal.active.stopping_criteria import LabellingBudgetStoppingCriterion
from baal.bayesian.dropout import patch_module
from baal.exceptions import BaalError, InvalidArgumentError, StateError
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.curves import learning_curves
from baal.experiments.datasets import ImageClassificationTask, imbalanced_mnist_5k
from baal.experiments.plots import plot_learning_curves
from baal.experiments.records import RESULTS, Record, prepare_folder, read_records
from baal.experiments.report import format_table
from baal.modelwrapper import ModelWrapper, TrainingArgs
from baal.utils.extras import require_extra
from baal.utils.files import replacing
from baal.utils.metrics import Accuracy

PLOT = "learning_curve.png"
UNFINISHED = "unfinished"  # runs so far, to go on from


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
        check_sizes(config, n_pool=len(task.pool))
        check_samples(config)
        results = prepare(config)
        torch.set_num_threads(config.threads)
        start = time.perf_counter()
        records = [
            record
            for seed in config.seeds
            for name in config.heuristics
            for record in run(name, seed, task, config)
        ]
        with replacing(results) as file:
            file.write("".join(json.dumps(record) + "\n" for record in records).encode())
    except BaalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    report(results, config.out)
    shutil.rmtree(config.out / UNFINISHED)
    print(f"\n{time.perf_counter() - start:.0f} seconds. {results}, {config.out / PLOT}")
    return 0


def run(name: str, seed: int, task: ImageClassificationTask, config: Config) -> list[Record]:
    """One heuristic, one seed: train, measure, score and label, round after round."""
    torch.manual_seed(seed)
    wrapper = make_wrapper(task.n_classes, config)
    dataset = ActiveLearningDataset(task.pool, random_state=seed)
    dataset.label_randomly(config.initial_labels)
    # Dataset indices labelled since the round before; at first the random ones.
    chosen = np.flatnonzero(dataset.labelled).tolist()
    budget = (config.rounds - 1) * config.query_size
    experiment = ActiveLearningExperiment(
        wrapper,
        dataset,
        task.test,
        heuristic_for(name, seed),
        query_size=config.query_size,
        iterations=config.iterations,
        pool_size=config.pool_limit,
        criterion=LabellingBudgetStoppingCriterion(dataset, budget),
        folder=config.out / UNFINISHED / f"{name}-{seed}",
        settings={"seed": seed, "rounds": config.rounds, "device": config.device},
        name=f"{name}, seed {seed}",
    )
    records = []
    for row in experiment.start():
        records.append(
            {
                "seed": seed,
                "heuristic": name,
                "round": row["round"],
                "n_labelled": row["n_labelled"],
                "test_accuracy": row["test_accuracy"],
                "test_loss": row["test_loss"],
                "seconds": row["seconds"],
                "chosen": chosen,
            }
        )
        chosen = row["chosen"]
    return records


def prepare(config: Config) -> Path:
    """The file for the results; what a kill left unfinished is gone on with."""
    unfinished = config.out / UNFINISHED
    if unfinished.is_dir() and not config.overwrite:
        return config.out / RESULTS
    results = prepare_folder(config.out, overwrite=config.overwrite, results=[PLOT])
    shutil.rmtree(unfinished, ignore_errors=True)
    return results


class CheckedWrapper(ModelWrapper):
    """Stops where the model has diverged: what it would choose then means nothing."""

    def train_on_dataset(self, dataset: Dataset[Any]) -> list[float]:
        """Train, and look at the last loss."""
        history = super().train_on_dataset(dataset)
        check_finite("training", history[-1])
        return history

    def test_on_dataset(self, dataset: Dataset[Any], average_predictions: int = 1) -> float:
        """Measure, and look at the loss."""
        loss = super().test_on_dataset(dataset, average_predictions)
        check_finite("test", loss)
        return loss


def make_wrapper(n_classes: int, config: Config) -> ModelWrapper:
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
    wrapper = CheckedWrapper(model, args)
    wrapper.add_metric("accuracy", Accuracy)
    return wrapper


def heuristic_for(name: str, seed: int) -> AbstractHeuristic:
    """The heuristic of that name for the model's logits, seeded if it is random."""
    heuristic = get_heuristic(name, mode="logits")
    return get_heuristic(name, mode="logits", seed=seed) if heuristic.is_random else heuristic


def report(results: Path, out: Path) -> None:
    """Print the table and draw the plot."""
    curves = learning_curves(read_records(results))
    plot_learning_curves(curves, out / PLOT, title="MNIST-5k, digits 5 to 9 rare in the pool")
    print(f"\nError on the balanced test set, mean ± standard error:\n\n{format_table(curves)}")


def usable_heuristics() -> list[str]:
    """Those that work on predictions alone; scores computed elsewhere are not to be had here."""
    others = ("needs_joint_samples", "needs_variances", "needs_independent_labels")
    return [
        name
        for name in available_heuristics()
        if name != "precomputed" and not any(getattr(get_heuristic(name), fact) for fact in others)
    ]


def parse_arguments(argv: list[str] | None) -> Config:
    """Read the command line; argparse ends the process with status 2 on a bad option."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=_Formatter, allow_abbrev=False
    )
    add = parser.add_argument
    known = ", ".join(usable_heuristics())
    add("--heuristics", nargs="+", metavar="NAME", default=["bald", "random"], type=_heuristic,
        help=f"what to compare, of: {known}")  # fmt: skip
    add("--seeds", nargs="+", metavar="SEED", default=[0, 1, 2],
        type=_at_least(0, most=2**32 - 1),
        help="one run of each heuristic for each of them")  # fmt: skip
    add("--rounds", type=_at_least(1), default=15, help="rounds of training")
    add("--initial-labels", type=_at_least(1), default=20, help="labelled before the first round")
    add("--query-size", type=_at_least(1), default=10, help="labelled after each round")
    add("--pool-limit", type=_at_least(1), default=None,
        help="score a random subset of that many items (default: the whole pool)")  # fmt: skip
    add("--iterations", type=_at_least(1), default=20, help="posterior samples of a prediction")
    add("--epochs", type=_at_least(1), default=50, help="passes over the labelled items a round")
    add("--learning-rate", type=_positive, default=1e-3, help="of Adam")
    add("--device", type=_device, default="cpu", help="where torch computes: cpu, cuda, mps")
    add("--threads", type=_at_least(1), default=1,
        help="threads of torch; with small models several stall each other")  # fmt: skip
    add("--out", type=Path, default=Path("runs/mnist_mcdropout"), help="folder for the results")
    add("--overwrite", action="store_true", help="replace the results of an earlier run")
    config = Config(**vars(parser.parse_args(argv)))
    _check_unique(parser, "seed", config.seeds)
    _check_unique(parser, "heuristic", config.heuristics)
    return config


def _check_unique(parser: argparse.ArgumentParser, what: str, values: Sequence[object]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            times = "twice" if count == 2 else f"{count} times"
            parser.error(f"argument --{what}s: expected each {what} once, but got {value} {times}")


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults other than None, and keeps the paragraphs of the description."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def _at_least(least: int, most: int | None = None) -> Callable[[str], int]:
    def whole_number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            limit = "" if most is None else f" and at most {most}"
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {least}{limit}, but got {text!r}"
            )
        return value

    return whole_number


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a positive number, but got {text!r}")
    return value


def _heuristic(text: str) -> str:
    known = usable_heuristics()
    if text not in known:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(known)}, but got {text!r}")
    return text


def _device(text: str) -> str:
    try:
        torch.zeros(1, device=text).cpu()  # `meta` makes tensors that nobody can read
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise argparse.ArgumentTypeError(
            f"expected a device that torch can use here, but got {text!r}: {reason}"
        ) from error
    return text


def check_sizes(config: Config, n_pool: int) -> None:
    """Refuse more initial labels than there are items."""
    if config.initial_labels > n_pool:
        raise InvalidArgumentError(
            f"Expected --initial-labels to be at most {n_pool}, the size of the pool, "
            f"but got {config.initial_labels}."
        )


def check_samples(config: Config) -> None:
    """Refuse a single posterior sample for heuristics that look at how samples disagree."""
    for name in config.heuristics:
        if config.iterations == 1 and get_heuristic(name).min_dims == 3:
            raise InvalidArgumentError(
                f"Expected --iterations to be at least 2, since {name} compares posterior samples, "
                "but got 1."
            )


def check_finite(what: str, loss: float) -> None:
    """Stop where the model has diverged: what it would choose then means nothing."""
    if not math.isfinite(loss):
        raise StateError(
            f"Expected a finite {what} loss, but got {loss}: try a lower --learning-rate."
        )


if __name__ == "__main__":
    sys.exit(main())
