import math

import torch

from baal.utils.metrics import Loss


def test_batches_count_by_their_items():
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


def test_items_of_targets_in_dicts_and_lists():
    loss = Loss()
    loss.update(torch.tensor(1.0), {"boxes": torch.zeros(3, 4), "labels": torch.zeros(3)})
    loss.update(torch.tensor(5.0), torch.tensor(0))
    loss.update(torch.tensor(2.0), ["a", "b", "c", "d"])
    assert loss.value == 2.0


def test_an_empty_batch_changes_nothing():
    loss = Loss(average=False)
    loss.update(torch.tensor(math.nan), torch.zeros(0))
    assert loss.is_empty
    loss.update(torch.tensor(4.0), torch.zeros(2))
    loss.update(torch.tensor(math.nan), torch.zeros(0))
    assert loss.value == [4.0]


def test_a_loss_that_is_no_number_is_told():
    loss = Loss()
    loss.update(torch.tensor(1.0), torch.zeros(2))
    loss.update(torch.tensor(math.nan), torch.zeros(2))
    assert math.isnan(loss.value)
    assert math.isnan(loss.standard_dev)
    loss.reset()
    loss.update(torch.tensor(math.inf))
    assert loss.value == math.inf
