"""Batches keep their order, go through the user's hooks, and are shared among processes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from baal.bayesian import consistent_dropout
from baal.lightning.predicting import attached, predictions
from baal.lightning.sampling import ModuleSampler
from tests.tiny_lightning import blobs, framework, module, trainer

pl = framework("lightning.pytorch")


def first(batch, number):
    return batch[0].unsqueeze(-1) + number


@pytest.mark.filterwarnings("ignore:You have overridden `on_")
def test_hooks_of_the_module_and_of_the_data_module():
    seen = []

    def before(self, batch, dataloader_idx):
        seen.append(("before", self.trainer.predicting, self.trainer.training))
        return batch

    def after(self, batch, dataloader_idx):
        return [batch[0] * 2, *batch[1:]]

    net = module(pl, on_before_batch_transfer=before, on_after_batch_transfer=after)
    used = trainer(pl)
    batches = [[torch.full((2, 1), float(n))] for n in range(3)]
    arrays = list(predictions(used, net, batches, first))
    assert [a[0, 0, 0] for a in arrays] == [0, 3, 6]
    assert seen == [("before", True, False)] * 3
    assert net._trainer is None
    assert used.state.stage is None

    class Data(pl.LightningDataModule):
        def on_after_batch_transfer(self, batch, dataloader_idx):
            return [batch[0] * 10, *batch[1:]]

        def train_dataloader(self):
            return DataLoader(blobs(4), 2)

    used.fit(net, datamodule=Data())
    arrays = list(predictions(used, net, batches, first))
    assert [a[0, 0, 0] for a in arrays] == [0, 11, 22]
    assert len(seen) > 3  # of which the data module has none


def test_what_comes_between_batches_sees_the_trainer_as_it_was():
    net, used = module(pl), trainer(pl)
    for _ in predictions(used, net, [[torch.ones(1, 1)]] * 2, first):
        assert net._trainer is None
        assert not used.predicting
    with attached(used, net):
        assert net.trainer is used


@pytest.mark.parametrize(
    ("precision", "dtype"), [("bf16-true", torch.bfloat16), ("64-true", torch.float64)]
)
def test_weights_of_another_precision_before_anything_was_trained(precision, dtype):
    torch.manual_seed(0)
    net, batch = torch.nn.Linear(2, 3), torch.rand(4, 2)
    expected = torch.nn.Linear(2, 3).to(dtype)
    expected.load_state_dict(net.state_dict())
    owner = pl.LightningModule()
    owner.layer = net
    used = trainer(pl, precision=precision)
    (found,) = predictions(used, owner, [batch], lambda rows, _: owner.layer(rows).unsqueeze(-1))
    assert np.array_equal(
        found[..., 0], expected(batch.to(dtype)).detach().to(torch.float64).numpy()
    )


def test_the_precision_of_the_trainer():
    net = module(pl, patch=lambda one: consistent_dropout.patch_module(one, seed=0))
    sampler = ModuleSampler(net)
    batch = torch.randn(4, 3)

    def sample(given, number):
        return sampler.sample(3, given)

    (exact,) = predictions(trainer(pl), net, [batch], sample)
    sampler.forget()
    (rough,) = predictions(trainer(pl, precision="bf16-mixed"), net, [batch], sample)
    assert not np.array_equal(exact, rough)
    np.testing.assert_allclose(exact, rough, atol=0.1)
    assert torch.is_autocast_cache_enabled()
    (double,) = predictions(trainer(pl, precision="64-true"), net.double(), [batch], sample)
    assert double.dtype == np.float64


TWO = """
import sys, torch
from baal.lightning.predicting import dealt_out, of_first_process
rank = int(sys.argv[1])
torch.distributed.init_process_group(
    "gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2
)
done = []
def work(n):
    done.append(n)
    return n, rank
print(list(dealt_out(range(5), work)), done, of_first_process(rank))
torch.distributed.destroy_process_group()
"""


def test_two_processes_share_the_work_and_know_all_of_it(tmp_path):
    root = Path(__file__).parents[2]
    both = [
        subprocess.Popen(
            [sys.executable, "-c", TWO, str(rank), str(tmp_path / "meet")],
            stdout=subprocess.PIPE, text=True, cwd=root,
        )
        for rank in range(2)
    ]  # fmt: skip
    printed = [one.communicate(timeout=120)[0].strip() for one in both]
    everything = "[(0, 0), (1, 1), (2, 0), (3, 1), (4, 0)]"
    assert printed == [f"{everything} [0, 2, 4] 0", f"{everything} [1, 3] 0"]
