"""Every side of a dataset in the processes of a DataLoader."""

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, Subset, TensorDataset

from baal.active.dataset.pytorch_dataset import ActiveLearningDataset


class Signed(TensorDataset):
    """Classes and functions that a spawned process can import."""

    def __init__(self, *tensors):
        super().__init__(*tensors)
        self.sign = 1

    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return x, self.sign * y


def sides():
    """Labelled, pool with specifics, and validation, with the targets that each must give."""
    items = Signed(torch.arange(12.0), torch.arange(12))
    dataset = ActiveLearningDataset(
        Subset(items, range(12)),
        labelled=np.arange(12) % 3 == 0,
        random_state=2,
        pool_specifics={"sign": -1},
        item_ids=[f"{i}.png" for i in range(12)],
        validation_split=0.25,
    )
    (aside,) = dataset.validation_indices.tolist()
    return [
        (dataset, [i for i in (0, 3, 6, 9) if i != aside]),
        (dataset.pool, [-1, -2, -4, -5, -7, -8, -10, -11]),
        (dataset.validation, [-aside]),
    ]


def targets(loader):
    return torch.cat([target for _, target in loader]).tolist()


@pytest.mark.parametrize("workers", [0, 2])
def test_data_loader(workers):
    context = "fork" if workers else None
    for side, expected in sides():
        loader = DataLoader(
            side, batch_size=3, num_workers=workers, multiprocessing_context=context
        )
        assert targets(loader) == expected


def test_data_loader_with_spawned_workers():
    # All sides in one loader: starting processes is what takes the time.
    parts = sides()
    loader = DataLoader(
        ConcatDataset([side for side, _ in parts]),
        batch_size=4,
        num_workers=2,
        multiprocessing_context="spawn",
    )
    assert targets(loader) == [target for _, expected in parts for target in expected]
