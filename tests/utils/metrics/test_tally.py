import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import baal.utils.metrics.tally as tally_module
from baal.exceptions import InvalidArgumentError
from baal.utils.metrics import (
    ECE,
    F1,
    Accuracy,
    ClassificationReport,
    ECE_PerCLs,
    PRAuC,
    Precision,
    Recall,
)
from baal.utils.metrics.reading import Positions
from baal.utils.metrics.tally import check_at_least
from tests.utils.metrics.batches import SEEDS, SIZES, assert_however_batched, flat, outputs

MAKERS = {
    "accuracy": lambda **kw: Accuracy(topk=(1, 2), **kw),
    "precision": lambda **kw: Precision(4, **kw),
    "recall": lambda **kw: Recall(4, average=False, **kw),
    "f1": lambda **kw: F1(4, **kw),
    "report": lambda **kw: ClassificationReport(4, **kw),
    "ece": lambda **kw: ECE(5, **kw),
    "ece by class": lambda **kw: ECE_PerCLs(4, 5, **kw),
    "pr auc": lambda **kw: PRAuC(4, 10, **kw),
}
every_metric = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@every_metric
@given(SIZES, SEEDS, st.sampled_from(["probabilities", "logits"]))
def test_batches_and_order_change_nothing(make, sizes, seed, kind):
    output, target = outputs(sum(sizes), 4, seed, kind)
    assert_however_batched(make(), output, target, sizes)


@every_metric
def test_logits_and_probabilities_give_the_same(make):
    logits, target = outputs(60, 4, seed=1, kind="logits")
    probabilities = logits.softmax(1)
    results = []
    for output, mode in (
        (logits, "auto"), (logits, "logits"), (probabilities, "auto"),
        (probabilities, "probabilities"),
    ):  # fmt: skip
        metric = make(mode=mode)
        metric.update(output, target)
        results.append(np.array(flat(metric.value)))
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], atol=1e-12)


@every_metric
def test_logits_that_could_be_probabilities_wait_for_those_that_could_not(make):
    """A batch of them first: what it was read as may change with a later batch."""
    logits, target = outputs(40, 4, seed=2, kind="logits")
    logits[:4] = torch.tensor([0.1, 0.2, 0.3, 0.4])
    whole, split = make(mode="logits"), make()
    whole.update(logits, target)
    for part in (slice(4), slice(4, 40)):
        split.update(logits[part], target[part])
    np.testing.assert_allclose(flat(split.value), flat(whole.value), atol=1e-12)


@every_metric
def test_positions_of_images_are_items(make):
    output, target = outputs(2 * 3 * 5, 4, seed=3)
    items, images = make(), make()
    items.update(output, target)
    pixels = output.reshape(2, 3, 5, 4).movedim(-1, 1)
    images.update(pixels, target.reshape(2, 3, 5))
    assert flat(images.value) == flat(items.value)
    images.reset()
    images.update(pixels, target.reshape(2, 1, 3, 5))
    assert flat(images.value) == flat(items.value)


@every_metric
def test_ignored_targets_are_as_if_they_were_not_there(make):
    output, target = outputs(30, 4, seed=4)
    kept = torch.arange(30) % 3 > 0
    expected, ignoring = make(), make(ignore_index=-100)
    expected.update(output[kept], target[kept])
    output[~kept] = math.nan  # padding may hold anything
    ignoring.update(output, torch.where(kept, target, -100))
    np.testing.assert_allclose(flat(ignoring.value), flat(expected.value), atol=1e-12)
    ignoring.update(output[:3], torch.full((3,), -100))
    np.testing.assert_allclose(flat(ignoring.value), flat(expected.value), atol=1e-12)
    np.testing.assert_allclose(flat(ignoring.standard_dev), 0, atol=1e-12)


@every_metric
def test_empty_batches_change_nothing(make):
    metric = make()
    metric.update(torch.zeros(0, 4), torch.zeros(0))
    assert metric.is_empty
    assert np.isnan(flat(metric.value)).all()
    assert np.isnan(flat(metric.standard_dev)).all()
    output, target = outputs(10, 4, seed=5)
    metric.update(output, target)
    before = flat(metric.value), flat(metric.standard_dev)
    metric.update(torch.zeros(0, 4), torch.zeros(0))
    np.testing.assert_equal((flat(metric.value), flat(metric.standard_dev)), before)


@every_metric
def test_the_deviation_is_that_of_the_batches(make):
    metric = make()
    results, sizes = [], [20, 5, 12]
    for i, size in enumerate(sizes):
        output, target = outputs(size, 4, seed=i)
        metric.update(output, target)
        one = make()
        one.update(output, target)
        results.append(flat(one.value))
    assert not np.isnan(np.array(results)).any()
    mean = np.average(results, axis=0, weights=sizes)
    deviation = np.average((np.array(results) - mean) ** 2, axis=0, weights=sizes) ** 0.5
    np.testing.assert_allclose(flat(metric.standard_dev), deviation, atol=1e-12)


@every_metric
def test_an_error_leaves_the_metric_as_it_was(make):
    metric = make()
    metric.update(*outputs(10, 4, seed=6))
    before = flat(copy.deepcopy(metric).value)
    for output, target in (
        (torch.ones(2, 4), torch.tensor([0, 4])), (torch.ones(2, 4), torch.tensor([0])),
        (torch.ones(2), torch.tensor([0, 1])),
    ):  # fmt: skip
        with pytest.raises(InvalidArgumentError):
            metric.update(output, target)
    np.testing.assert_equal(flat(metric.value), before)


@every_metric
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_low_precision_outputs_with_their_graph_and_of_inference_mode(make, dtype):
    output, target = outputs(20, 4, seed=7)
    output = output.to(dtype)
    expected, metric = make(mode="probabilities"), make()
    expected.update(output.double(), target)
    metric.update(output.requires_grad_() + 0, target)
    assert flat(metric.value) == flat(expected.value)
    with torch.inference_mode():
        metric.update(output + 0, target)
    metric.update(output, target)
    np.testing.assert_allclose(flat(metric.value), flat(expected.value), atol=1e-12)


def test_an_unknown_mode():
    with pytest.raises(InvalidArgumentError, match=r"Expected `mode` to be one of .* got 'logit'"):
        ECE(mode="logit")


def test_targets_that_are_no_class_on_a_device_are_told_when_the_value_is_read(monkeypatch):
    """There `flatten` does not look at them, but counts them."""
    metric = ECE()
    positions = Positions(
        torch.tensor([[0.5, 0.5]]), torch.tensor([0]), torch.zeros(1), torch.tensor(1)
    )
    monkeypatch.setattr(tally_module, "flatten", lambda *_: positions)
    metric.update(None, None)
    with pytest.raises(InvalidArgumentError, match=r"but got 1 that are not.*ignore_index"):
        metric.value
    metric.reset()
    assert math.isnan(metric.value)


@pytest.mark.parametrize("value", [0, -1, 2.5, True])
def test_numbers_of_bins(value):
    with pytest.raises(InvalidArgumentError, match=f"`n` to be 1 or more, but got {value}"):
        check_at_least("n", value, 1)
