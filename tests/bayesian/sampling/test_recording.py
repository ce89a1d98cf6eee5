import pytest
import torch

from baal.bayesian.sampling.recording import Recorder, is_random, takes_any_of


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


SDPA = torch.ops.aten.scaled_dot_product_attention.default
FLASH = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default


def test_an_attention_that_drops_nothing_draws_nothing():
    q = torch.ones(1, 2, 3, 4)
    for operation in (SDPA, FLASH):
        if torch.Tag.nondeterministic_seeded not in operation.tags:
            assert not is_random(operation, (q, q, q), {"dropout_p": 0.5})
            continue
        assert not is_random(operation, (q, q, q))
        assert not is_random(operation, (q, q, q), {"dropout_p": 0.0})
        assert is_random(operation, (q, q, q), {"dropout_p": 0.5})
    # By position it is the fifth, or the fourth.
    assert is_random(SDPA, (q, q, q, None, 0.5)) is is_random(SDPA, (q, q, q), {"dropout_p": 0.5})
    assert not is_random(SDPA, (q, q, q, None, 0.0))
    assert not is_random(FLASH, (q, q, q, 0.0))


def test_whether_an_operation_takes_a_tensor():
    x, y = torch.ones(1), torch.ones(1)  # equal, but not the same
    some = {id(x): x}
    for args, kwargs in (((x,), {}), (([y, x],), {}), (((x, y),), {}), ((y,), {"out": x})):
        assert takes_any_of(some, args, kwargs)
        assert not takes_any_of({}, args, kwargs)
    for args, kwargs in (((y,), {}), (([y], 3, None), {"out": y}), ((), {})):
        assert not takes_any_of(some, args, kwargs)


def test_a_recording_ends_with_the_first_operation_that_takes_what_differs():
    """Not where it was made; what comes in between is shared."""
    recorder, x, mask = Recorder(poison=False), torch.ones(3), torch.ones(3)
    with recorder:
        recorder.differs(mask)
        h = x.exp()
        g = h.sin()
        out = g * mask
        out.cos()
    recorder.close()
    done = [operation.function for operation in recorder.operations]
    assert done == [torch.ops.aten.exp.default, torch.ops.aten.sin.default]
    assert not recorder.differing
    recorder.differs(mask)  # too late to matter, and not kept alive
    assert not recorder.differing
