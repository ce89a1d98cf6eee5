import torch
from torch import nn

from baal.training.holding import ModelHolder, reset_layers
from baal.training_args import TrainingArgs


def test_only_layers_of_a_kind_are_reset():
    model = nn.Sequential(nn.Linear(3, 3), nn.Conv1d(3, 3, 1), nn.ReLU())
    for parameter in model.parameters():
        parameter.data.fill_(7.0)
    torch.manual_seed(2)
    reset_layers(model, nn.Linear)
    torch.manual_seed(2)
    expected = nn.Linear(3, 3)
    assert torch.equal(model[0].weight, expected.weight)
    assert torch.equal(model[0].bias, expected.bias)
    assert bool((model[1].weight == 7.0).all())


def test_resets_and_loads_start_the_schedule_anew():
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.5)
    plan = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    holder = ModelHolder(model, TrainingArgs(optimizer, scheduler=plan))
    for start_anew in (
        holder.reset_all,
        holder.reset_fcs,
        lambda: holder.load_state_dict(holder.state_dict()),
    ):
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        plan.step()
        assert optimizer.param_groups[0]["lr"] == 0.5
        assert optimizer.state
        start_anew()
        assert optimizer.param_groups[0]["lr"] == 1.0
        assert plan.last_epoch == 0
        assert not optimizer.state
