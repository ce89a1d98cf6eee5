import pytest
import torch

from baal.bayesian.sampling.scaling import scale_kept


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_what_is_kept_is_divided_by_its_probability(dtype):
    x, mask = torch.tensor([[2.0, -4.0], [8.0, 6.0]], dtype=dtype), torch.tensor([True, False])
    found = scale_kept(x, mask, 0.75)
    assert found.dtype == dtype
    assert found.tolist() == [[8.0, 0.0], [32.0, 0.0]]


def test_a_probability_of_one_gives_zeros_not_nan():
    assert scale_kept(torch.tensor([3.0]), torch.tensor([False]), 1).tolist() == [0.0]


def test_gradients_flow_through_what_is_kept():
    x = torch.ones(2, requires_grad=True)
    scale_kept(x, torch.tensor([True, False]), 0.5).sum().backward()
    assert x.grad.tolist() == [2.0, 0.0]
