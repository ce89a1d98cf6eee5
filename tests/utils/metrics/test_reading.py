import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.utils.metrics.reading import are_logits, flatten, read
from baal.utils.probabilities import (
    in_unit_range,
    logits_to_probabilities,
    precision,
    sums_to_one,
)

VALUES = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0, 1 + 1e-7, 1.001, -1e-7, -0.001, 2.0]),
    st.sampled_from([np.nan, np.inf, -np.inf]),
)


def zeros(output):
    return torch.zeros(len(output), dtype=torch.long)


@given(
    st.integers(1, 3).flatmap(
        lambda c: st.lists(st.lists(VALUES, min_size=c, max_size=c), min_size=1, max_size=4)
    ),
    st.sampled_from([torch.float16, torch.float32, torch.float64]),
)
def test_logits_are_told_by_the_rules_of_the_heuristics(rows, dtype):
    output = torch.tensor(rows).to(dtype)
    values = output.numpy()
    wide = values.astype(np.float64)
    probable = in_unit_range(wide, precision(values)) and (wide.shape[1] == 1 or sums_to_one(wide))
    assert bool(are_logits(flatten(output, zeros(output)))) is not probable


def test_bfloat16_probabilities_are_probabilities():
    output = torch.rand(100, 10).softmax(1).bfloat16()
    assert not are_logits(flatten(output, zeros(output)))


def test_what_does_not_count_does_not_decide():
    output = torch.tensor([[0.5, 0.5], [9.0, -9.0]])
    assert are_logits(flatten(output, torch.tensor([0, 0])))
    assert not are_logits(flatten(output, torch.tensor([0, -100]), ignore_index=-100))


def test_readings():
    output = torch.randn(5, 3, dtype=torch.double)
    positions = flatten(output, zeros(output))
    expected = logits_to_probabilities(output.numpy())
    as_they_are, converted = read(positions, "auto")
    assert torch.equal(as_they_are, output)
    np.testing.assert_allclose(converted, expected, rtol=1e-14)
    assert torch.equal(read(positions, "logits")[0], converted)
    assert torch.equal(read(positions, "probabilities")[0], output)


def test_readings_of_a_single_output():
    output = torch.tensor([[0.25], [0.75]], dtype=torch.double)
    as_they_are, converted = read(flatten(output, zeros(output)), "auto")
    assert as_they_are.tolist() == [[0.75, 0.25], [0.25, 0.75]]
    np.testing.assert_allclose(converted[:, 1:], logits_to_probabilities(output.numpy()))
    np.testing.assert_allclose(converted.sum(1), 1)


@pytest.mark.parametrize("extra", [(), (1,)])
def test_positions_keep_their_classes_and_targets_together(extra):
    output = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    target = torch.arange(2 * 4 * 5).reshape(2, *extra, 4, 5) % 3
    positions = flatten(output, target)
    expected = [output[b, :, i, j] for b in range(2) for i in range(4) for j in range(5)]
    assert torch.equal(positions.scores, torch.stack(expected))
    assert torch.equal(positions.target, target.reshape(-1))
    assert positions.weight.sum() == 40


@pytest.mark.parametrize(
    ("output", "target", "message"),
    [
        ((3,), (3,), r"\[B, C, ...\], but got shape \(3,\) with targets of shape \(3,\)"),
        ((3, 0), (3,), r"\[B, C, ...\], but got shape \(3, 0\)"),
        ((3, 2), (1,), r"the 3 positions of `output` \(3, 2\), but got shape \(1,\)"),
        ((3, 2), (), r"got shape \(\)"),
        ((2, 3, 4), (4, 2), r"the 8 positions of `output` \(2, 3, 4\), but got shape \(4, 2\)"),
    ],
)
def test_shapes_that_do_not_fit(output, target, message):
    with pytest.raises(InvalidArgumentError, match=message):
        flatten(torch.zeros(output), torch.zeros(target))


def test_the_number_of_classes_must_be_the_one_wanted():
    with pytest.raises(InvalidArgumentError, match=r"\[B, 4, ...\], but got shape \(2, 3\)"):
        flatten(torch.zeros(2, 3), torch.zeros(2), n_classes=4)
    with pytest.raises(InvalidArgumentError, match=r"\[B, 3, ...\], but got shape \(2, 1\)"):
        flatten(torch.zeros(2, 1), torch.zeros(2), n_classes=3)
    assert flatten(torch.zeros(2, 1), torch.zeros(2), n_classes=2).scores.shape == (2, 1)


@pytest.mark.parametrize("wrong", [-1, 2, -100, 0.5, float("nan")])
def test_a_target_that_is_no_class(wrong):
    with pytest.raises(InvalidArgumentError, match=r"classes from 0 to 1, but got .*ignore_index"):
        flatten(torch.zeros(2, 2), torch.tensor([0, wrong]))
    with pytest.raises(InvalidArgumentError, match="classes from 0 to 1"):
        flatten(torch.zeros(2, 2), torch.tensor([-3, wrong]), ignore_index=-3)


def test_targets_of_any_type():
    for dtype in (torch.bool, torch.uint8, torch.int32, torch.float32):
        target = torch.tensor([0, 1]).to(dtype)
        assert flatten(torch.zeros(2, 2), target).target.tolist() == [0, 1]
    assert flatten(np.zeros((2, 2)), np.array([0, 1])).target.tolist() == [0, 1]
    with pytest.raises(InvalidTypeError, match=r"Expected `output` to be a tensor .* got list"):
        flatten([torch.zeros(2, 2)], torch.zeros(2))
    with pytest.raises(InvalidTypeError, match=r"Expected `target` to be a tensor .* got dict"):
        flatten(torch.zeros(2, 2), {})


def test_the_graph_is_left_behind():
    output = torch.zeros(2, 2, requires_grad=True) + 0
    positions = flatten(output, torch.zeros(2))
    assert not positions.scores.requires_grad
