import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, top_k_accuracy_score

from baal.exceptions import InvalidArgumentError
from baal.utils.metrics import Accuracy, Loss


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
        InvalidArgumentError, match=r"at least 3 classes, but got 2: shape \(1, 2\)"
    ):
        Accuracy(topk=(3,)).update(torch.ones(1, 2), torch.tensor([0]))


def test_loss_weights_batches_by_their_items():
    loss = Loss()
    loss.update(torch.tensor(1.0), torch.zeros(9))
    loss.update(torch.tensor(11.0), torch.zeros(1))
    assert loss.value == 2.0
    # Weighted variance: (9 * 1 + 1 * 81) / 10.
    assert loss.standard_dev == 3.0
    assert str(loss) == "2.0"


def test_loss_by_item():
    loss = Loss()
    loss.update(torch.tensor([1.0, 3.0]))
    loss.update(5.0)
    assert loss.value == 3.0


def test_without_averaging_each_batch_has_its_result():
    loss = Loss(average=False)
    assert loss.value == []
    loss.update(torch.tensor(1.0), torch.zeros(9))
    loss.update(torch.tensor(2.0), torch.zeros(1))
    assert loss.value == [1.0, 2.0]


def test_nothing_seen_is_nan_and_reset_forgets():
    loss = Loss()
    assert math.isnan(loss.value)
    assert math.isnan(loss.standard_dev)
    loss.update(1.0)
    loss.reset()
    assert loss.is_empty


def test_no_graph_is_kept():
    loss = Loss()
    loss.update(torch.ones(3, requires_grad=True) * 2)
    assert not loss._results[0].requires_grad


def test_avg_is_deprecated():
    loss = Loss()
    loss.update(4.0)
    with pytest.warns(DeprecationWarning, match="use `value`"):
        assert loss.avg == 4.0


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
