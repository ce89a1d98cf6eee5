import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from baal.exceptions import InvalidArgumentError
from baal.utils.class_metrics import F1ByClass


def f1_by_hand(predicted, true, n_classes):
    """From precision and recall, class by class; NaN where a class is nowhere."""
    found = []
    for label in range(n_classes):
        hits = sum(p == t == label for p, t in zip(predicted, true, strict=True))
        n_predicted, n_true = list(predicted).count(label), list(true).count(label)
        if n_predicted + n_true == 0:
            found.append(math.nan)
        elif hits == 0:
            found.append(0.0)
        else:
            precision, recall = hits / n_predicted, hits / n_true
            found.append(2 * precision * recall / (precision + recall))
    return found


@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.integers(0, 10**6))
def test_f1_is_that_of_precision_and_recall_and_of_scikit_learn_however_batched(sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    n = sum(sizes)
    scores = torch.rand(n, 4, generator=generator)
    target = torch.randint(4, (n,), generator=generator)
    metric = F1ByClass(4)
    for out, tgt in zip(scores.split(sizes), target.split(sizes), strict=True):
        metric.update(out, tgt)
    predicted = scores.argmax(1)
    expected = f1_by_hand(predicted.tolist(), target.tolist(), 4)
    np.testing.assert_allclose(metric.value, expected, rtol=1e-12)
    theirs = f1_score(target, predicted, labels=range(4), average=None, zero_division=np.nan)
    np.testing.assert_allclose(metric.value, theirs, rtol=1e-12)


def test_exact_values():
    metric = F1ByClass(4)
    metric.update(torch.eye(4)[[0, 0, 1, 1]], torch.tensor([0, 1, 1, 2]))
    # Class 0: precision 1/2, recall 1. Class 1: 1/2 and 1/2. Class 2 is missed, class 3 nowhere.
    assert metric.value[:3] == [2 / 3, 1 / 2, 0.0]
    assert math.isnan(metric.value[3])
    metric.reset()
    assert all(math.isnan(value) for value in metric.value)


def test_pixels_and_columns_of_targets():
    scores = torch.zeros(1, 2, 2, 2)
    scores[0, 1, 0] = 1.0  # class 1 in the first row, class 0 in the second
    metric = F1ByClass(2)
    metric.update(scores, torch.tensor([[[1, 1], [1, 0]]]))
    assert metric.value == [2 / 3, 4 / 5]
    metric = F1ByClass(3)
    metric.update(torch.eye(3), torch.tensor([[0], [1], [0]]))
    assert metric.value == [2 / 3, 1.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32])
def test_targets_of_small_dtypes_do_not_overflow(dtype):
    metric = F1ByClass(100)
    metric.update(torch.eye(100), torch.arange(100).to(dtype))
    assert metric.value == [1.0] * 100


def test_one_result_a_batch():
    metric = F1ByClass(2, average=False)
    assert metric.value == []
    metric.update(torch.eye(2), torch.tensor([0, 1]))
    metric.update(torch.eye(2)[[0, 0, 1]], torch.tensor([0, 1, 1]))
    assert metric.value == [[1.0, 1.0], [2 / 3, 2 / 3]]


def test_deviation_weights_batches_by_their_items():
    metric = F1ByClass(3)
    assert all(math.isnan(value) for value in metric.standard_dev)
    metric.update(torch.eye(3)[[0, 0, 0]], torch.tensor([0, 0, 0]))  # 1 for class 0, no class 1
    metric.update(torch.eye(3)[[1]], torch.tensor([0]))  # 0 for classes 0 and 1
    zero, one, two = metric.standard_dev
    # Mean 3/4; (3 * (1/4)^2 + 1 * (3/4)^2) / 4 = 3/16.
    assert zero == pytest.approx(math.sqrt(3 / 16))
    assert one == 0.0  # a batch without it does not count
    assert math.isnan(two)


@pytest.mark.parametrize(
    ("output", "target", "message"),
    [
        (torch.zeros(2, 4), [0, 1], r"`output` to be \[B, 3, ...\], but got shape \(2, 4\)"),
        (torch.zeros(3), [0, 1, 2], r"`output` to be \[B, 3, ...\], but got shape \(3,\)"),
        (torch.zeros(2, 3), [0], r"one class for each of the 2 positions .* got shape \(1,\)"),
        (torch.zeros(2, 3), [0, 3], "classes from 0 to 2, but got values from 0 to 3"),
        (torch.zeros(2, 3), [-100, 1], "classes from 0 to 2, but got values from -100 to 1"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(output, target, message):
    metric = F1ByClass(3)
    with pytest.raises(InvalidArgumentError, match=message):
        metric.update(output, torch.tensor(target))
    assert metric.is_empty


def test_one_class_is_none():
    with pytest.raises(InvalidArgumentError, match="`n_classes` to be 2 or more, but got 1"):
        F1ByClass(1)
