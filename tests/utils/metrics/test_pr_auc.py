import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc, precision_recall_curve

from baal.exceptions import InvalidArgumentError
from baal.utils.metrics import PRAuC
from tests.utils.metrics.batches import SEEDS, measured, outputs


def oracle(scores, positive, n_bins):
    """scikit-learn's area, of scores brought down to the threshold that they reach."""
    if not positive.any():
        return math.nan
    thresholds = np.arange(n_bins) / n_bins
    reached = (scores[:, None] >= thresholds).sum(1)
    precision, recall, _ = precision_recall_curve(positive, reached)
    return auc(recall, precision)


@given(SEEDS, st.integers(2, 30), st.integers(1, 40))
def test_areas_are_scikit_learns(seed, n_bins, n):
    output, target = outputs(n, 4, seed)
    expected = [oracle(output[:, c].numpy(), target.numpy() == c, n_bins) for c in range(4)]
    value = measured(PRAuC(4, n_bins, average=False), output, target)
    np.testing.assert_allclose(value, expected, atol=1e-12)
    mean = measured(PRAuC(4, n_bins, average=True), output, target)
    assert mean == pytest.approx(np.nanmean(expected), abs=1e-12)


def test_a_perfect_classifier_has_one():
    target = torch.tensor([0, 1, 2, 2])
    for output in (torch.eye(3)[target], 0.1 + 0.7 * torch.eye(3)[target]):
        assert measured(PRAuC(3, 10, False), output, target) == [1.0, 1.0, 1.0]
        assert measured(PRAuC(3, 10, True), output, target) == 1.0


def test_an_uninformed_classifier_has_the_trapezoid_from_one_to_the_share():
    output = torch.full((4, 2), 0.5)
    areas = measured(PRAuC(2, 10, average=False), output, torch.tensor([0, 1, 1, 1]))
    assert areas == pytest.approx([(1 + 0.25) / 2, (1 + 0.75) / 2])


def test_a_class_without_items_has_no_recall():
    output, target = torch.eye(3)[[0, 1]], torch.tensor([0, 1])
    np.testing.assert_equal(measured(PRAuC(3, 5, False), output, target), [1.0, 1.0, np.nan])
    assert measured(PRAuC(3, 5), output, target) == 1.0


def test_an_output_that_is_no_number_reaches_no_threshold():
    output = torch.tensor([[0.9, 0.1], [0.8, math.nan], [0.2, 0.8]], dtype=torch.double)
    target = torch.tensor([0, 0, 1])
    first = measured(PRAuC(2, 10, average=False), output, target)[0]
    # From recall 0 to 1/2 with precision 1; the other item is never found.
    assert first == 0.5


def test_at_least_two_thresholds_and_classes():
    with pytest.raises(InvalidArgumentError, match="`n_bins` to be 2 or more, but got 1"):
        PRAuC(3, 1)
    with pytest.raises(InvalidArgumentError, match="`num_classes` to be 2 or more, but got 1"):
        PRAuC(1, 10)
