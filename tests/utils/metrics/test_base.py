import gc
import math

import pytest
import torch

from baal.utils.metrics import ECE, ECE_PerCLs, F1ByClass, Loss, Metrics, PRAuC


class Share(Metrics):
    """A metric as users write them, with several results."""

    def update(self, output=None, target=None):
        self._add((output == target[:, None]).double().mean(0), len(target))


def test_a_metric_of_ones_own():
    metric = Share()
    metric.update(torch.tensor([[1, 2], [1, 1]]), torch.tensor([1, 1]))
    metric.update(torch.tensor([[0, 1]]), torch.tensor([1]))
    assert metric.value == [pytest.approx(2 / 3), pytest.approx(2 / 3)]
    assert metric.standard_dev == [pytest.approx((2 / 9) ** 0.5), pytest.approx((1 / 18) ** 0.5)]


def test_without_averaging_each_batch_has_its_result():
    loss = Loss(average=False)
    assert loss.value == []
    loss.update(torch.tensor(1.0), torch.zeros(9))
    loss.update(torch.tensor(2.0), torch.zeros(1))
    assert loss.value == [1.0, 2.0]
    assert loss.standard_dev == pytest.approx(0.3)


def test_nothing_seen_is_nan_and_reset_forgets():
    loss = Loss()
    assert math.isnan(loss.value)
    assert math.isnan(loss.standard_dev)
    loss.update(1.0)
    loss.reset()
    assert loss.is_empty
    assert math.isnan(loss.value)


def test_avg_is_deprecated():
    loss = Loss()
    loss.update(4.0)
    with pytest.warns(DeprecationWarning, match="use `value`"):
        assert loss.avg == 4.0


def kept_bytes(metric):
    """Bytes of all tensors that can be reached from a metric; a graph would be among them."""
    seen, todo, total = set(), [metric], 0
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        if isinstance(thing, torch.Tensor):
            assert thing.grad_fn is None
            assert not thing.requires_grad
            total += thing.untyped_storage().nbytes()
        elif isinstance(thing, dict | list | tuple) or hasattr(thing, "__dict__"):
            todo += gc.get_referents(thing)
    return total


@pytest.mark.parametrize(
    "make", [lambda: F1ByClass(4), ECE, lambda: ECE_PerCLs(4), lambda: PRAuC(4, 10), Loss]
)
def test_memory_is_constant_and_no_graph_is_kept(make):
    metric, sizes = make(), []
    for step in range(2000):
        output = torch.full((50, 4), step % 3 / 2.0, requires_grad=True) + 0
        loss = output.mean()
        metric.update(loss if metric.takes_loss else output, torch.zeros(50, dtype=torch.long))
        if step in {300, 1999}:
            metric.standard_dev  # sums up what waits
            sizes.append(kept_bytes(metric))
    assert sizes[0] == sizes[1]
