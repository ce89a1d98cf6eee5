import threading

import pytest
import torch
from torch import nn

from baal.bayesian.dropout import Dropout
from baal.bayesian.sampling.context import (
    end_prefix,
    in_stochastic_layer,
    is_vmapped,
    prefix_mode,
    stochastic_layer,
    vmapped,
)
from baal.bayesian.sampling.prefix import Prefix
from baal.bayesian.sampling.ways import by_loop, by_stack, by_vmap


class Ask(nn.Module):
    """Notes what a layer may know of the run that it is part of."""

    def __init__(self):
        super().__init__()
        self.answers, self.drop = [], Dropout(0.5).eval()

    def forward(self, x):
        before = prefix_mode.get() is not None
        x = self.drop(x + 1)
        self.answers.append((is_vmapped(), before))
        return x


def test_a_layer_knows_of_vmap_and_only_then():
    net, x = Ask(), torch.ones(2, 3)
    net(x)
    by_loop(net, x, 1)
    by_stack(net, x, 2)
    by_vmap(net, x, 2)
    net(x)
    assert net.answers == [(False, False)] * 3 + [(True, False), (False, False)]


def test_a_layer_knows_of_a_prefix_and_only_then():
    net, x = Ask(), torch.ones(2, 3)
    by_loop(net, x, 2, Prefix())
    net(x)
    assert net.answers == [(False, True)] * 2 + [(False, False)]
    assert prefix_mode.get() is None


def test_saying_that_randomness_begins_ends_the_prefix():
    prefix, x = Prefix(), torch.ones(3)

    def forward():
        y = x + 1
        end_prefix()
        return y * 2

    for _ in range(2):
        assert prefix.run(forward).tolist() == [4.0] * 3
    assert [str(o.function) for o in prefix._operations] == ["aten.add.Tensor"]
    end_prefix()  # outside of a run it does nothing


def test_other_threads_know_nothing_of_it():
    seen = []
    token = vmapped.set(True)
    try:
        thread = threading.Thread(target=lambda: seen.append(is_vmapped()))
        thread.start()
        thread.join()
    finally:
        vmapped.reset(token)
    assert seen == [False]


def test_an_error_inside_of_vmap_resets_it():
    class Broken(nn.Module):
        def forward(self, x):
            raise KeyError

    try:
        by_vmap(Broken(), torch.ones(1), 2)
    except KeyError:
        assert not is_vmapped()


def test_inside_of_a_stochastic_layer_and_out_of_it_after_an_error_too():
    assert not in_stochastic_layer()
    with pytest.raises(KeyError), stochastic_layer():
        with stochastic_layer():
            pass
        assert in_stochastic_layer()
        raise KeyError
    assert not in_stochastic_layer()
