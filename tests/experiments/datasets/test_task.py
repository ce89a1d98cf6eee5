import numpy as np
import pytest
import torch
from torch.utils.data import Subset, TensorDataset

from baal.active.file_dataset import FileDataset
from baal.exceptions import InvalidTypeError
from baal.experiments.datasets import ImageClassificationTask, targets_of


class Unread:
    """Images that nobody may read."""

    def __init__(self, n, **attributes):
        self.n = n
        vars(self).update(attributes)

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        raise AssertionError(f"item {index} was read")


TENSORS = TensorDataset(torch.zeros(4, 1, 2, 2), torch.tensor([3, 0, 2, 1], dtype=torch.uint8))


@pytest.mark.parametrize(
    ("dataset", "classes"),
    [
        (TENSORS, [3, 0, 2, 1]),
        (Unread(3, targets=[5, 6, 7]), [5, 6, 7]),
        (Unread(3, targets=torch.tensor([5, 6, 7])), [5, 6, 7]),
        (Unread(2, labels=np.array([1, 0], dtype=np.int8)), [1, 0]),
        (Unread(0, targets=np.zeros(0, dtype=np.int64)), []),
        (FileDataset(["a", "b"], lbls=[4, 2]), [4, 2]),
        (Subset(TENSORS, [2, 0, 0]), [2, 3, 3]),
        (Subset(Subset(Unread(4, targets=[5, 6, 7, 8]), [3, 1, 0]), range(1, 3)), [6, 5]),
    ],
)
def test_where_classes_are_found(dataset, classes):
    found = targets_of(dataset)
    assert found.dtype == np.int64
    assert found.tolist() == classes


def test_the_classes_are_a_copy():
    targets = np.array([1, 2])
    targets_of(Unread(2, targets=targets))[0] = 9
    assert targets.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Unread(3), "but got a Unread"),
        (TensorDataset(torch.zeros(3)), "but got a TensorDataset"),
        (Subset(Unread(3), [0]), "but got a Unread"),
        (Unread(3, targets=[0, 1]), r"each of its 3 items, but got int64 of shape \[2\]"),
        (Unread(2, targets=np.eye(2, dtype=int)), r"of shape \[2, 2\]"),
        (Unread(2, targets=[0.0, 1.0]), "float64"),
        (FileDataset(["a", "b"], lbls=["cat", "dog"]), "but got <U3"),
        (FileDataset(["a", "b"], lbls=[1, None]), "but got object"),
    ],
)
def test_where_they_are_not(dataset, message):
    with pytest.raises(InvalidTypeError, match=f"Expected `dataset` to .*{message}"):
        targets_of(dataset)


def test_a_task_has_defaults_and_never_changes():
    task = ImageClassificationTask(TENSORS, TENSORS, 4)
    assert task.class_names == ()
    assert task.pool_specifics is None
    with pytest.raises(AttributeError):
        task.n_classes = 5
