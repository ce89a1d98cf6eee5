import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from baal.training.schedule import TrainingState, step_scheduler
from baal.training_args import TrainingArgs

CPU = torch.device("cpu")


def sgd(lr=1.0):
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.5)


SCHEDULERS = [
    lambda o: lr_scheduler.StepLR(o, 1, 0.5),
    lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=0),
    lambda o: lr_scheduler.OneCycleLR(o, max_lr=2.0, total_steps=9),  # moves momentum too
    lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o, 0.1), lr_scheduler.ExponentialLR(o, 0.5)], [2]
    ),
    lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.5**epoch),
]


@pytest.mark.parametrize("make", SCHEDULERS)
@pytest.mark.filterwarnings("ignore:Detected call of", "ignore:The epoch parameter in")
def test_reset_takes_a_scheduler_back_to_its_start(make):
    optimizer = sgd()
    args = TrainingArgs(optimizer, scheduler=make(optimizer))
    state = TrainingState(args)
    runs = []
    for _ in range(3):
        rates = []
        for loss in (1.0, 2.0, 3.0, 0.5):
            optimizer.step()
            group = optimizer.param_groups[0]
            rates.append((group["lr"], group["momentum"]))
            step_scheduler(args.scheduler, loss)
        runs.append(rates)
        state.reset(args)
    assert runs[0] == runs[1] == runs[2]
    assert len(set(runs[0])) > 1


def test_what_was_set_by_hand_stays_where_there_is_no_scheduler():
    optimizer = sgd()
    args = TrainingArgs(optimizer)
    state = TrainingState(args)
    optimizer.param_groups[0]["lr"] = 0.25
    optimizer.state["something"] = {}
    state.reset(args)
    assert optimizer.param_groups[0]["lr"] == 0.25
    assert not optimizer.state


def test_a_scheduler_that_is_set_later_starts_then():
    optimizer = sgd()
    args = TrainingArgs(optimizer)
    state = TrainingState(args)
    args.scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    state.note_start(args)
    optimizer.step()
    args.scheduler.step()
    state.note_start(args)  # known already
    state.reset(args)
    assert optimizer.param_groups[0]["lr"] == 1.0
    assert args.scheduler.last_epoch == 0


def test_a_rate_that_is_a_tensor_stays_the_same_tensor():
    rate = torch.tensor(1.0)
    optimizer = torch.optim.Adam([nn.Parameter(torch.zeros(1))], lr=rate)
    args = TrainingArgs(optimizer, scheduler=lr_scheduler.ExponentialLR(optimizer, 0.5))
    state = TrainingState(args)
    optimizer.step()
    args.scheduler.step()
    kept = optimizer.param_groups[0]["lr"]
    assert kept.item() == 0.5
    state.reset(args)
    assert optimizer.param_groups[0]["lr"] is kept
    assert kept.item() == 1.0


def test_a_scheduler_of_nothing_in_particular():
    class Counter:
        count = 0

        def step(self):
            self.count += 1

        def state_dict(self):
            return {"count": self.count}

        def load_state_dict(self, state):
            self.count = state["count"]

    args = TrainingArgs(scheduler=Counter())
    state = TrainingState(args)
    step_scheduler(args.scheduler, 1.0)
    assert args.scheduler.count == 1
    state.reset(args)
    assert args.scheduler.count == 0


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_only_float16_needs_a_scaler(dtype):
    args = TrainingArgs(mixed_precision=dtype)
    assert TrainingState(args).scaler(args, CPU) is None


def test_the_scaler_lasts_until_the_reset():
    args = TrainingArgs(mixed_precision=torch.float16)
    state = TrainingState(args)
    scaler = state.scaler(args, CPU)
    scaler.update(8.0) if scaler._scale is not None else scaler.load_state_dict(
        {**scaler.state_dict(), "scale": 8.0}
    )
    assert state.scaler(args, CPU) is scaler
    state.reset(args)
    assert state.scaler(args, CPU).get_scale() == 65536.0
