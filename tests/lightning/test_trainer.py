"""The trainer's predictions of the pool, and what it labels."""

import numpy as np
import pytest
import torch

from baal.active.heuristics import (
    BADGE,
    BALD,
    CoreSet,
    ExpectedGradientLength,
    Margin,
    PoolHeuristic,
)
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


def embedded(net, items):
    """The input of the head without dropout, and the most probable class less its probabilities."""
    first, head = net.net[0], net.net[-1]
    x = torch.stack([item[0] for item in items])
    with torch.no_grad():
        hidden = torch.relu(x @ first.weight.T + first.bias)
        p = (hidden @ head.weight.T + head.bias).softmax(dim=1).numpy()
    return hidden.numpy(), p - np.eye(2)[p.argmax(axis=1)]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_heuristic_that_looks_at_embeddings_of_labelled_items_too(name):
    used, net, data, dataset = made(name, CoreSet(3))
    used.fit(net, datamodule=data)
    labelled = dataset.labelled.copy()
    (pool, _), (old, _) = embedded(net, list(dataset.pool)), embedded(net, list(dataset))
    np.testing.assert_allclose(used.embed_on_dataset(), pool, rtol=1e-4, atol=1e-5)
    ranks = CoreSet(3)(embeddings=pool, labelled_embeddings=old)
    chosen = dataset.pool.dataset_indices[ranks[:3]]
    assert used.step()  # of the module and the data module trained with
    assert np.flatnonzero(dataset.labelled & ~labelled).tolist() == sorted(chosen)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_heuristic_that_looks_at_gradients(name):
    used, net, data, dataset = made(name, BADGE(3, seed=0))
    pool, residuals = embedded(net, list(dataset.pool))
    found = used.gradient_embed_on_dataset(net, data.pool_dataloader())
    np.testing.assert_allclose(found.residuals, residuals, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.embeddings, pool, rtol=1e-4, atol=1e-5)
    ranks = BADGE(3, seed=0)(gradient_embeddings=(residuals, pool))
    expected = dataset.pool.dataset_indices[ranks[:3]]
    assert used.step(net, data)
    assert dataset.labelled[expected].all()
    assert dataset.n_labelled == 9


def test_predictions_of_labelled_and_of_pending_items_are_of_those_items():
    class Sees(PoolHeuristic):
        takes_labelled_predictions = True

        def score_pool(self, pool):
            self.seen = pool
            return np.arange(pool.n_items, dtype=float)

    used, net, data, dataset = made(heuristic=Sees())
    dataset.propose(dataset.pool.dataset_indices[[1, 4]])
    covered = np.union1d(np.flatnonzero(dataset.labelled), dataset.pending_indices)
    others = np.setdiff1d(np.arange(30), covered)
    assert used.step(net, data)
    for seen, indices in (("labelled_predictions", covered), ("predictions", others)):
        x = torch.stack([dataset.get_raw(int(i))[0] for i in indices])
        np.testing.assert_allclose(
            getattr(used.heuristic.seen, seen), net.predict_step(x, 0), atol=1e-5
        )
    assert not dataset.labelled[dataset.pending_indices].any()


def test_the_layer_of_embeddings():
    dataset = active_blobs()
    net = module(framework("lightning.pytorch"), unified.ActiveLightningModule)
    data = unified.BaaLDataModule(dataset, batch_size=7)
    used = unified.BaalTrainer(dataset, CoreSet(2), 2, layer="net.0", **QUIET)
    x = torch.stack([x for x, _ in dataset.pool])
    got = used.embed_on_dataset(net, data.pool_dataloader())
    np.testing.assert_allclose(got, net.net[0](x).detach(), atol=1e-5)
    assert used.embed_on_dataset(net, []).shape == (0, 0)
    used.layer = "head"
    with pytest.raises(InvalidArgumentError, match="to be the name of a layer"):
        used.step(net, data)
    assert dataset.n_labelled == 6


def test_what_a_trainer_does_not_give_is_refused_when_it_is_built():
    with pytest.raises(InvalidArgumentError, match="a BaalTrainer without `gradient_lengths_on_d"):
        unified.BaalTrainer(active_blobs(), ExpectedGradientLength(whole_model=True), **QUIET)


def test_a_batch_of_fewer_items_than_are_taken_is_warned_of_once():
    with pytest.warns(UserWarning, match="of CoreSet to be the 3 items .* but got 1") as caught:
        used, net, data, _ = made(heuristic=CoreSet(1))
    assert len(caught) == 1
    assert used.step(net, data)  # and no further warning, which would be an error


def test_a_loader_that_cannot_be_made_for_labelled_items():
    used, net, data, dataset = made(heuristic=CoreSet(3))
    batches = list(data.pool_dataloader())
    data.pool_dataloader = lambda: batches
    with pytest.raises(
        StateError, match=r"to give a DataLoader with a `batch_size`, .* got a list"
    ):
        used.step(net, data)
    assert dataset.n_labelled == 6
    used.heuristic = BALD()
    assert used.step(net, data)  # which needs nothing beside the pool
