"""A random forest of scikit-learn, whose trees are the posterior samples, and a net of skorch.

Digits of scikit-learn (1,797 images of 8 x 8 pixels, no download): BALD and Entropy against Random,
each on the same seeds; with the task `net`, of a net of skorch with dropout. Diabetes (442
patients): a forest of numbers, whose variance between trees says what to ask for next, against
Random. Prints tables; seconds on one core, and a minute with the net.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from skorch import NeuralNetClassifier
from torch import nn

from baal.active.dataset import ActiveNumpyArray
from baal.bayesian.dropout import Dropout
from baal.exceptions import BaalError
from baal.experiments.compare import Comparison, Setup, compare
from baal.experiments.estimators import SklearnAdapter
from baal.experiments.studies.options import HelpFormatter, check_unique, one_of, whole_number

TASKS = {
    "digits": (load_digits, ["bald", "entropy"], "test_accuracy"),
    "diabetes": (load_diabetes, ["variance"], "test_rmse"),
    "net": (load_digits, ["bald", "entropy"], "test_accuracy"),
}


class Net(nn.Module):
    """A hidden layer, and dropout that stays on."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), Dropout(0.5), nn.Linear(128, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits `[B, 10]` of images `[B, 64]`."""
        logits: torch.Tensor = self.layers(x)
        return logits


def estimator(task: str, trees: int, min_samples_leaf: int) -> Any:
    """The model of a task.

    Args:
        task: One of `TASKS`.
        trees: Of a forest.
        min_samples_leaf: Items in a leaf of classes, at least.

    Returns:
        Not fitted yet.
    """
    if task == "diabetes":
        return RandomForestRegressor(trees)
    if task == "digits":
        # A tree of classes with leaves of one item is certain of all: BALD is the same as Entropy.
        return RandomForestClassifier(trees, min_samples_leaf=min_samples_leaf)
    return NeuralNetClassifier(
        Net, criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=0.01, max_epochs=50,
        batch_size=32, train_split=None, verbose=0,
    )  # fmt: skip


def make(task: str, trees: int, min_samples_leaf: int, seed: int) -> Setup:
    """Data and model of one seed.

    Args:
        task: One of `TASKS`.
        trees: Of a forest.
        min_samples_leaf: Items in a leaf of classes, at least.
        seed: Of the split into pool and test set, a third, and of the forest.

    Returns:
        What `compare` asks for.
    """
    x, y = TASKS[task][0](return_X_y=True)
    if task == "net":
        x = (x / 16).astype(np.float32)
    order = np.random.default_rng(seed).permutation(len(x))
    test, pool = np.split(order, [len(x) // 3])
    dataset = ActiveNumpyArray((x[pool], y[pool]), random_state=seed)
    trainer = SklearnAdapter(estimator(task, trees, min_samples_leaf), seed=seed)
    return Setup(trainer, dataset, (x[test], y[test]))


def run(task: str, options: argparse.Namespace) -> Comparison:
    """Compare the heuristics of one task.

    Args:
        task: One of `TASKS`.
        options: Those of the command line.

    Returns:
        Records and tables.
    """
    return compare(
        partial(make, task, options.trees, options.min_samples_leaf),
        TASKS[task][1],
        options.seeds,
        initial_labels=options.initial_labels,
        labelling_budget=options.rounds * options.query_size,
        query_size=options.query_size,
        iterations=options.trees,
        verbose=options.verbose,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparisons and print their tables.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0; 2 after an error that is printed.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    check_unique(parser, "seeds", options.seeds)
    check_unique(parser, "tasks", options.tasks)
    try:
        for task in options.tasks:
            metric = TASKS[task][2]
            comparison = run(task, options)
            print(f"{task}\n\n{comparison.table(metric)}\n\n{comparison.summary_table(metric)}\n")
    except BaalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=HelpFormatter)
    number = whole_number(1)
    parser.add_argument(
        "--tasks", nargs="+", type=one_of(list(TASKS)), default=["digits", "diabetes"],
        metavar="TASK", help="some of " + ", ".join(TASKS),
    )  # fmt: skip
    parser.add_argument(
        "--seeds", nargs="+", type=whole_number(0), default=[0, 1, 2], metavar="SEED",
        help="of data, labels and forests",
    )  # fmt: skip
    parser.add_argument("--rounds", type=number, default=8, help="queries after the first round")
    parser.add_argument("--initial-labels", type=number, default=20, help="labels at the start")
    parser.add_argument("--query-size", type=number, default=10, help="labels in a round")
    parser.add_argument(
        "--trees", type=number, default=50, help="trees of a forest, or samples of a net"
    )
    parser.add_argument(
        "--min-samples-leaf",
        type=number,
        default=2,
        help="items in a leaf of digits; 1 is full trees",
    )
    parser.add_argument("--verbose", action="store_true", help="show progress bars")
    return parser


if __name__ == "__main__":
    sys.exit(main())
