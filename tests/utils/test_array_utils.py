import numpy as np
import pytest
import torch

from baal.exceptions import InvalidArgumentError
from baal.utils.array_utils import concatenate_batches, stack_in_memory, to_numpy


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


def test_arrays_of_a_tensor_keep_its_type_where_numpy_has_it():
    for dtype, expected in (
        (torch.float64, float),
        (torch.bfloat16, np.float32),
        (torch.int64, int),
    ):
        assert to_numpy(torch.tensor([1, 2], dtype=dtype)).dtype == expected
    assert to_numpy(torch.tensor([1.0]), half=True).dtype == np.float16


def test_batches_are_joined_at_any_depth_and_what_is_no_array_is_left_out():
    def batch(n):
        return {"a": np.full((n, 2), n), "b": [np.zeros(n), (np.ones((n, 1)),)], "c": None}

    joined = concatenate_batches([batch(2), batch(1)])
    assert joined["a"].tolist() == [[2, 2], [2, 2], [1, 1]]
    assert joined["b"][0].shape == (3,)
    assert joined["b"][1][0].shape == (3, 1)
    assert set(joined) == {"a", "b"}
