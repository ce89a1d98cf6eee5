import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    f1_score,
    precision_score,
    recall_score,
)

from baal.exceptions import InvalidArgumentError
from baal.utils.metrics import F1, ClassificationReport, F1ByClass, Precision, Recall
from tests.utils.metrics.batches import SEEDS, measured, outputs

LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30)
ORACLES = [(Precision, precision_score), (Recall, recall_score), (F1, f1_score)]


def of_pairs(metric, pairs):
    """The metric's value for pairs of target and prediction of five classes."""
    target, predicted = torch.tensor(pairs).T
    return measured(metric, torch.eye(5)[predicted], target)


@pytest.mark.parametrize(("metric", "oracle"), ORACLES)
@given(LABELS)
def test_mean_and_classes_are_scikit_learns(metric, oracle, pairs):
    target, predicted = np.array(pairs).T
    mean = oracle(target, predicted, average="macro", zero_division=0)
    assert of_pairs(metric(5), pairs) == pytest.approx(mean)
    by_class = oracle(target, predicted, labels=range(5), average=None, zero_division=0)
    known = np.isin(range(5), np.concatenate([target, predicted]))
    expected = np.where(known, by_class, np.nan)
    np.testing.assert_allclose(of_pairs(metric(5, average=False), pairs), expected)


def test_precision_is_not_recall():
    # Class 0: two of three predictions right, two of four items found.
    pairs = [(0, 0), (0, 0), (0, 1), (0, 1), (1, 0), (1, 1)]
    assert of_pairs(Precision(5, average=False), pairs)[:2] == [2 / 3, 1 / 3]
    assert of_pairs(Recall(5, average=False), pairs)[:2] == [1 / 2, 1 / 2]


@given(SEEDS)
def test_the_report_is_scikit_learns(seed):
    output, target = outputs(40, 3, seed)
    predicted = output.argmax(1).numpy()
    value = measured(ClassificationReport(3), output, target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = classification_report(
            target, predicted, labels=range(3), output_dict=True, zero_division=0
        )
    assert list(value) == ["accuracy", "precision", "recall", "f1"]
    for c in range(3):
        for ours, theirs in (("precision",) * 2, ("recall",) * 2, ("f1", "f1-score")):
            if not math.isnan(value[ours][c]):
                assert value[ours][c] == pytest.approx(report[str(c)][theirs])
        expected = accuracy_score(target.numpy() == c, predicted == c)
        assert value["accuracy"][c] == pytest.approx(expected)


def test_f1_by_class_is_a_list():
    metric = F1ByClass(n_classes=2)
    metric.update(torch.eye(2)[[0, 1, 1]], torch.tensor([0, 0, 1]))
    assert metric.value == pytest.approx([2 / 3, 2 / 3])


def test_an_output_that_is_no_number_is_no_prediction():
    output = torch.eye(3)[[0, 0, 1]]
    output[1, 2] = math.nan
    target = torch.tensor([0, 0, 1])
    # scikit-learn with a label of its own for "nothing".
    expected = recall_score(target, [0, 3, 1], labels=range(3), average=None, zero_division=np.nan)
    np.testing.assert_allclose(measured(Recall(3, average=False), output, target), expected)
    assert measured(Precision(3, average=False), output, target)[:2] == [1.0, 1.0]
    # Of class 0, an item was not found; of class 2, nothing was claimed.
    report = measured(ClassificationReport(3), output, target)
    assert report["accuracy"] == pytest.approx([2 / 3, 1, 1])


def test_single_outputs():
    precision = Precision(2, average=False)
    precision.update(torch.tensor([[2.0], [0.1], [-3.0]]), torch.tensor([[1], [0], [0]]))
    assert precision.value == [1.0, 0.5]


@pytest.mark.parametrize("metric", [Precision, Recall, F1, F1ByClass, ClassificationReport])
def test_at_least_two_classes(metric):
    with pytest.raises(InvalidArgumentError, match="`num_classes` to be 2 or more, but got 1"):
        metric(1)
