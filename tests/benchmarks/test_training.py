"""The benchmark of training: that all sides do the same work, and that it runs."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

SCRIPT = Path(__file__).parents[2] / "experiments" / "benchmarks" / "training.py"


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("training_benchmark", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pool():
    rng = torch.Generator().manual_seed(0)
    images = torch.randn(90, 1, 28, 28, generator=rng)
    return TensorDataset(images, torch.randint(10, (90,), generator=rng))


def test_by_loader_ends_with_the_very_weights_of_the_wrapper(script, pool):
    jobs = [script.ByWrapper(pool, 70, 2), script.ByLoader(pool, 70, 2)]
    histories = []
    for job in jobs:
        torch.manual_seed(1)
        histories.append(job.run())
    assert histories[0] == pytest.approx(histories[1], rel=1e-6)
    for own, other in zip(jobs[0].model.parameters(), jobs[1].model.parameters(), strict=True):
        assert torch.equal(own, other)


def test_by_indexing_is_the_same_where_the_order_does_not_matter(script, pool, monkeypatch):
    """A batch that holds all items, and no dropout: gradients are sums in another order."""
    monkeypatch.setattr(script, "BATCH", 70)
    jobs = [script.ByWrapper(pool, 70, 3), script.ByIndexing(pool, 70, 3)]
    for job in jobs:
        for layer in job.model:
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0
    histories = [job.run() for job in jobs]
    assert histories[0] == pytest.approx(histories[1], rel=1e-4)


def test_pairs_change_who_is_first_and_leave_the_first_pair_out(script):
    order = []

    def made_by(name):
        class Job:
            def run(self):
                order.append(name)

        return Job

    hand, wrapper = made_by("hand"), made_by("wrapper")
    assert len(script.pairs(hand, wrapper, 2)) == 2
    assert order == ["wrapper", "hand", "hand", "wrapper", "wrapper", "hand"]


def test_the_command_prints_a_table(script, capsys):
    assert script.main(["--items", "40", "--epochs", "1", "--repeats", "1"]) == 0
    out = capsys.readouterr().out
    for name in script.HANDS:
        assert out.count(f"\n| {name} | ") == 1
