"""A trainer's module as a loop asks it: posterior samples, embeddings and gradients of items."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch.utils.data import DataLoader

from baal.exceptions import StateError
from baal.lightning.predicting import embeddings, predictions
from baal.training.batches import inputs_of
from baal.training.embedder import DatasetEmbedder

__all__ = ["PoolPredictor", "loader_like"]


@dataclass(frozen=True)
class PoolPredictor(DatasetEmbedder):
    """What a loop predicts with: a module, by its trainer, in batches like those of a loader.

    Attributes:
        trainer: A `Trainer`; its `layer` names the layer whose output is an item's embedding.
        module: A `LightningModule` whose `predict_step` gives posterior samples.
        pool: The pool's items, as the loader was made for them.
        loader: Of them.
        supplier: What it is called where it cannot give what a heuristic needs.

    Example:
        >>> import lightning.pytorch as pl
        >>> import torch
        >>> class Net(pl.LightningModule):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.head = torch.nn.Linear(3, 2)
        ...     def forward(self, x):
        ...         return self.head(x)
        >>> trainer = pl.Trainer(accelerator="cpu", logger=False)
        >>> predictor = PoolPredictor(trainer, Net(), None, DataLoader([torch.ones(3)] * 4))
        >>> predictor.embed_on_dataset([torch.ones(3)] * 2).tolist()
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    trainer: Any
    module: Any
    pool: Any
    loader: Any
    supplier: ClassVar[str] = "a BaalTrainer"

    def __call__(self, items: Any) -> Iterator[Any]:
        """Posterior samples of items, batches `[B, C, ..., K]`: of the pool, by its own loader."""
        loader = self.loader if _are_same(items, self.pool) else loader_like(self.loader, items)
        return predictions(self.trainer, self.module, loader, self.module.predict_step)

    def _embeddings(
        self,
        dataset: Any,
        layer: str | None,
        verbose: bool,  # noqa: ARG002 - Lightning has no bar for this
    ) -> Iterator[Any]:
        # Labelled items and the pool's go the same way: distances between them are looked at.
        loader = loader_like(self.loader, dataset)
        inputs = getattr(self.module, "inputs", inputs_of)
        layer = getattr(self.trainer, "layer", None) if layer is None else layer
        return embeddings(self.trainer, self.module, loader, inputs, layer)


def loader_like(loader: Any, items: Any) -> DataLoader[Any]:
    """A loader of other items, in their order, with the batches of this one.

    Args:
        loader: A `DataLoader`.
        items: A map-style dataset.

    Returns:
        The loader: batch size, collation, workers and pinning are the same.

    Raises:
        StateError: It is of another kind, or makes its batches in its own way, or `items` are
            arrays.

    Example:
        >>> loader_like(DataLoader([1, 2, 3], batch_size=2), [4, 5]).batch_size
        2
    """
    if isinstance(items, tuple):
        raise StateError(
            "Expected the dataset's items to be those of a map-style dataset, so that a DataLoader "
            "can read some of them, but got arrays."
        )
    if not isinstance(loader, DataLoader) or loader.batch_size is None:
        raise StateError(
            "Expected `pool_dataloader` to give a DataLoader with a `batch_size`, so that other "
            f"items can be read in the same way, but got a {type(loader).__name__}"
            f"{' without' if isinstance(loader, DataLoader) else ''}."
        )
    return DataLoader(
        items,
        loader.batch_size,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        prefetch_factor=loader.prefetch_factor,
    )


def _are_same(items: Any, pool: Any) -> bool:
    """Whether these are the pool: a new snapshot of it is made whenever it is asked for."""
    if isinstance(items, tuple) and isinstance(pool, tuple):
        return all(map(np.array_equal, items, pool))
    indices = getattr(items, "dataset_indices", None)
    return items is pool or (
        indices is not None and np.array_equal(indices, getattr(pool, "dataset_indices", ()))
    )
