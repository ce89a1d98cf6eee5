import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import Dataset, Subset, TensorDataset
from torch.utils.data.dataloader import default_collate

from baal.active.dataset import ActiveLearningDataset
from baal.training.gathering import TensorBatches, gather

DATA = TensorDataset(
    torch.arange(40.0).reshape(10, 4), torch.arange(10), torch.rand(10, 2, 3) > 0.5
)


def same(batch, expected):
    assert type(batch) is type(expected) is list
    for a, b in zip(batch, expected, strict=True):
        assert a.dtype == b.dtype
        assert a.stride() == b.stride()
        assert torch.equal(a, b)


def active(validation_split=0.0):
    dataset = ActiveLearningDataset(DATA, random_state=0, validation_split=validation_split)
    dataset.label([1, 5, 6, 9])
    dataset.label([0, 2])
    return dataset


DATASETS = [
    DATA,
    Subset(DATA, [7, 3, 3, 0]),
    active(),
    active().pool,
    active(0.5),
    active(0.5).validation,
    Subset(Subset(active().pool, [3, 1, 2]), [2, 0]),
    ActiveLearningDataset(active().pool, labelled=[1, 0, 1, 1]),
]


@given(st.sampled_from(DATASETS), st.data())
def test_it_is_what_default_collate_makes_of_the_items(dataset, data):
    n = len(dataset)
    indices = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=12))
    same(gather(dataset, indices), default_collate([dataset[index] for index in indices]))


def test_the_last_steps_alone():
    dataset = active()
    dataset.last_active_steps = 1
    same(gather(dataset, [1, 0]), default_collate([dataset[1], dataset[0]]))


class Doubled(TensorDataset):
    def __getitem__(self, index):
        return tuple(2 * value for value in super().__getitem__(index))


class Active(ActiveLearningDataset):
    def __getitem__(self, index):
        return super().__getitem__(index)[::-1]


class Tensor(torch.Tensor):
    pass


@pytest.mark.parametrize(
    "dataset",
    [
        [(1.0, 2)] * 3,
        Doubled(torch.arange(3)),
        Subset(Doubled(torch.arange(3)), [0, 1]),
        Active(DATA, labelled=[1] * 10),
        ActiveLearningDataset(Doubled(torch.arange(3)), labelled=[1] * 3),
        ActiveLearningDataset(DATA, make_unlabelled=lambda item: item[:1]).pool,
        TensorDataset(torch.zeros(3, requires_grad=True)),
        TensorDataset(torch.zeros(3).as_subclass(Tensor)),
        TensorDataset(torch.zeros(2, 3, 4, 4).to(memory_format=torch.channels_last)),
        TensorDataset(torch.zeros(3, 2).to_sparse()),
    ],
)
def test_what_takes_reading_the_items(dataset):
    assert gather(dataset, []) is None


def test_pool_specifics_are_seen():
    other = (torch.arange(10) + 100,)
    pool = ActiveLearningDataset(DATA, pool_specifics={"tensors": other}).pool
    assert gather(pool, [2])[0].tolist() == [102]


def test_batches_go_to_other_processes():
    batches = pickle.loads(pickle.dumps(TensorBatches(active())))
    assert isinstance(batches, Dataset)
    assert len(batches) == 6
    assert batches[2][1] == active()[2][1]
    same(batches.__getitems__([4, 0]), gather(active(), [4, 0]))
