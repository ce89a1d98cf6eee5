import pytest
import torch

from baal.exceptions import InvalidArgumentError
from baal.utils.array_utils import stack_in_memory


def test_row_k_times_b_plus_b_is_item_b():
    x = torch.arange(12.0).reshape(3, 2, 2)
    stacked = stack_in_memory({"x": x, "y": torch.tensor([7, 8, 9])}, 4)
    assert stacked["x"].shape == (12, 2, 2)
    for k in range(4):
        assert torch.equal(stacked["x"][k * 3 : (k + 1) * 3], x)
    assert stacked["y"].tolist() == [7, 8, 9] * 4


def test_needs_at_least_one_iteration():
    with pytest.raises(InvalidArgumentError, match="`iterations` to be at least 1, but got 0"):
        stack_in_memory(torch.ones(1), 0)
