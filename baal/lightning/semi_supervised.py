"""A Lightning module that trains on labelled items and on the pool."""

import argparse
from collections.abc import Mapping
from typing import Any

from baal.exceptions import StateError
from baal.lightning.module import ActiveModule
from baal.utils.ssl_iterator import SemiSupervisedIterator

__all__ = ["SemiSupervised"]

_OF_LOADER = ("num_steps", "p", "shuffle", "num_workers", "drop_last")


class SemiSupervised(ActiveModule):
    """A `LightningModule` for semi-supervised training: batches of two kinds, a step for each.

    Define `supervised_training_step` and `unsupervised_training_step`, and what else a
    `LightningModule` needs. Labels given to the dataset are seen by the next epoch.

    Args:
        active_dataset: An `ActiveLearningDataset`.
        **hparams: Kept as `self.hparams`. Those of `SemiSupervisedIterator` go there: `batch_size`
            (32 by default), `num_steps`, `p`, `shuffle` (True by default), `num_workers`,
            `drop_last`.

    Example:
        >>> from baal.active.dataset import ActiveLearningDataset
        >>> from baal.lightning import SSLModule
        >>> class Net(SSLModule):
        ...     def supervised_training_step(self, batch, *args):
        ...         return "labelled"
        ...     def unsupervised_training_step(self, batch, *args):
        ...         return "pool"
        >>> dataset = ActiveLearningDataset([1.0, 2.0, 3.0], labelled=[1, 0, 0])
        >>> net = Net(dataset, batch_size=2)
        >>> [net.training_step(batch, 0) for batch in net.train_dataloader()]
        ['labelled', 'pool']
    """

    save_hyperparameters: Any

    def __init__(self, active_dataset: Any, **hparams: Any) -> None:
        super().__init__()
        self.active_dataset = active_dataset
        self.save_hyperparameters(hparams)

    def supervised_training_step(self, batch: Any, *args: Any) -> Any:
        """Train on a batch of labelled items.

        Args:
            batch: As the dataset's items are collated.
            *args: The number of the batch.

        Returns:
            What `training_step` gives: a loss, or a dict with it.

        Raises:
            StateError: Always: this is yours to define.
        """
        raise _undefined(self, "supervised_training_step", batch, args)

    def unsupervised_training_step(self, batch: Any, *args: Any) -> Any:
        """Train on a batch of the pool.

        Args:
            batch: As the pool's items are collated.
            *args: The number of the batch.

        Returns:
            As `supervised_training_step`.

        Raises:
            StateError: Always: this is yours to define.
        """
        raise _undefined(self, "unsupervised_training_step", batch, args)

    def training_step(self, batch: Any, *args: Any) -> Any:
        """Hand a batch on to the step of its kind.

        Args:
            batch: Of `train_dataloader`.
            *args: The number of the batch.

        Returns:
            What that step gives.
        """
        items = SemiSupervisedIterator.get_batch(batch)
        if SemiSupervisedIterator.is_labeled(batch):
            return self.supervised_training_step(items, *args)
        return self.unsupervised_training_step(items, *args)

    def train_dataloader(self) -> SemiSupervisedIterator:
        """Batches of the labelled items and of the pool.

        Returns:
            The iterator, set by `hparams`.
        """
        given: Mapping[str, Any] = self.hparams
        options = {name: given[name] for name in _OF_LOADER if name in given}
        options.setdefault("shuffle", True)
        return SemiSupervisedIterator(self.active_dataset, given.get("batch_size", 32), **options)

    @staticmethod
    def add_model_specific_args(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
        """Options for the hyper-parameters of the loader.

        Args:
            parser: Gets `--batch_size`, `--num_steps`, `--p` and `--num_workers`.

        Returns:
            The parser.
        """
        group = parser.add_argument_group("semi-supervised training")
        group.add_argument("--batch_size", type=int, default=32, help="items of a batch")
        group.add_argument(
            "--num_steps", type=int, default=None, help="batches of an epoch; all by default"
        )
        group.add_argument(
            "--p", type=float, default=None, help="share of labelled batches; in turn by default"
        )
        group.add_argument("--num_workers", type=int, default=0, help="processes that load data")
        return parser


def _undefined(module: Any, name: str, *_: Any) -> StateError:
    return StateError(f"Expected {type(module).__name__} to define `{name}`, but it does not.")
