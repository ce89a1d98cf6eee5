import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, top_k_accuracy_score

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.utils.metrics import Accuracy
from baal.utils.metrics.accuracy import rank_of_target


def split(tensor, sizes):
    return torch.split(tensor, sizes)


@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.integers(0, 10**6))
def test_accuracy_is_scikit_learns_however_batched(sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    n = sum(sizes)
    scores = torch.rand(n, 4, generator=generator)
    target = torch.randint(4, (n,), generator=generator)
    metric = Accuracy(topk=(1, 3))
    for out, tgt in zip(split(scores, sizes), split(target, sizes), strict=True):
        metric.update(out, tgt)
    top1, top3 = metric.value
    assert top1 == pytest.approx(accuracy_score(target, scores.argmax(1)))
    assert top3 == pytest.approx(top_k_accuracy_score(target, scores, k=3, labels=[0, 1, 2, 3]))


def test_accuracy_of_pixels():
    scores = torch.zeros(1, 2, 2, 2)
    scores[0, 1, 0] = 1.0  # class 1 in the first row, class 0 in the second
    metric = Accuracy()
    metric.update(scores, torch.tensor([[[1, 1], [1, 0]]]))
    assert metric.value == 0.75


def test_accuracy_takes_a_column_of_targets():
    metric = Accuracy()
    metric.update(torch.eye(3), torch.tensor([[0], [1], [0]]))
    assert metric.value == pytest.approx(2 / 3)


@pytest.mark.parametrize("topk", [(), (0,), (1, -1)])
def test_topk_must_be_positive(topk):
    with pytest.raises(InvalidArgumentError, match="Expected `topk`"):
        Accuracy(topk=topk)


def test_fewer_classes_than_k():
    with pytest.raises(
        InvalidArgumentError, match=r"at least 3 classes, but got 2: shape \(1, 2\) as \[P, C\]"
    ):
        Accuracy(topk=(3,)).update(torch.ones(1, 2), torch.tensor([0]))


def test_nan_scores_are_misses():
    scores = torch.tensor([[0.0, math.nan], [1.0, 0.0], [math.nan, math.nan], [0.0, 1.0]])
    metric = Accuracy(topk=(1, 2))
    metric.update(scores, torch.tensor([1, 0, 0, 0]))
    assert metric.value == [0.25, 0.5]


def test_outputs_without_an_axis_of_classes():
    with pytest.raises(InvalidArgumentError, match=r"got shape \(3,\) with .* shape \(3,\)"):
        Accuracy().update(torch.ones(3), torch.zeros(3))


@pytest.mark.parametrize("shape", [(1,), (4,), (3, 2)])
def test_as_many_targets_as_positions(shape):
    with pytest.raises(
        InvalidArgumentError, match=r"the 3 positions of `output` \(3, 2\), but got"
    ):
        Accuracy().update(torch.ones(3, 2), torch.zeros(shape))


@given(st.integers(0, 10**6))
def test_ranks_are_those_of_a_stable_sort(seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(3, (9, 5), generator=generator)  # full of ties
    target = torch.randint(5, (9,), generator=generator)
    order = scores.argsort(dim=1, descending=True, stable=True)
    expected = [row.tolist().index(t) for row, t in zip(order, target.tolist(), strict=True)]
    assert rank_of_target(scores, target).tolist() == expected


def test_single_outputs_are_the_second_of_two_classes():
    target = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    probabilities = torch.tensor([[0.2], [0.9], [0.4], [0.5]])
    for output in (probabilities, probabilities.logit()):
        metric = Accuracy()
        metric.update(output, target)
        assert metric.value == 0.75


def test_one_logit_outside_of_the_unit_range_decides_for_all_batches():
    metric, forced = Accuracy(), Accuracy(mode="probabilities")
    for output in (torch.tensor([[0.3]]), torch.tensor([[1.2]]), torch.tensor([[0.3]])):
        for each in (metric, forced):
            each.update(output, torch.tensor([1]))
    assert metric.value == 1.0
    assert forced.value == pytest.approx(1 / 3)


def test_each_batch_has_its_accuracy():
    metric = Accuracy(average=False)
    metric.update(torch.eye(2), torch.tensor([0, 0]))
    metric.update(torch.eye(2)[:1], torch.tensor([0]))
    assert metric.value == [0.5, 1.0]
    # Weighted mean 2/3; variance (2 * 1/36 + 1 * 1/9) / 3.
    assert metric.standard_dev == pytest.approx((1 / 18) ** 0.5)
    metric.reset()
    assert metric.value == []


def test_batches_of_other_numbers_of_classes():
    metric = Accuracy()
    metric.update(torch.eye(3), torch.tensor([0, 1, 1]))
    metric.update(torch.eye(5)[:1], torch.tensor([4]))
    assert metric.value == 0.5


def test_k_alone_is_refused():
    with pytest.raises(InvalidTypeError, match=r"`topk` to be values of k, but got 5: \(5,\)\?"):
        Accuracy(topk=5)
