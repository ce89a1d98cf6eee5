"""Steps for labelled batches see labelled items alone, and those of the pool the pool."""

import argparse

import pytest
import torch
from torch.nn import functional as F

from baal.exceptions import StateError
from baal.lightning import standalone, unified
from tests.tiny_lightning import FRAMEWORKS, active_blobs, framework, trainer

HOMES = {"lightning.pytorch": unified, "pytorch_lightning": standalone}


def made(name, dataset, **hparams):
    class Net(HOMES[name].SSLModule):
        def __init__(self, dataset, **hparams):
            super().__init__(dataset, **hparams)
            self.layer = torch.nn.Linear(3, 2)
            self.labelled, self.pool = [], []

        def supervised_training_step(self, batch, batch_idx):
            x, y = batch
            self.labelled += x[:, 0].tolist()
            return F.cross_entropy(self.layer(x), y)

        def unsupervised_training_step(self, batch, batch_idx):
            self.pool += batch[0][:, 0].tolist()
            return self.layer(batch[0]).square().mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    return Net(dataset, **hparams)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_each_kind_has_its_step(name):
    dataset = active_blobs(labelled=8)
    net = made(name, dataset, batch_size=4, num_steps=14, unrelated="kept")
    before = net.layer.weight.detach().clone()
    used = trainer(framework(name), max_epochs=1)
    used.fit(net)
    assert used.global_step == 14
    assert set(net.labelled) == {float(x[0]) for x, _ in dataset}
    assert set(net.pool) == {float(x[0]) for x, _ in dataset.pool}
    assert len(net.labelled) == 7 * 4
    assert not torch.equal(net.layer.weight, before)
    assert net.hparams.unrelated == "kept"
    dataset.label_randomly(5)  # seen by the next fit
    net.labelled = []
    trainer(framework(name), max_epochs=1).fit(net)
    assert len(set(net.labelled)) == 13


def test_options_of_the_loader():
    parser = unified.SSLModule.add_model_specific_args(argparse.ArgumentParser())
    options = vars(parser.parse_args(["--p", "0", "--batch_size", "2"]))
    assert options == {"batch_size": 2, "num_steps": None, "p": 0.0, "num_workers": 0}
    net = made("lightning.pytorch", active_blobs(), **options)
    loader = net.train_dataloader()
    assert (loader.batch_size, loader.p, loader.shuffle) == (2, 0.0, True)
    assert not any(loader.is_labeled(batch) for batch in loader)
    plain = made("lightning.pytorch", active_blobs(), shuffle=False).train_dataloader()
    assert (plain.batch_size, plain.shuffle) == (32, False)


def test_steps_are_the_users_to_define():
    net = unified.SSLModule(active_blobs(), batch_size=4)
    labelled, pool = list(net.train_dataloader())[:2]
    with pytest.raises(StateError, match="SSLModule to define `supervised_training_step`"):
        net.training_step(labelled, 0)
    with pytest.raises(StateError, match="SSLModule to define `unsupervised_training_step`"):
        net.training_step(pool, 1)
    assert len(next(iter(net.pool_dataloader()))[1]) == 4
