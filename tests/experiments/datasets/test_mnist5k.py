import numpy as np
import pytest
import torch

from baal.exceptions import InvalidArgumentError
from baal.experiments.datasets import imbalanced_mnist_5k, mnist_5k
from baal.experiments.datasets.mnist5k import _mnist_5k


def test_the_pool_is_imbalanced_and_the_test_set_is_not():
    task = imbalanced_mnist_5k(test_per_class=50, rare_share=0.2)
    pool, test = task.pool.tensors[1], task.test.tensors[1]
    assert torch.bincount(pool).tolist() == [450] * 5 + [90] * 5
    assert torch.bincount(test).tolist() == [50] * 10
    assert task.n_classes == 10


def test_pool_and_test_set_are_disjoint_real_digits_standardised():
    task = imbalanced_mnist_5k()
    images = torch.cat([task.pool.tensors[0], task.test.tensors[0]])
    assert images.shape == (3200, 1, 28, 28)
    assert float(task.pool.tensors[0].mean()) == pytest.approx(0, abs=1e-4)
    assert float(task.pool.tensors[0].std()) == pytest.approx(1, abs=1e-4)
    originals = _mnist_5k()[0].reshape(5000, -1)
    distinct = len(np.unique(originals, axis=0))
    assert distinct == 5000  # so that equal images below mean one item in two places
    assert len(images.flatten(1).unique(dim=0)) == 3200


def test_the_seed_decides():
    a, b, c = (imbalanced_mnist_5k(seed=seed).pool.tensors[1] for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("test_per_class", 0), ("test_per_class", 500), ("rare_share", 0.0), ("rare_share", 1.5)],
)
def test_out_of_range(argument, value):
    with pytest.raises(InvalidArgumentError, match=f"Expected `{argument}`.*but got {value}"):
        imbalanced_mnist_5k(**{argument: value})


def test_balanced_is_imbalanced_with_nothing_cut():
    task, same = (
        mnist_5k(test_per_class=30, seed=3),
        imbalanced_mnist_5k(test_per_class=30, rare_share=1.0, seed=3),
    )
    assert torch.bincount(task.pool.tensors[1]).tolist() == [470] * 10
    assert torch.equal(task.pool.tensors[0], same.pool.tensors[0])
    assert torch.equal(task.test.tensors[1], same.test.tensors[1])
    assert task.class_names == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
