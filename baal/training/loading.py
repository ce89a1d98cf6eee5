"""The DataLoader behind training, testing and predicting."""

from typing import Any

from torch.utils.data import DataLoader, Dataset
from torch.utils.data.dataloader import default_collate

from baal.exceptions import StateError
from baal.training.gathering import TensorBatches, as_it_is, gather
from baal.training_args import TrainingArgs
from baal.utils.workers import end_with_parent, sensible_workers

__all__ = ["check_not_empty", "make_loader"]


def make_loader(
    dataset: Dataset[Any], args: TrainingArgs, shuffle: bool = False
) -> DataLoader[Any]:
    """A DataLoader as the arguments say.

    Rows of tensors are read a batch at a time where nothing but their collation would differ; the
    batches are the same.

    Args:
        dataset: A dataset with a length.
        args: Batch size, workers and how batches are made.
        shuffle: Draw a new order for each epoch, from torch's global generator.

    Returns:
        The loader. Its workers, no more than there are batches or cores that this process may use,
        go on from epoch to epoch.

    Example:
        >>> loader = make_loader([1.0, 2.0, 3.0], TrainingArgs(batch_size=2, workers=0))
        >>> [batch.tolist() for batch in loader]
        [[1.0, 2.0], [3.0]]
    """
    n_batches = -(-len(dataset) // args.batch_size)  # type: ignore[arg-type]
    workers = sensible_workers(args.workers, n_batches)
    collate_fn = args.collate_fn
    if collate_fn is default_collate and gather(dataset, []) is not None:
        dataset, collate_fn = TensorBatches(dataset), as_it_is
    return DataLoader(
        dataset,
        args.batch_size,
        shuffle=shuffle,
        num_workers=workers,
        collate_fn=collate_fn,
        persistent_workers=workers > 0,
        worker_init_fn=end_with_parent,
    )


def check_not_empty(dataset: Dataset[Any]) -> None:
    """Refuse a dataset without items.

    Args:
        dataset: A dataset with a length.

    Raises:
        StateError: It is empty.

    Example:
        >>> check_not_empty([1.0])
    """
    if len(dataset) == 0:  # type: ignore[arg-type]
        raise StateError(
            "Expected a dataset with at least one labelled item, but got an empty one: label some "
            "items first, by `label_randomly(n)` for instance."
        )
