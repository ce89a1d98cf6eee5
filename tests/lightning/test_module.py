"""`predict_step` gives posterior samples; the pool comes from where there is one."""

import copy
import pickle

import pytest
import torch
from torch.utils.data import DataLoader

from baal.exceptions import StateError
from baal.lightning import standalone, unified
from tests.tiny_lightning import FRAMEWORKS, active_blobs, framework, module, trainer

HOMES = {"lightning.pytorch": unified, "pytorch_lightning": standalone}


def made(name="lightning.pytorch", **hparams):
    net = module(framework(name), HOMES[name].ActiveLightningModule)
    net.save_hyperparameters(hparams)
    return net


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_samples_of_a_batch(name):
    net = made(name, iterations=7)
    net.train()
    x, y = torch.randn(4, 3), torch.zeros(4)
    for batch in ((x, y), [x], x):
        samples = net.predict_step(batch, 0)
        assert samples.shape == (4, 2, 7)
        assert (samples.std(-1) > 0).any()
    assert net.training
    assert made(name, replicate_in_memory=False).predict_step(x, 0, 0).shape == (4, 2, 20)
    by_lightning = trainer(framework(name)).predict(net, DataLoader(x, 3))
    assert [tuple(one.shape) for one in by_lightning] == [(3, 2, 7), (1, 2, 7)]


def test_the_user_says_what_forward_takes():
    net = made(iterations=2)
    net.inputs = lambda batch: batch["x"]
    assert net.predict_step({"x": torch.ones(4, 3), "id": [1]}, 0).shape == (4, 2, 2)


def test_it_keeps_nothing_that_cannot_be_copied():
    net = made(iterations=3)
    before = set(net.state_dict())
    net.predict_step(torch.ones(2, 3), 0)
    assert set(net.state_dict()) == before
    assert [type(one) for one in net.children()] == [torch.nn.Sequential]
    twin = copy.deepcopy(net)
    twin.net[3].bias.data.fill_(1000.0)
    assert (twin.predict_step(torch.ones(2, 3), 0) > 900).all()
    assert (net.predict_step(torch.ones(2, 3), 0) < 900).all()
    assert pickle.loads(pickle.dumps(unified.ActiveLightningModule())).hparams == {}


def test_the_pool():
    net = made(batch_size=4)
    with pytest.raises(StateError, match="Net to define `pool_dataloader`"):
        net.pool_dataloader()
    net.active_dataset = active_blobs()
    batches = list(net.pool_dataloader())
    assert [len(y) for _, y in batches] == [4] * 6
    pool = torch.stack([x for x, _ in net.active_dataset.pool])
    assert torch.equal(torch.cat([x for x, _ in batches]), pool)
