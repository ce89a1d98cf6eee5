"""An active dataset as a data module; and its state as what checkpoints may hold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from baal.exceptions import InvalidArgumentError
from baal.utils.iterutils import map_on_tensor

__all__ = ["ActiveData", "from_tensors", "to_tensors"]

KEY = "active_dataset"


def to_tensors(state: Any) -> Any:
    """A state with tensors for arrays, as `torch.load(weights_only=True)` reads it.

    Args:
        state: Nested dicts, lists and tuples of arrays, numbers and strings.

    Returns:
        The same structure; it shares no memory with `state`.

    Example:
        >>> to_tensors({"labelled": np.array([0, 3])})
        {'labelled': tensor([0, 3])}
    """
    if isinstance(state, np.ndarray):
        return torch.from_numpy(state.copy())
    if isinstance(state, np.generic):
        return state.item()
    if isinstance(state, Mapping):
        return {key: to_tensors(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(map(to_tensors, state))
    return state


def from_tensors(state: Any) -> Any:
    """What `to_tensors` was given.

    Args:
        state: What it gave, on any device.

    Returns:
        The same structure with arrays.

    Example:
        >>> from_tensors({"labelled": torch.tensor([0, 3])})
        {'labelled': array([0, 3])}
    """
    return map_on_tensor(lambda leaf: leaf.cpu().numpy(), state)


class ActiveData:
    """A data module of an active dataset: training on what is labelled, predicting the pool.

    What is labelled is in the checkpoints that Lightning writes, as plain tensors and numbers, and
    comes back with them. It is what the class itself gives as `state_dict`, and so is found under
    the name of the class, `checkpoint["BaaLDataModule"]["active_dataset"]`.

    Args:
        active_dataset: An `ActiveLearningDataset`.
        batch_size: Items of a batch.
        **loader: For each `DataLoader`, such as `num_workers` or `collate_fn`.

    Raises:
        InvalidArgumentError: `loader` has `shuffle` in it.

    Example:
        >>> from baal.active.dataset import ActiveLearningDataset
        >>> from baal.lightning import BaaLDataModule
        >>> dataset = ActiveLearningDataset([10, 11, 12, 13], labelled=[0, 1, 0, 0])
        >>> data = BaaLDataModule(dataset, batch_size=2)
        >>> [batch.tolist() for batch in data.pool_dataloader()]
        [[10, 12], [13]]
        >>> data.state_dict()["active_dataset"]["labelled"]
        tensor([0, 1, 0, 0], dtype=torch.int32)
    """

    def __init__(self, active_dataset: Any, batch_size: int = 1, **loader: Any) -> None:
        if "shuffle" in loader:
            raise InvalidArgumentError(
                "Expected `loader` to leave `shuffle` alone, since training shuffles and the pool "
                "keeps its order, but got it"
            )
        super().__init__()
        self.active_dataset = active_dataset
        self.batch_size = batch_size
        self.loader = loader

    def make_loader(self, dataset: Any, shuffle: bool = False) -> DataLoader[Any]:
        """A loader as this data module makes them.

        Args:
            dataset: Any dataset.
            shuffle: Draw a new order for each pass.

        Returns:
            The loader.
        """
        return DataLoader(dataset, self.batch_size, shuffle=shuffle, **self.loader)

    def train_dataloader(self) -> DataLoader[Any]:
        """The labelled items, shuffled.

        Returns:
            A loader of what is labelled now.
        """
        return self.make_loader(self.active_dataset, shuffle=True)

    def pool_dataloader(self) -> DataLoader[Any]:
        """The pool, in its order.

        Returns:
            A loader of what is unlabelled now.
        """
        return self.make_loader(self.active_dataset.pool)

    predict_dataloader = pool_dataloader

    def state_dict(self) -> dict[str, Any]:
        """What is labelled, and all else that the active dataset remembers.

        Returns:
            Tensors, numbers and strings, under `active_dataset`.
        """
        return {KEY: to_tensors(self.active_dataset.state_dict())}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Put it back; Lightning calls this when it goes on from a checkpoint.

        Args:
            state_dict: What `state_dict` gave.
        """
        self.active_dataset.load_state_dict(from_tensors(state_dict[KEY]))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the state into a checkpoint that one writes oneself.

        Args:
            checkpoint: Gets the key `active_dataset`.
        """
        checkpoint.update(ActiveData.state_dict(self))

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Take it from there.

        Args:
            checkpoint: What `on_save_checkpoint` was given.
        """
        ActiveData.load_state_dict(self, checkpoint)
