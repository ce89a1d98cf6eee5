from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit, softmax

from baal.exceptions import InvalidArgumentError
from baal.utils.array_utils import concatenate_batches, stack_in_memory, to_numpy, to_prob


class Pair(NamedTuple):
    image: torch.Tensor
    name: str


FLOATS = ["float16", "bfloat16", "float32", "float64"]
LOGITS = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=4, max_side=4).filter(lambda shape: shape[1] > 1),
    elements=st.floats(-20, 20),
)


def test_row_k_times_b_plus_b_is_item_b():
    x = torch.arange(12.0).reshape(3, 2, 2)
    stacked = stack_in_memory({"x": x, "y": torch.tensor([7, 8, 9])}, 4)
    assert stacked["x"].shape == (12, 2, 2)
    for k in range(4):
        assert torch.equal(stacked["x"][k * 3 : (k + 1) * 3], x)
    assert stacked["y"].tolist() == [7, 8, 9] * 4


def test_stacking_keeps_the_structure():
    batch = {"pair": Pair(torch.ones(2, 3), "text"), "none": [], "deep": [{"x": (torch.ones(2),)}]}
    stacked = stack_in_memory(batch, 3)
    assert isinstance(stacked["pair"], Pair)
    assert stacked["pair"].image.shape == (6, 3)
    assert stacked["pair"].name == "text"
    assert stacked["none"] == []
    assert stacked["deep"][0]["x"][0].shape == (6,)
    assert stack_in_memory("text", 3) == "text"
    assert batch["pair"].image.shape == (2, 3)


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


# Not within rounding of [0, 1]: there, values that sum to one are probabilities, see below.
@given(LOGITS.filter(lambda x: x.min() < -1e-3 or x.max() > 1.5))
def test_logits_go_through_a_softmax_over_the_classes(logits):
    before = logits.copy()
    expected = softmax(logits, axis=1)
    np.testing.assert_allclose(to_prob(logits), expected, atol=1e-12)
    np.testing.assert_allclose(to_prob(torch.from_numpy(logits)).numpy(), expected, atol=1e-12)
    assert np.array_equal(logits, before)


@given(LOGITS, st.sampled_from(FLOATS))
def test_probabilities_are_left_alone_at_any_precision(logits, dtype):
    tensor = torch.from_numpy(logits).to(getattr(torch, dtype)).softmax(dim=1)
    assert to_prob(tensor) is tensor
    if dtype != "bfloat16":
        array = tensor.numpy()
        assert to_prob(array) is array


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_value_a_little_above_one_or_below_zero_flips_nothing(dtype):
    x = np.array([[1 + 1e-7, 0.0], [0.25, 0.75]], dtype=dtype)
    assert to_prob(x) is x
    x = np.array([[0.0, 1.0], [1.0, -(2.0**-22)]], dtype=dtype)
    assert to_prob(x) is x


def test_values_in_range_that_do_not_sum_to_one_are_logits():
    x = np.array([[0.9, 0.9], [0.1, 0.3]])
    np.testing.assert_allclose(to_prob(x), softmax(x, axis=1))


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_dtype_stays(dtype):
    tensor = torch.tensor([[3.0, -3.0]], dtype=getattr(torch, dtype))
    result = to_prob(tensor)
    assert result.dtype == tensor.dtype
    assert result[0, 0].item() == pytest.approx(float(expit(6)), abs=0.01)
    if dtype != "bfloat16":
        assert to_prob(tensor.numpy()).dtype == dtype


def test_a_single_output():
    inside, outside = np.array([[0.0], [0.4]]), np.array([[0.0], [-2.0]])
    assert to_prob(inside) is inside
    np.testing.assert_allclose(to_prob(outside), expit(outside))
    np.testing.assert_allclose(to_prob(torch.from_numpy(outside)).numpy(), expit(outside))


def test_lists_and_integers():
    assert to_prob([[0, 1], [1, 0]]).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    one_hot = to_prob(torch.tensor([[0, 1]]))
    assert one_hot.dtype == torch.float32
    assert one_hot.tolist() == [[0.0, 1.0]]
    np.testing.assert_allclose(to_prob([[0, 2]]), softmax([[0.0, 2.0]], axis=1))


def test_no_items():
    assert to_prob(np.zeros((0, 3))).shape == (0, 3)
    assert to_prob(torch.zeros(0, 3, 2)).shape == (0, 3, 2)


def test_gradients_flow_through():
    logits = torch.tensor([[2.0, -1.0]], requires_grad=True)
    to_prob(logits)[0, 0].backward()
    p = float(expit(3.0))
    assert logits.grad[0].tolist() == pytest.approx([p * (1 - p), -p * (1 - p)])


@pytest.mark.parametrize("x", [np.zeros(3), torch.zeros(3), 1.0])
def test_probabilities_need_classes(x):
    with pytest.raises(InvalidArgumentError, match=r"`x` to be \[N, C, ...\], but got shape \["):
        to_prob(x)
