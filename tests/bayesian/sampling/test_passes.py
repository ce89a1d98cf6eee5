"""Which samples a pass stands for, and tensors that differ between them."""

import pytest
import torch
from torch import nn

from baal.bayesian.sampling import sample_posterior, samples_are_joint
from baal.bayesian.sampling.engine import _plans
from baal.bayesian.sampling.passes import (
    Pass,
    current_pass,
    drawing,
    each_of,
    for_samples,
    forward_pass,
    per_sample,
)
from baal.bayesian.sampling.prefix import Prefix
from baal.bayesian.sampling.ways import by_loop, by_stack, by_vmap
from baal.exceptions import StateError


def table(numbers):
    return torch.tensor([[10.0 * k, 1.0] for k in numbers])


def test_a_pass_is_known_inside_of_it_alone():
    assert current_pass() is None
    with forward_pass(Pass(1)) as outer:
        with pytest.raises(KeyError), forward_pass(Pass(2)):
            assert current_pass().first == 2
            raise KeyError
        assert current_pass() is outer
    assert current_pass() is None


def test_its_numbers_and_calls():
    this = Pass(4, 3)
    assert list(this.numbers) == [4, 5, 6]
    assert [this.next_call(key) for key in (7, 7, 8, 7)] == [0, 1, 0, 2]
    assert Pass(4).next_call(7) == 0


def test_by_hand_there_is_nothing_per_sample():
    with pytest.raises(StateError, match="`per_sample` to be called in a sampling run"):
        per_sample(lambda number: torch.ones(1))


class Scaled(nn.Module):
    """Sample `k` multiplies by `k + 1`."""

    def __init__(self):
        super().__init__()
        self.before = 0
        self.linear = nn.Linear(2, 2)

    def forward(self, x):
        h = self.linear(x)
        if current_pass() is None:
            return h
        return h * per_sample(lambda number: torch.tensor(number + 1.0))


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("first", [0, 3])
def test_every_way_gives_each_sample_its_own(k, first):
    net, x = Scaled(), torch.randn(3, 2)
    with torch.no_grad():
        wanted = net(x)[..., None] * torch.arange(first + 1.0, first + k + 1)
        torch.testing.assert_close(by_vmap(net, x, k, first=first), wanted)
        torch.testing.assert_close(by_vmap(net, x, k, Prefix(), first=first), wanted)
        if first == 0:
            torch.testing.assert_close(by_loop(net, x, k), wanted)
            torch.testing.assert_close(by_loop(net, x, k, Prefix()), wanted)
        with pytest.raises(StateError, match="another way than 'stack'"):
            by_stack(net, x, k)


def test_the_engine_never_stacks_what_differs_for_all_items():
    net, x = Scaled(), torch.randn(3, 2)
    samples = sample_posterior(net, x, 5)
    torch.testing.assert_close(samples, net(x).detach()[..., None] * torch.arange(1.0, 6.0))
    assert "stack" not in _plans[net]["auto"].ways
    assert samples_are_joint(net) is True


def test_a_prefix_ends_with_the_first_use_of_what_differs():
    """Shared operations are done once, in a loop and in chunks of vmap."""

    class Counted(Scaled):
        def forward(self, x):
            scale = per_sample(lambda number: torch.tensor(number + 1.0))
            h = self.linear(x)
            return torch.relu(h) * scale + torch.exp(h)

    net, x = Counted(), torch.randn(3, 2)
    with torch.no_grad():
        h = net.linear(x)[..., None]
        wanted = h.relu() * torch.arange(1.0, 7.0) + h.exp()
        prefix = Prefix()
        chunks = [by_vmap(net, x, n, prefix, first=k) for k, n in ((0, 4), (4, 2))]
        torch.testing.assert_close(torch.cat(chunks, -1), wanted)
        done = [operation.function for operation in prefix._operations]
        assert torch.ops.aten.relu.default in done
        assert torch.ops.aten.exp.default not in done  # it comes after the first use
        torch.testing.assert_close(by_loop(net, x, 6, Prefix()), wanted)


def test_rows_of_a_stacked_pass():
    this = Pass(2, 3, stacked=True, items=2)
    rows = for_samples(
        this, lambda: table(this.numbers), lambda values: values.repeat_interleave(2, 0)
    )
    assert rows[:, 0].tolist() == [20.0, 20.0, 30.0, 30.0, 40.0, 40.0]
    assert not this.is_whole
    with pytest.raises(StateError, match="another way than 'stack'"):
        for_samples(this, lambda: table(this.numbers))
    assert this.is_whole


def test_several_tables_at_once():
    this = Pass(5)
    own = each_of({"a": table(this.numbers), "b": table(this.numbers) * 2}, this)
    assert {name: value.tolist() for name, value in own.items()} == {
        "a": [50.0, 1.0],
        "b": [100.0, 2.0],
    }


def test_drawing_is_outside_of_everything():
    """No gradient, no vmap and no dispatch mode sees what is drawn."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Sees(TorchDispatchMode):
        seen = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.seen += 1
            return func(*args, **(kwargs or {}))

    weight = torch.ones(2, requires_grad=True)

    def sample(x):
        with drawing():
            drawn = torch.rand(1) * weight
        assert not drawn.requires_grad
        return x + drawn

    with Sees() as mode:
        out = torch.func.vmap(sample)(torch.zeros(3, 2))
    assert mode.seen <= 2  # the sum, and what vmap does around it
    assert torch.equal(out, out[:1].expand(3, 2))
