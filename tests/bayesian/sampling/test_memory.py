"""Running out of memory: less at once, the same results, in order."""

import logging

import pytest
import torch
from torch import nn

from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import sample_posterior
from baal.bayesian.sampling.engine import _plans
from baal.bayesian.sampling.memory import is_out_of_memory, release_memory

WAYS = ["vmap", "stack", "loop", "auto"]
CPU = RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory")
ERRORS = [CPU, torch.cuda.OutOfMemoryError("CUDA out of memory."), MemoryError()]


class Bounded(nn.Module):
    """Memory for so many rows, counting those that vmap holds behind the model's back."""

    def __init__(self, rows, error=CPU):
        super().__init__()
        self.rows, self.error, self.drop, self.largest = rows, error, nn.Dropout(0.5), 0

    def forward(self, x):
        y = self.drop(x)
        held = y
        while torch._C._functorch.is_batchedtensor(held):
            held = torch._C._functorch.get_unwrapped(held)
        n_rows = held.numel() // x.shape[1]
        self.largest = max(self.largest, n_rows)
        if n_rows > self.rows:
            raise self.error
        return torch.cat([x, y], dim=1)


def items(n=6):
    return torch.arange(1.0, n + 1)[:, None].repeat(1, 40)


def assert_right(samples, x, k):
    """Each item is where it belongs, and each of its samples was drawn by itself."""
    assert samples.shape == (len(x), 80, k)
    plain, dropped = samples[:, :40], samples[:, 40:]
    assert torch.equal(plain, x[..., None].expand_as(plain))
    assert bool(((dropped == 0) | (dropped == 2 * plain)).all())
    masks = {str(mask) for mask in (dropped == 0).movedim(-1, 1).flatten(0, 1)}
    assert len(masks) == len(x) * k


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(70)


@pytest.mark.parametrize("error", ERRORS, ids=["cpu", "cuda", "python"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rows", [1, 2, 5, 6, 13, 100])
def test_halving_keeps_results_right_and_in_order(way, rows, error, caplog):
    net, x = patch_module(Bounded(rows, error)).eval(), items()
    with caplog.at_level(logging.WARNING, "baal"):
        assert_right(sample_posterior(net, x, 8, way), x, 8)
    assert_right(sample_posterior(net, x, 8, way), x, 8)
    assert ("out of memory, going on with less at once" in caplog.text) == (net.largest > rows)


@pytest.mark.parametrize("way", ["vmap", "stack"])
def test_samples_are_halved_first_and_items_only_then(way):
    net, x = patch_module(Bounded(1000)).eval(), items()
    sample_posterior(net, x, 8, way)
    found = []
    for rows in (24, 12, 6, 3, 1):
        net.rows = rows
        sample_posterior(net, x, 8, way)
        found.append((_plans[net][way].max_samples, _plans[net][way].max_items))
    assert found == [(4, None), (2, None), (1, None), (1, 3), (1, 1)]


def test_a_loop_halves_items_only():
    net, x = patch_module(Bounded(1000)).eval(), items()
    sample_posterior(net, x, 8, "loop")
    net.rows = 3
    assert_right(sample_posterior(net, x, 8, "loop"), x, 8)
    assert (_plans[net]["loop"].max_samples, _plans[net]["loop"].max_items) == (None, 3)


def test_what_was_learnt_is_remembered():
    net, x = patch_module(Bounded(1000)).eval(), items()
    sample_posterior(net, x, 8, "stack")
    net.rows = 12
    sample_posterior(net, x, 8, "stack")
    net.largest = 0
    assert_right(sample_posterior(net, items(6), 8, "stack"), items(6), 8)
    assert net.largest == 12


@pytest.mark.parametrize("error", ERRORS, ids=["cpu", "cuda", "python"])
@pytest.mark.parametrize("way", WAYS)
def test_where_one_sample_of_one_item_is_too_much_the_error_is_the_users(way, error):
    net = patch_module(Bounded(0, error)).eval()
    with pytest.raises(type(error)) as caught:
        sample_posterior(net, items(), 8, way)
    assert caught.value is error
    assert not net.training


@pytest.mark.parametrize("way", WAYS)
def test_the_same_seed_gives_the_same_samples_once_it_is_known_what_fits(way):
    net, x = patch_module(Bounded(5)).eval(), items()
    drawn = []
    for _ in range(3):
        torch.manual_seed(71)
        drawn.append(sample_posterior(net, x, 8, way))
    assert torch.equal(drawn[1], drawn[2])
    assert torch.equal(drawn[0], drawn[1])


def test_nested_batches_are_cut_where_they_hold_items():
    class Net(Bounded):
        def forward(self, batch):
            out = super().forward(batch["x"][0])
            return {"out": out * batch["scale"], "1-D": batch["number"]}

    net, x = patch_module(Net(2)).eval(), items()
    batch = {"x": [x, "text"], "scale": torch.tensor(1.0), "number": torch.arange(6)}
    out = sample_posterior(net, batch, 8)
    assert_right(out["out"], x, 8)
    assert torch.equal(out["1-D"], torch.arange(6)[:, None].expand(6, 8))


def test_an_output_for_the_whole_batch_is_never_put_together_from_parts_of_it():
    """A sum over the batch has no parts that could be joined: better the error than another K."""

    class Total(Bounded):
        def forward(self, x):
            return super().forward(x).sum()

    net, x = patch_module(Total(1000)).eval(), items()
    assert sample_posterior(net, x, 8, "loop").shape == (8,)
    net.rows = 3
    with pytest.raises(Exception, match=r"allocate memory|items"):
        sample_posterior(net, x, 8, "loop")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        *((error, True) for error in ERRORS),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 3 GB)"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
        (KeyError("DefaultCPUAllocator"), False),
    ],
)
def test_which_errors_say_so(error, expected):
    assert is_out_of_memory(error) is expected


def test_memory_in_reserve_is_given_back_only_where_there_is_a_gpu(monkeypatch):
    calls = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: calls.append(1))
    for available, initialized in ((False, False), (True, False), (True, True)):
        monkeypatch.setattr(torch.cuda, "is_available", lambda a=available: a)
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda i=initialized: i)
        release_memory()
    assert calls == [1]
