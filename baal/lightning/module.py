"""A Lightning module that knows its pool, and predicts posterior samples."""

from typing import Any

from torch.utils.data import DataLoader

from baal.exceptions import StateError
from baal.lightning.sampling import ModuleSampler
from baal.training.batches import inputs_of

__all__ = ["ActiveModule"]


class ActiveModule:
    """A `LightningModule` whose `predict_step` gives posterior samples.

    Patch the model first (`baal.bayesian`). `hparams.iterations` is the number of samples, 20 where
    it is not set; with `hparams.replicate_in_memory` False, one is drawn after the other. Override
    `inputs` where `forward` takes something else of a batch.

    Example:
        >>> import torch
        >>> from baal.bayesian.dropout import Dropout
        >>> from baal.lightning import ActiveLightningModule
        >>> class Net(ActiveLightningModule):
        ...     def __init__(self, **hparams):
        ...         super().__init__()
        ...         self.save_hyperparameters()
        ...         self.layers = torch.nn.Sequential(torch.nn.Linear(3, 2), Dropout())
        ...     def forward(self, x):
        ...         return self.layers(x)
        >>> Net(iterations=5).predict_step([torch.ones(4, 3), torch.ones(4)], 0).shape
        torch.Size([4, 2, 5])
    """

    hparams: Any
    active_dataset: Any = None

    def pool_dataloader(self) -> Any:
        """The pool, in its order: that of `self.active_dataset`, where there is one.

        Returns:
            A loader, in batches of `hparams.batch_size`.

        Raises:
            StateError: There is none, and the method was not overridden.
        """
        if self.active_dataset is None:
            raise StateError(
                f"Expected {type(self).__name__} to define `pool_dataloader`, or to have an "
                "`active_dataset`, but got neither: define one, or pass a BaaLDataModule."
            )
        return DataLoader(self.active_dataset.pool, self.hparams.get("batch_size", 1))

    def inputs(self, batch: Any) -> Any:
        """What of a batch `forward` takes.

        Args:
            batch: `(data, *rest)`, `data` alone, or a dict with or without labels.

        Returns:
            `data`, see `baal.training.batches.inputs_of`.
        """
        return inputs_of(batch)

    def predict_step(self, batch: Any, batch_idx: int, dataloader_idx: int | None = None) -> Any:
        """Posterior samples of one batch.

        Args:
            batch: As the loader gives it.
            batch_idx: Its number; unused.
            dataloader_idx: Number of the loader; unused.

        Returns:
            `[B, C, ..., K]`, or what `forward` gives with such tensors in it.
        """
        del batch_idx, dataloader_idx
        sampler = vars(self).get("_sampler")
        if sampler is None:
            replicate = self.hparams.get("replicate_in_memory", True)
            sampler = ModuleSampler(self, "auto" if replicate else "loop")  # type: ignore[arg-type]
            # Past the registry of modules: this one has the sampler, and the sampler has this one.
            vars(self)["_sampler"] = sampler
        return sampler.sample(self.hparams.get("iterations", 20), self.inputs(batch))
