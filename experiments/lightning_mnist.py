"""BALD against Random with an ordinary Lightning module and trainer.

5,000 real MNIST digits (no download), the digits 5 to 9 rare in the pool, a balanced test set. A
`LightningModule` with dropout, patched so that it stays on, is trained by a `Trainer` from the same
weights in each round, and a `LightningAdapter` lets the two take part in the experiment. Prints a
table; with `--out`, a run that was killed goes on where it was. About a minute on one core.
"""

import argparse
import logging
import sys
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader

from baal.active.dataset import ActiveLearningDataset
from baal.bayesian.dropout import patch_module
from baal.exceptions import BaalError
from baal.experiments.compare import Setup, compare
from baal.experiments.datasets import ImageClassificationTask, imbalanced_mnist_5k
from baal.experiments.lightning import LightningAdapter
from baal.experiments.models import small_cnn
from baal.experiments.studies.options import HelpFormatter, check_unique, whole_number
from baal.utils.extras import require_extra

pl: Any = require_extra("lightning.pytorch", "lightning")


class Digits(pl.LightningModule):  # type: ignore[misc]
    """A small network for images of 28 x 28 pixels."""

    def __init__(self, learning_rate: float = 0.002) -> None:
        super().__init__()
        self.save_hyperparameters({"learning_rate": learning_rate})
        self.net = patch_module(small_cnn(width=64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits `[B, 10]` of images `[B, 1, 28, 28]`."""
        logits: torch.Tensor = self.net(x)
        return logits

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        """The loss of a batch."""
        del batch_idx
        images, digits = batch
        loss = F.cross_entropy(self(images), digits)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Loss and accuracy of a batch; in an experiment, of outputs averaged over samples."""
        del batch_idx
        images, digits = batch
        logits = self(images)
        self.log("test_loss", F.cross_entropy(logits, digits))
        self.log("test_accuracy", (logits.argmax(1) == digits).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam, made anew for each round."""
        return torch.optim.Adam(self.parameters(), lr=self.hparams.learning_rate)


def make(task: ImageClassificationTask, epochs: int, seed: int) -> Setup:
    """Data, module and trainer of one seed.

    Args:
        task: Pool and test set.
        epochs: Of a round.
        seed: Of labels and weights.

    Returns:
        What `compare` asks for.
    """
    torch.manual_seed(seed)
    trainer = pl.Trainer(
        max_epochs=epochs, accelerator="auto", devices=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    adapter = LightningAdapter(trainer, Digits(), make_loader=partial(DataLoader, batch_size=64))
    return Setup(adapter, ActiveLearningDataset(task.pool, random_state=seed), task.test)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison and print its tables.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0; 2 after an error that is printed.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    check_unique(parser, "seeds", options.seeds)
    # What Lightning says each time that it trains.
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*does not have many workers")
    warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
    try:
        comparison = compare(
            partial(make, imbalanced_mnist_5k(), options.epochs),
            ["bald", "random"],
            options.seeds,
            initial_labels=options.initial_labels,
            labelling_budget=options.rounds * options.query_size,
            query_size=options.query_size,
            iterations=options.iterations,
            folder=options.out,
            verbose=options.verbose,
        )
    except BaalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(comparison.table("test_accuracy"))
    print(f"\n{comparison.summary_table('test_accuracy')}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=HelpFormatter)
    number = whole_number(1)
    parser.add_argument(
        "--seeds", nargs="+", type=whole_number(0), default=[0, 1], metavar="SEED",
        help="of labels and weights",
    )  # fmt: skip
    parser.add_argument("--rounds", type=number, default=6, help="queries after the first round")
    parser.add_argument("--initial-labels", type=number, default=20, help="labels at the start")
    parser.add_argument("--query-size", type=number, default=20, help="labels in a round")
    parser.add_argument("--epochs", type=number, default=40, help="of each round")
    parser.add_argument("--iterations", type=number, default=20, help="posterior samples")
    parser.add_argument("--out", default=None, help="folder to keep the runs in")
    parser.add_argument("--verbose", action="store_true", help="show progress bars")
    return parser


if __name__ == "__main__":
    sys.exit(main())
