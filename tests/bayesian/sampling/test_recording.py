import pytest
import torch

from baal.bayesian.sampling.recording import is_random


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (torch.ops.aten.rand.default, True),
        (torch.ops.aten.bernoulli_.float, True),
        (torch.ops.aten.native_dropout.default, True),
        (torch.ops.aten.randperm.default, True),
        (torch.ops.aten.normal_.default, True),
        (torch.ops.aten.empty.memory_format, False),
        (torch.ops.aten.convolution.default, False),
    ],
)
def test_which_operations_are_random(operation, expected):
    assert is_random(operation) is expected
