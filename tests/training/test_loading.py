import os

import pytest
import torch
from torch.utils.data import DataLoader, Subset, TensorDataset

from baal.active.dataset import ActiveLearningDataset
from baal.exceptions import StateError
from baal.training.gathering import as_it_is
from baal.training.loading import check_not_empty, make_loader
from baal.training_args import TrainingArgs

DATA = TensorDataset(torch.rand(11, 3), torch.arange(11))


def args(**kwargs):
    return TrainingArgs(**{"batch_size": 4, "workers": 0, **kwargs})


@pytest.mark.parametrize("workers", [0, 1])
def test_epochs_are_those_of_a_plain_loader(workers, monkeypatch):
    """The same batches, drawn by the same numbers of torch's generator."""
    monkeypatch.setattr("baal.utils.workers.usable_cores", lambda: 8)
    dataset = ActiveLearningDataset(DATA, labelled=[1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1])
    seen = []
    for loader in (
        DataLoader(dataset, 4, shuffle=True, num_workers=workers, persistent_workers=workers > 0),
        make_loader(dataset, args(workers=workers), shuffle=True),
    ):
        torch.manual_seed(0)
        epochs = [[(x.tolist(), y.tolist()) for x, y in loader] for _ in range(2)]
        seen.append((epochs, torch.rand(1).item()))
    assert seen[0] == seen[1]


def test_a_collate_function_of_ones_own_gets_the_items():
    loader = make_loader(DATA, args(collate_fn=lambda items: [int(y) for _, y in items]))
    assert list(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]


def test_items_that_are_no_rows_are_collated():
    assert make_loader(DATA, args()).collate_fn is as_it_is
    loader = make_loader([{"x": 1.0}, {"x": 2.0}], args())
    assert [batch["x"].tolist() for batch in loader] == [[1.0, 2.0]]


def test_no_more_workers_than_cores_or_batches(monkeypatch):
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 5, 6})
    else:
        monkeypatch.setattr(os, "cpu_count", lambda: 4)
    counts = [make_loader(DATA, args(workers=w, batch_size=1)).num_workers for w in (0, 3, 9)]
    assert counts == [0, 3, 4]
    assert make_loader(DATA, args(workers=4)).num_workers == 3
    assert make_loader(Subset(DATA, []), args(workers=4)).num_workers == 0


def test_an_empty_dataset():
    check_not_empty(DATA)
    with pytest.raises(StateError, match="at least one labelled item"):
        check_not_empty([])
