"""The warning for a pool whose items are random, and what it must not touch."""

import random
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from baal.active.dataset.augmentation import items_differ, warn_if_augmented

NAN = float("nan")


@dataclass
class Point:
    x: float


class Opaque:
    pass


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1, 1),
        (NAN, float("nan")),
        ("a", "a"),
        (None, None),
        (torch.tensor([1.0, NAN]), torch.tensor([1.0, NAN])),
        (torch.ones(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.bfloat16)),
        (np.array([1.0, NAN]), np.array([1.0, NAN])),
        (np.array(["a", "b"]), np.array(["a", "b"])),
        (np.float32(2), np.float32(2)),
        ({"x": (torch.ones(2), [1])}, {"x": (torch.ones(2), [1])}),
        (Point(1.0), Point(1.0)),
        (Opaque(), Opaque()),  # nothing can be said
        (torch.empty(0), torch.empty(0)),
    ],
)
def test_same_items(first, second):
    assert items_differ(first, second) is False


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1, 2),
        (1, 1.0),
        (1.0, NAN),
        ("a", "b"),
        (torch.zeros(2), torch.ones(2)),
        (torch.zeros(2), torch.zeros(3)),
        (np.zeros(2), np.array([0.0, NAN])),
        (np.zeros((1, 2)), np.zeros((2, 1))),
        ((1, 2), (1, 3)),
        ((1, 2), (1,)),
        ({"x": 1}, {"y": 1}),
        ({"x": torch.zeros(1)}, {"x": torch.ones(1)}),
        (Point(1.0), Point(2.0)),
    ],
)
def test_different_items(first, second):
    assert items_differ(first, second) is True


class Noisy:
    """Draws from every global random state, reseeds them, and opens something at first read."""

    def __init__(self, amount=1.0):
        self.amount = amount
        self.handle = None

    def __getitem__(self, i):
        self.handle = object()
        noise = torch.rand(()).item() + np.random.rand() + random.random()
        if self.amount == 0:
            torch.manual_seed(0)
            np.random.seed(0)
            random.seed(0)
        return i + self.amount * noise


def test_it_warns_and_names_the_remedy():
    with pytest.warns(UserWarning, match="data augmentation is not switched off.*pool_specifics"):
        warn_if_augmented(Noisy(), lambda dataset: dataset[0])


@pytest.mark.parametrize("amount", [0, 1.0])
def test_it_touches_no_global_random_state_and_no_dataset(amount):
    noisy = Noisy(amount)
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warn_if_augmented(noisy, lambda dataset: dataset[0])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1][1].tolist()
    assert np.random.get_state()[2:] == before[1][2:]
    assert random.getstate() == before[2]
    assert noisy.handle is None


def test_an_item_that_cannot_be_read_is_not_its_affair():
    before = random.getstate()

    def read(dataset):
        random.random()
        raise OSError("the disk is gone")

    warn_if_augmented([1], read)
    assert random.getstate() == before
