"""Several items at a time."""

from torch.utils.data import DataLoader, Subset

from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
from baal.active.dataset.reading import read_items


class Blocks:
    """Says by how many its items were read."""

    def __len__(self):
        return 7

    def __getitem__(self, i):
        return i, 1

    def __getitems__(self, indices):
        return [(i, len(indices)) for i in indices]


class Named(Blocks):
    """Inherits both."""


class Doubled(Blocks):
    def __getitem__(self, i):
        return 2 * i, 1


class Labelled(ActiveLearningDataset):
    def __getitem__(self, i):
        return self[i] if i < 0 else ("mine", i)


def test_one_call_where_there_is_one():
    assert read_items(Blocks(), [4, 0]) == read_items(Named(), [4, 0]) == [(4, 2), (0, 2)]
    assert read_items([5, 6], [1]) == [6]
    assert read_items(Subset("abc", [2, 1]), [1, 0]) == ["b", "c"]


def test_a_class_that_redefines_getitem_alone_means_it():
    assert read_items(Doubled(), [3, 1]) == [(6, 1), (2, 1)]
    pool = ActiveLearningDataset(Doubled()).pool
    (batch,) = DataLoader(pool, batch_size=7, collate_fn=list)
    assert batch == list(pool)


def test_every_side_of_an_active_dataset_reads_batches():
    dataset = ActiveLearningDataset(
        Blocks(), [1, 1, 0, 1, 0, 1, 0], lambda item: (item[0], -item[1]), 1, validation_split=0.5
    )
    sides = [
        (dataset, 2, dataset.get_indices_for_active_step()),
        (dataset.pool, -3, [2, 4, 6]),
        (dataset.validation, 2, dataset.validation.dataset_indices.tolist()),
    ]
    for side, together, indices in sides:
        (batch,) = DataLoader(side, batch_size=4, collate_fn=list)
        assert batch == [(index, together) for index in indices]
    (batch,) = DataLoader(Subset(dataset.pool, [2, 0]), batch_size=4, collate_fn=list)
    assert batch == [(6, -2), (2, -2)]


def test_an_active_dataset_that_redefines_getitem_alone():
    (batch,) = DataLoader(Labelled(Blocks(), [1, 1] + [0] * 5), batch_size=4, collate_fn=list)
    assert batch == [("mine", 0), ("mine", 1)]
