import pytest
import torch
from torch import nn
from torch.amp import GradScaler

from baal.training.steps import autocast, take_step


def start(values, lr=1.0):
    weight = nn.Parameter(torch.tensor(values))
    return weight, torch.optim.SGD([weight], lr=lr)


def test_without_anything_it_is_gradient_descent():
    weight, sgd = start([3.0, 4.0], lr=0.5)
    assert take_step((weight**2).sum(), sgd) is True
    assert weight.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("norm", "expected"), [(1.0, [2.4, 3.2]), (5.5, [0.0, 0.0])])
@pytest.mark.parametrize("scaled", [False, True])
def test_clipping_by_the_length_of_the_gradient(norm, expected, scaled):
    """The gradient is the weight itself, of length 5: [3, 4] - [3, 4] * min(1, norm / 5)."""
    weight, sgd = start([3.0, 4.0])
    scaler = GradScaler("cpu", init_scale=1024.0) if scaled else None
    assert take_step((weight**2).sum() / 2, sgd, norm, scaler)
    torch.testing.assert_close(weight.detach(), torch.tensor(expected), atol=1e-5, rtol=0)


def test_only_what_is_stepped_is_clipped():
    """Gradients of what the optimizer does not have are set to zero by nobody."""
    weight, sgd = start([3.0, 4.0])
    other = nn.Parameter(torch.tensor(1000.0))
    for _ in range(2):
        sgd.zero_grad()
        take_step((weight * torch.tensor([0.3, 0.4])).sum() + other**2, sgd, 1.0)
    torch.testing.assert_close(weight.detach(), torch.tensor([2.4, 3.2]))
    assert other.grad == 4000.0


def test_a_scaled_step_that_overflows_is_left_out():
    weight, sgd = start([3.0])
    scaler = GradScaler("cpu", init_scale=8.0)
    assert take_step((weight * torch.inf).sum(), sgd, None, scaler) is False
    assert weight.item() == 3.0
    assert scaler.get_scale() == 4.0
    sgd.zero_grad()
    assert take_step(weight.sum(), sgd, None, scaler) is True
    assert weight.item() == 2.0


def test_autocast():
    x = torch.ones(2, 2)
    for dtype, expected in ((None, torch.float32), (torch.bfloat16, torch.bfloat16)):
        with autocast(torch.device("cpu"), dtype):
            assert (x @ x).dtype == expected
