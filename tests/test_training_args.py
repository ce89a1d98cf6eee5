import pytest
import torch
from torch import nn

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.training_args import TrainingArgs


def sgd():
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)


@pytest.mark.parametrize("name", ["autocast", "mixed_precision"])
def test_dtypes(name):
    assert getattr(TrainingArgs(**{name: torch.bfloat16}), name) == torch.bfloat16
    with pytest.raises(InvalidTypeError, match=rf"`{name}` to be a torch\.dtype"):
        TrainingArgs(**{name: "bfloat16"})


def test_precisions_that_are_not_mixed():
    with pytest.raises(InvalidArgumentError, match=r"bfloat16, torch.float16 or None, but got"):
        TrainingArgs(mixed_precision=torch.float32)


@pytest.mark.parametrize("norm", [0, -1.0, float("nan")])
def test_norms_out_of_range(norm):
    with pytest.raises(InvalidArgumentError, match="`max_grad_norm` to be above 0"):
        TrainingArgs(max_grad_norm=norm)


@pytest.mark.parametrize("norm", [True, "1"])
def test_norms_that_are_no_number(norm):
    with pytest.raises(InvalidTypeError, match="`max_grad_norm` to be a number"):
        TrainingArgs(max_grad_norm=norm)


def test_schedulers():
    optimizer = sgd()
    plan = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    args = TrainingArgs(optimizer, scheduler=plan, scheduler_interval="batch")
    assert args.scheduler is plan
    with pytest.raises(InvalidArgumentError, match="`scheduler` to be one of `optimizer`"):
        TrainingArgs(sgd(), scheduler=plan)
    with pytest.raises(InvalidArgumentError, match="'epoch' or 'batch', but got 'step'"):
        TrainingArgs(scheduler_interval="step")
    with pytest.raises(InvalidTypeError, match="`scheduler` to have a method `step`"):
        TrainingArgs(scheduler="cosine")


@pytest.mark.parametrize("name", ["batch_size", "epoch", "workers"])
@pytest.mark.parametrize("value", [1.5, "3", None, True])
def test_numbers_are_whole(name, value):
    with pytest.raises(InvalidTypeError, match=f"`{name}` to be a whole number, but got"):
        TrainingArgs(**{name: value})
