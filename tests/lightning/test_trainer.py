"""The trainer's predictions of the pool, and what it labels."""

import numpy as np
import pytest
import torch

from baal.active.heuristics import BALD, Margin
from baal.bayesian import consistent_dropout
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.lightning import standalone, unified
from tests.tiny_lightning import FRAMEWORKS, QUIET, active_blobs, framework, module

HOMES = {"lightning.pytorch": unified, "pytorch_lightning": standalone}


def joint(net):
    consistent_dropout.patch_module(net, seed=0)


def made(name="lightning.pytorch", heuristic=None, query_size=3, **active):
    home = HOMES[name]
    dataset = active_blobs(**active)
    net = module(framework(name), home.ActiveLightningModule, patch=joint)
    net.save_hyperparameters({"iterations": 5})
    used = home.BaalTrainer(dataset, heuristic or BALD(), query_size, **QUIET)
    return used, net, home.BaaLDataModule(dataset, batch_size=7), dataset


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_rounds(name):
    used, net, data, dataset = made(name)
    for labelled in (6, 9, 12):
        net.seen, net.steps = [], 0
        used.fit(net, datamodule=data)
        assert net.steps == 2 * -(-labelled // 7)
        assert set(net.seen) == {float(x[0]) for x, _ in dataset}
        pool = torch.stack([x for x, _ in dataset.pool])
        predictions = used.predict_on_dataset()
        assert predictions.shape == (30 - labelled, 2, 5)
        by_hand = net.predict_step(pool, 0).numpy()  # joint: batches do not matter
        np.testing.assert_allclose(predictions, by_hand, atol=1e-5)
        best = BALD()(by_hand)[:3]
        expected = dataset.pool.dataset_indices[best]
        assert used.step(net, data)
        assert dataset.labelled_map[expected].tolist() == [dataset.current_al_step] * 3
    assert len(dataset) == 15


def test_batches_and_defaults():
    used, net, data, dataset = made(n=20, labelled=5)
    with pytest.raises(StateError, match="nothing was trained yet"):
        used.predict_on_dataset_generator()
    with pytest.raises(StateError, match="to have a `pool_dataloader`"):
        used.predict_on_dataset(module(framework("lightning.pytorch")))
    batches = list(used.predict_on_dataset_generator(net, data.pool_dataloader()))
    assert [len(batch) for batch in batches] == [7, 7, 1]
    net.active_dataset = dataset
    assert used.predict_on_dataset(net).shape == (15, 2, 5)
    assert used.predict_on_dataset(net, []) == []
    used.query_size = 100
    assert used.step(net)
    assert not used.step(net)
    assert dataset.n_unlabelled == 0


def test_nothing_is_labelled_by_what_is_not_the_whole_pool():
    used, net, data, dataset = made()
    data.pool_dataloader = lambda: data.make_loader(torch.utils.data.Subset(dataset.pool, [0, 1]))
    with pytest.raises(InvalidArgumentError, match="24 items"):
        used.step(net, data)
    assert dataset.n_labelled == 6


def test_arguments_and_the_default():
    dataset = active_blobs()
    with pytest.raises(InvalidArgumentError, match="query_size"):
        unified.BaalTrainer(dataset, Margin(), -1, **QUIET)
    with pytest.raises(InvalidTypeError):
        unified.BaalTrainer(dataset, "margin", **QUIET)
    with pytest.raises(InvalidTypeError):
        unified.BaalTrainer([1, 2], **QUIET)
    used = unified.BaalTrainer(dataset, **QUIET)
    net = module(framework("lightning.pytorch"), unified.ActiveLightningModule)
    assert used.step(net, unified.BaaLDataModule(dataset))  # at random
    assert dataset.n_labelled == 7
