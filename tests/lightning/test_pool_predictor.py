"""Loaders of other items are like that of the pool."""

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler

from baal.active.dataset import ActiveLearningDataset
from baal.exceptions import StateError
from baal.lightning.pool_predictor import PoolPredictor, loader_like
from tests.tiny_lightning import framework, module, trainer

pl = framework("lightning.pytorch")


def test_batches_and_collation_are_those_of_the_loader():
    like = loader_like(DataLoader([1, 2, 3], 2, collate_fn=tuple, shuffle=True), list("abcde"))
    assert list(like) == [("a", "b"), ("c", "d"), ("e",)]


def test_loaders_that_make_their_batches_themselves():
    items = [1, 2, 3]
    sampler = BatchSampler(SequentialSampler(items), 2, drop_last=False)
    for loader in (DataLoader(items, batch_sampler=sampler), DataLoader(items, batch_size=None)):
        with pytest.raises(StateError, match="but got a DataLoader without"):
            loader_like(loader, items)
    with pytest.raises(StateError, match="but got arrays"):
        loader_like(DataLoader(items), (np.ones(3), np.ones(3)))


def test_the_pool_is_read_by_its_own_loader_and_other_items_by_one_like_it():
    data = torch.utils.data.TensorDataset(torch.arange(5.0)[:, None].repeat(1, 3))
    dataset = ActiveLearningDataset(data, labelled=[0, 1, 0, 0, 1])
    own = DataLoader([(x + 10,) for (x,) in dataset.pool], 2)
    net = module(pl, predict_step=lambda self, batch, number: batch[0][..., None])
    predictor = PoolPredictor(trainer(pl), net, dataset.pool, own)

    def first(items):
        return np.concatenate(list(predictor(items)))[:, 0, 0].tolist()

    assert first(dataset.pool) == [10, 12, 13]
    assert first(dataset.as_in_pool([1, 4])) == [1, 4]
    assert first(torch.utils.data.Subset(dataset.pool, [2])) == [3]
    arrays = (np.ones((3, 2)), np.zeros(3))
    predictor = PoolPredictor(trainer(pl), net, arrays, own)
    assert first((np.ones((3, 2)), np.zeros(3))) == [10, 12, 13]
    with pytest.raises(StateError, match="but got arrays"):
        first((np.zeros((3, 2)), np.zeros(3)))
