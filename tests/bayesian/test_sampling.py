import pytest
import torch
from torch import nn

from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import sample_posterior
from baal.exceptions import InvalidArgumentError, InvalidTypeError


@pytest.mark.parametrize("stack_inputs", [True, False])
def test_deterministic_parts_are_exact_and_samples_come_last(stack_inputs):
    net = nn.Linear(3, 2)
    x = torch.randn(4, 3)
    samples = sample_posterior(net, x, 5, stack_inputs=stack_inputs)
    assert samples.shape == (4, 2, 5)
    for k in range(5):
        torch.testing.assert_close(samples[..., k], net(x).detach())


@pytest.mark.parametrize("stack_inputs", [True, False])
def test_samples_belong_to_their_items(stack_inputs):
    """A model that scales item b by 10^b and adds noise below 1: no item may be mistaken."""

    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.rand_like(x)

    x = torch.tensor([[10.0], [100.0], [1000.0]])
    samples = sample_posterior(Noisy(), x, 7, stack_inputs=stack_inputs)
    assert samples.shape == (3, 1, 7)
    noise = samples - x[:, :, None]
    assert bool(((noise >= 0) & (noise < 1)).all())
    assert len(noise.flatten().unique()) > 15


@pytest.mark.parametrize("stack_inputs", [True, False])
def test_nested_inputs_and_outputs(stack_inputs):
    class Net(nn.Module):
        def forward(self, batch):
            return {"sum": batch["a"] + batch["b"][0], "pixels": batch["a"][:, :, None]}

    batch = {"a": torch.ones(2, 3), "b": [torch.full((2, 3), 2.0)]}
    out = sample_posterior(Net(), batch, 4, stack_inputs=stack_inputs)
    assert torch.equal(out["sum"], torch.full((2, 3, 4), 3.0))
    assert out["pixels"].shape == (2, 3, 1, 4)


@pytest.mark.parametrize("stack_inputs", [True, False])
def test_one_dimensional_outputs(stack_inputs):
    class Net(nn.Module):
        def forward(self, x):
            return x.sum(1)

    out = sample_posterior(Net(), torch.tensor([[1.0], [2.0]]), 3, stack_inputs=stack_inputs)
    assert out.tolist() == [[1.0] * 3, [2.0] * 3]


def test_no_gradients_and_mode_as_it_was():
    net = patch_module(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))).train()
    assert not sample_posterior(net, torch.ones(1, 2), 2).requires_grad
    assert net.training


@pytest.mark.parametrize("iterations", [0, -3])
def test_too_few_iterations(iterations):
    with pytest.raises(InvalidArgumentError, match=f"at least 1, but got {iterations}"):
        sample_posterior(nn.Linear(1, 1), torch.ones(1, 1), iterations)


@pytest.mark.parametrize("iterations", [2.0, "3", True])
def test_iterations_of_another_kind(iterations):
    with pytest.raises(InvalidTypeError, match="`iterations` to be an int"):
        sample_posterior(nn.Linear(1, 1), torch.ones(1, 1), iterations)
