"""Wrong classes, rare classes, smaller pools: exact numbers, the same again with the same seed."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
from baal.exceptions import InvalidArgumentError
from baal.experiments.datasets import (
    ImageClassificationTask,
    targets_of,
    with_annotation_errors,
    with_pool_limit,
    with_rare_classes,
)


class Numbers(Dataset):
    """Item i is `(transform(i), i % 5)`."""

    def __init__(self, n, transform=float):
        self.targets = [i % 5 for i in range(n)]
        self.transform = transform

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return self.transform(range(len(self.targets))[index]), self.targets[index]


def negated(x):
    return -float(x)


def tensors(n, n_classes=5):
    return TensorDataset(torch.arange(n, dtype=torch.float32)[:, None], torch.arange(n) % n_classes)


def task_of(pool, n_classes=5, **other):
    return ImageClassificationTask(pool, tensors(10), n_classes, **other)


POOLS = [tensors(100), Numbers(100), Subset(Numbers(200), range(100))]


@pytest.mark.parametrize("pool", POOLS)
@given(share=st.floats(0, 1), seed=st.integers(0, 9))
def test_exactly_the_share_is_wrong_and_nothing_else_changes(pool, share, seed):
    task = task_of(pool, class_names=tuple("abcde"), pool_specifics={"transform": negated})
    before = targets_of(pool)
    changed = with_annotation_errors(task, share, seed)
    shown = targets_of(changed.pool)
    assert (shown != before).sum() == round(share * 100)
    assert set(shown) <= set(range(5))
    assert changed.test is task.test
    assert changed.class_names == task.class_names
    assert changed.pool_specifics is task.pool_specifics
    assert np.array_equal(targets_of(pool), before)
    # What is read is what `targets_of` says, one by one and several at a time.
    assert [int(y) for _, y in changed.pool] == shown.tolist()
    batch = next(iter(DataLoader(changed.pool, batch_size=100)))
    assert batch[1].tolist() == shown.tolist()
    assert batch[1].dtype == torch.int64
    assert batch[0].flatten().tolist() == list(range(100))


@pytest.mark.parametrize("pool", POOLS[:2])
def test_the_seed_decides_and_larger_shares_only_add_errors(pool):
    small, same, large, other = (
        targets_of(with_annotation_errors(task_of(pool), share, seed).pool)
        for share, seed in [(0.1, 1), (0.1, 1), (0.5, 1), (0.1, 2)]
    )
    wrong = small != targets_of(pool)
    assert np.array_equal(small, same)
    assert np.array_equal(large[wrong], small[wrong])
    assert not np.array_equal(small, other)


def test_wrong_classes_are_uniform_over_the_others():
    pool = TensorDataset(torch.zeros(40_000, 1), torch.full((40_000,), 2, dtype=torch.int32))
    changed = with_annotation_errors(task_of(pool), 1.0).pool
    counts = torch.bincount(changed.tensors[1]).tolist()
    assert counts[2] == 0
    # Mean 10,000 and standard deviation 87 each.
    assert all(abs(counts[i] - 10_000) < 5 * 87 for i in (0, 1, 3, 4))
    assert changed.tensors[1].dtype == torch.int32
    assert changed.tensors[0] is pool.tensors[0]


def test_pool_specifics_reach_the_dataset_inside():
    task = with_annotation_errors(task_of(Subset(Numbers(50), range(10, 30))), 0.5)
    task = with_pool_limit(task, 12)
    active = ActiveLearningDataset(task.pool, pool_specifics={"transform": negated})
    active.label([0, 1, 2])
    assert active.can_label is False
    classes = targets_of(task.pool).tolist()
    images = [x for x, _ in task.pool]
    assert [active[i] for i in range(3)] == list(zip(images[:3], classes[:3], strict=True))
    unlabelled = next(iter(DataLoader(active.pool, batch_size=9)))
    assert unlabelled[0].tolist() == [-x for x in images[3:]]
    assert unlabelled[1].tolist() == classes[3:]


@pytest.mark.parametrize("pool", POOLS)
@given(n=st.integers(0, 5), cut=st.floats(0, 0.99), seed=st.integers(0, 9))
def test_rare_classes_lose_exactly_the_cut(pool, n, cut, seed):
    task = task_of(pool)
    changed = with_rare_classes(task, n, cut, seed)
    kept = 20 - min(round(cut * 20), 19)
    counts = np.bincount(targets_of(changed.pool)).tolist()
    assert sorted(counts) == sorted([kept] * n + [20] * (5 - n))
    assert changed.test is task.test
    images = [float(x) for x, _ in changed.pool]
    assert images == sorted(set(images))
    assert [int(x) % 5 for x in images] == targets_of(changed.pool).tolist()


def test_the_seed_decides_which_classes_become_rare():
    counts = [
        tuple(np.bincount(targets_of(with_rare_classes(task_of(POOLS[0]), 2, seed=seed).pool)))
        for seed in (0, 0, 1, 2, 3)
    ]
    assert counts[0] == counts[1]
    assert len(set(counts)) > 1


def test_a_class_without_items_may_be_cut():
    pool = TensorDataset(torch.zeros(8, 1), torch.zeros(8, dtype=torch.int64))
    changed = with_rare_classes(task_of(pool), 5, 0.5)
    assert targets_of(changed.pool).tolist() == [0] * 4


@pytest.mark.parametrize("pool", POOLS)
@given(n=st.integers(1, 100), seed=st.integers(0, 9))
def test_a_limited_pool_is_a_part_in_the_same_order(pool, n, seed):
    images = [float(x) for x, _ in with_pool_limit(task_of(pool), n, seed).pool]
    assert len(images) == n
    assert images == sorted(set(images))
    larger = [float(x) for x, _ in with_pool_limit(task_of(pool), 100, seed).pool]
    assert set(images) <= set(larger)


def test_smaller_pools_are_parts_of_larger_ones():
    parts = [
        {float(x) for x, _ in with_pool_limit(task_of(POOLS[0]), n, seed).pool}
        for n, seed in [(10, 4), (40, 4), (10, 5)]
    ]
    assert parts[0] < parts[1]
    assert parts[0] != parts[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: with_annotation_errors(t, -0.1), "Expected `share` to be .*but got -0.1"),
        (lambda t: with_annotation_errors(t, 1.5), "Expected `share` to be .*but got 1.5"),
        (lambda t: with_annotation_errors(t, float("nan")), "Expected `share`.*but got nan"),
        (lambda t: with_rare_classes(t, -1), "Expected `n_classes` to be from 0 to 5, but got -1"),
        (lambda t: with_rare_classes(t, 6), "Expected `n_classes` to be from 0 to 5, but got 6"),
        (lambda t: with_rare_classes(t, 1, 1.0), "Expected `cut` to be .*but got 1.0"),
        (lambda t: with_pool_limit(t, 0), "Expected `n` to be from 1 to 100.*but got 0"),
        (lambda t: with_pool_limit(t, 101), "Expected `n` to be from 1 to 100.*but got 101"),
    ],
)
def test_out_of_range(change, message):
    with pytest.raises(InvalidArgumentError, match=message):
        change(task_of(POOLS[0]))


def test_tasks_that_do_not_fit():
    strange = task_of(tensors(10, 7))
    for change in (with_annotation_errors, with_rare_classes):
        with pytest.raises(InvalidArgumentError, match="classes from 0 to 4, but got 5"):
            change(strange, 1)
    with pytest.raises(InvalidArgumentError, match="at least 2 classes, but got 1"):
        with_annotation_errors(task_of(tensors(10, 1), 1), 0.5)
