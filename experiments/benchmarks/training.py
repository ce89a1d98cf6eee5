"""What `ModelWrapper.train_on_dataset` costs beside a training loop written by hand.

The network, the digits and the batch size of the main job; Adam. Both sides make the same batches
in the same order, end with the same weights, and know the mean loss of each epoch. By hand means
either a `DataLoader` over a `Subset`, as in any tutorial, or no loader at all: the tensors shuffled
and cut by `torch.randperm`, which works for data in memory alone.

Pairs of runs one after the other, whoever is first changing from pair to pair, and medians of the
ratios hand / wrapper: above 1 where the wrapper is faster. Time is that of the process, so that
others at work on the machine do not count; nothing here waits. Prints a Markdown table.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from baal.active.dataset import ActiveLearningDataset
from baal.experiments.datasets import imbalanced_mnist_5k
from baal.modelwrapper import ModelWrapper, TrainingArgs

BATCH = 32


def network() -> nn.Sequential:
    """The network of the main job, with the same weights each time."""
    torch.manual_seed(0)
    return nn.Sequential(
        *[nn.Conv2d(1, 16, 5, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU(), nn.Flatten()],
        *[nn.Dropout(0.25), nn.Linear(800, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10)],
    )


class Job:
    """A new model to train on the first items of a pool; `run` is what is measured."""

    def __init__(self, pool: TensorDataset, n_items: int, epochs: int) -> None:
        self.pool, self.n_items, self.epochs = pool, n_items, epochs
        self.model = network()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        self.criterion = nn.CrossEntropyLoss()

    def run(self) -> list[float]:
        """Train; the mean loss of each epoch."""
        raise NotImplementedError

    def step(self, images: torch.Tensor, digits: torch.Tensor) -> float:
        """One step by hand; the sum of the items' losses."""
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(images), digits)
        loss.backward()
        self.optimizer.step()
        return float(loss.item() * len(digits))


class ByWrapper(Job):
    """By `ModelWrapper`."""

    def __init__(self, pool: TensorDataset, n_items: int, epochs: int) -> None:
        super().__init__(pool, n_items, epochs)
        self.dataset = ActiveLearningDataset(pool)
        self.dataset.label_dataset_indices(list(range(n_items)))
        args = TrainingArgs(self.optimizer, BATCH, epochs, workers=0, criterion=self.criterion)
        self.wrapper = ModelWrapper(self.model, args)

    def run(self) -> list[float]:
        """Train; the mean loss of each epoch."""
        return self.wrapper.train_on_dataset(self.dataset)


class ByLoader(Job):
    """By hand, with a DataLoader."""

    def run(self) -> list[float]:
        """Train; the mean loss of each epoch."""
        self.model.train()
        loader = DataLoader(Subset(self.pool, range(self.n_items)), BATCH, shuffle=True)
        return [
            sum(self.step(*batch) for batch in loader) / self.n_items for _ in range(self.epochs)
        ]


class ByIndexing(Job):
    """By hand, from tensors."""

    def run(self) -> list[float]:
        """Train; the mean loss of each epoch."""
        self.model.train()
        images, digits = (tensor[: self.n_items] for tensor in self.pool.tensors)
        history = []
        for _ in range(self.epochs):
            batches = torch.split(torch.randperm(self.n_items), BATCH)
            total = sum(self.step(images[rows], digits[rows]) for rows in batches)
            history.append(total / self.n_items)
        return history


HANDS = {"DataLoader": ByLoader, "tensors, no loader": ByIndexing}


def seconds(job: Job) -> float:
    """What the run of a job takes of this process."""
    start = time.process_time()
    job.run()
    return time.process_time() - start


def pairs(
    hand: Callable[[], Job], wrapper: Callable[[], Job], repeats: int
) -> list[tuple[float, float]]:
    """Seconds `(hand, wrapper)` of each pair; one before them warms up."""
    found = []
    for number in range(repeats + 1):
        sides = [hand, wrapper] if number % 2 else [wrapper, hand]
        took = {side: seconds(side()) for side in sides}
        found.append((took[hand], took[wrapper]))
    return found[1:]


def print_table(pool: TensorDataset, n_items: int, epochs: int, repeats: int) -> None:
    """All of it."""
    steps = epochs * -(-n_items // BATCH)
    print(
        f"{n_items} digits, B = {BATCH}, {epochs} epochs, torch {torch.__version__}, "
        f"{torch.get_num_threads()} thread(s), medians of {repeats} pairs\n\n"
        "| by hand with | by hand, ms a step | wrapper, ms a step | by hand / wrapper |\n"
        "|---|--:|--:|--:|"
    )
    size: tuple[Any, ...] = (pool, n_items, epochs)
    for name, hand in HANDS.items():
        found = pairs(lambda hand=hand: hand(*size), lambda: ByWrapper(*size), repeats)  # type: ignore[misc]
        ms = [1e3 * median(side) / steps for side in zip(*found, strict=True)]
        ratio = median(by_hand / own for by_hand, own in found)
        print(f"| {name} | {ms[0]:.2f} | {ms[1]:.2f} | {ratio:.3f} |", flush=True)


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
    parser.add_argument("--items", type=int, default=640, help="labelled digits")
    parser.add_argument("--epochs", type=int, default=3, help="of each run")
    parser.add_argument("--repeats", type=int, default=31, help="pairs to take medians of")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    print_table(imbalanced_mnist_5k().pool, args.items, args.epochs, args.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
