import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baal.exceptions import InvalidArgumentError
from baal.utils.metrics import ECE, ECE_PerCLs
from baal.utils.metrics.calibration import expected_calibration_error
from tests.utils.metrics.batches import SEEDS, measured, outputs


def literal_error(probabilities, came_true, n_bins):
    """The formula, bin by bin and item by item."""
    error = 0.0
    for b in range(n_bins):
        inside = [
            (p, hit) for p, hit in zip(probabilities, came_true, strict=True)
            if b / n_bins < p <= (b + 1) / n_bins or (b == 0 and p == 0)
        ]  # fmt: skip
        if inside:
            confidence = sum(p for p, _ in inside) / len(inside)
            frequency = sum(hit for _, hit in inside) / len(inside)
            error += len(inside) / len(probabilities) * abs(frequency - confidence)
    return error


@given(SEEDS, st.integers(1, 15))
def test_ece_is_the_formula(seed, n_bins):
    output, target = outputs(30, 3, seed)
    confidence, predicted = output.max(1)
    expected = literal_error(confidence.tolist(), (predicted == target).tolist(), n_bins)
    assert measured(ECE(n_bins), output, target) == pytest.approx(expected, abs=1e-12)
    of_arrays = expected_calibration_error(output.numpy(), target.numpy(), n_bins)
    assert of_arrays == pytest.approx(expected, abs=1e-12)


@given(SEEDS, st.integers(1, 15))
def test_ece_by_class_is_the_formula_for_each_class(seed, n_bins):
    output, target = outputs(30, 3, seed)
    expected = [
        literal_error(output[:, c].tolist(), (target == c).tolist(), n_bins) for c in range(3)
    ]
    value = measured(ECE_PerCLs(3, n_bins), output, target)
    np.testing.assert_allclose(value, expected, atol=1e-12)
    # A column of targets, which BaaL 2.1 could not read.
    column = measured(ECE_PerCLs(3, n_bins), output, target[:, None])
    assert column == value


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), st.sampled_from([1, 4, 5, 10]))
def test_probabilities_on_the_edges_of_bins(twentieths, n_bins):
    p = torch.tensor(twentieths, dtype=torch.double) / 20
    output = torch.stack([1 - p, p], dim=1)
    target = torch.arange(len(p)) % 2
    value = measured(ECE_PerCLs(2, n_bins), output, target)
    for c in range(2):
        expected = literal_error(output[:, c].tolist(), (target == c).tolist(), n_bins)
        assert value[c] == pytest.approx(expected, abs=1e-12)


def test_the_defaults_are_ten_bins():
    assert ECE().n_bins == ECE_PerCLs(3).n_bins == 10


def test_calibrated_and_sure_of_the_wrong():
    sure = torch.eye(2)[[0, 1]]
    assert measured(ECE(), sure, torch.tensor([0, 1])) == 0.0
    assert measured(ECE(), sure, torch.tensor([1, 0])) == 1.0
    assert measured(ECE(), torch.full((4, 2), 0.5), torch.tensor([0, 0, 1, 1])) == 0.0


def test_a_class_without_items_has_its_mean_probability():
    output = torch.tensor([[0.75, 0.0, 0.25], [0.5, 0.0, 0.5]])
    assert measured(ECE_PerCLs(3), output, torch.tensor([0, 0]))[1:] == [0.0, 0.375]


def test_an_output_that_is_no_number_has_no_calibration():
    output = torch.tensor([[0.5, 0.5], [math.nan, 0.5]])
    target = torch.tensor([0, 1])
    assert math.isnan(measured(ECE(), output, target))
    assert math.isnan(measured(ECE_PerCLs(2), output, target)[0])


def test_a_single_output_is_that_of_two_classes():
    p = torch.tensor([[0.25], [0.9], [0.6]])
    target = torch.tensor([[0.0], [1.0], [0.0]])
    expected = measured(ECE(), torch.cat([1 - p, p], 1), target)
    assert measured(ECE(), p, target) == pytest.approx(expected)
    assert measured(ECE(), p.double().logit(), target) == pytest.approx(expected)
    assert len(measured(ECE_PerCLs(2), p, target)) == 2


def test_no_bins():
    with pytest.raises(InvalidArgumentError, match="`n_bins` to be 1 or more, but got 0"):
        ECE(0)
    with pytest.raises(InvalidArgumentError, match="`n_cls` to be 2 or more, but got 1"):
        ECE_PerCLs(1)


def test_the_diagrams_show_what_the_metrics_say():
    output, target = outputs(50, 3, seed=0)
    ece, by_class = ECE(), ECE_PerCLs(3)
    for metric in (ece, by_class):
        metric.update(output, target)
    assert ece.reliability().error == pytest.approx(ece.value)
    assert [one.error for one in by_class.reliability()] == pytest.approx(by_class.value)
    assert ece.plot().axes[0].get_title() == f"ECE {ece.value:.3f}"
    titles = [axes.get_title() for axes in by_class.plot().axes[::2]]
    assert titles == [f"class {c}, ECE {value:.3f}" for c, value in enumerate(by_class.value)]


def test_calibration_of_a_model_that_is_broken():
    nan = np.full((2, 3), np.nan)
    assert np.isnan(expected_calibration_error(nan, [0, 1]))
    assert np.isnan(expected_calibration_error([[np.nan, np.nan], [1, 0]], [1, 0]))
    assert expected_calibration_error([[np.nan, np.nan], [1, 0]], [-100, 0]) == 0


def test_calibration_of_positions_and_of_nothing():
    p = np.full((1, 2, 3), 0.5)
    assert expected_calibration_error(p, [[0, 0, -100]]) == 0.5
    assert np.isnan(expected_calibration_error(p, [[-1, -1, -1]]))
    assert expected_calibration_error([[1.0, 0.0]], [0]) == 0
    for bad in ([0, 1], [[0, 1]]):
        with pytest.raises(InvalidArgumentError, match="but got shapes"):
            expected_calibration_error(p, bad)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_the_error_of_arrays_is_that_of_the_metric_on_edges_too(thirtieths):
    p = np.array(thirtieths) / 30
    output, target = np.stack([1 - p, p], axis=1), np.arange(len(p)) % 2
    value = measured(ECE(15), torch.tensor(output), torch.tensor(target))
    assert expected_calibration_error(output, target) == value
