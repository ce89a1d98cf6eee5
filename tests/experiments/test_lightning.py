"""The loop over a real `LightningModule`: fresh rounds, exact resume, its own metrics and hooks."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from baal.active.heuristics import BALD
from baal.bayesian import consistent_dropout
from baal.bayesian.sampling.context import silenced
from baal.exceptions import InvalidArgumentError, StateError
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.lightning import LightningAdapter
from baal.lightning import standalone, unified
from baal.utils.gradient_embeddings import factors_of
from tests.tiny_lightning import (
    FRAMEWORKS,
    active_blobs,
    blobs,
    framework,
    module,
    trainer,
    validation_step,
)

HOMES = {"lightning.pytorch": unified, "pytorch_lightning": standalone}
LOADER = partial(DataLoader, batch_size=4)


class StoppedError(Exception):
    pass


def val_dataloader(self):
    return DataLoader(blobs(12, 5), 6)


def experiment(name, folder, kind="cold", stop_at=None):
    pl = framework(name)
    torch.manual_seed(5)
    active = active_blobs(labelled=6)
    joint = consistent_dropout.patch_module
    given = {"patch": joint} if kind == "joint" else {}
    if kind == "callbacks":
        given = {"validation_step": validation_step, "val_dataloader": val_dataloader}
    net = module(pl, **given)
    made, options = trainer(pl), {"make_loader": LOADER}
    if kind == "factory":
        made = partial(trainer, pl)
    if kind == "datamodule":
        options = {"datamodule": HOMES[name].BaaLDataModule(active, batch_size=4)}
    if kind == "callbacks":
        callbacks = [
            pl.callbacks.EarlyStopping("val_loss", patience=1),
            pl.callbacks.ModelCheckpoint(folder.parent / "best", monitor="val_loss"),
        ]
        made = trainer(pl, max_epochs=5, callbacks=callbacks, enable_checkpointing=True)
        options["best_weights"] = True

    def callback(record):
        if record["round"] == stop_at:
            raise StoppedError

    run = ActiveLearningExperiment(
        LightningAdapter(made, net, **options), active, blobs(12, 2), BALD(), query_size=8,
        iterations=4, folder=folder, callbacks=[callback], warm_start=kind == "warm", ece=True,
        verbose=False,
    )  # fmt: skip
    return run, net


def ended(run, net):
    records = [{k: v for k, v in r.items() if k != "seconds"} for r in run.start()]
    return json.dumps(records), {k: v.tolist() for k, v in net.state_dict().items()}


KINDS = ["cold", "warm", "joint", "factory", "datamodule", "callbacks"]


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.parametrize(
    ("name", "kind"), [*((FRAMEWORKS[0], kind) for kind in KINDS), (FRAMEWORKS[1], "callbacks")]
)
def test_a_run_that_was_stopped_ends_as_one_that_was_not(name, kind, tmp_path):
    whole = ended(*experiment(name, tmp_path / "whole", kind))
    records = json.loads(whole[0])
    assert [r["n_labelled"] for r in records] == [6, 14, 22, 30]
    names = {"train_loss", "test_loss", "test_accuracy", "test_ece"}
    names |= {"val_loss"} if kind == "callbacks" else set()
    assert {k for k in records[0] if k.startswith(("train", "test", "val"))} == names
    assert [r["collapsed"] for r in records] == [False, False, False, None]
    stopped, _ = experiment(name, tmp_path / "stopped", kind, stop_at=2)
    with pytest.raises(StoppedError):
        stopped.start()
    torch.manual_seed(99)
    assert ended(*experiment(name, tmp_path / "stopped", kind)) == whole


def test_each_round_trains_all_epochs_from_the_same_weights_on_what_is_labelled():
    run, net = experiment(FRAMEWORKS[0], None)
    began, rounds = [], []

    def on_fit_start(self):
        began.append({k: v.clone() for k, v in self.state_dict().items()})

    def on_fit_end(self):
        rounds.append((self.steps, list(self.rates), set(self.seen)))
        self.steps, self.rates, self.seen = 0, [], []

    type(net).on_fit_start, type(net).on_fit_end = on_fit_start, on_fit_end
    labelled = []
    run.callbacks.append(lambda record: labelled.append({float(x[0]) for x, _ in run.al_dataset}))
    run.start()
    assert all(torch.equal(one[k], began[0][k]) for one in began for k in one)
    batches = [-(-n // 4) for n in (6, 14, 22, 30)]
    assert [steps for steps, _, _ in rounds] == [2 * n for n in batches]
    rates = [[0.02] * n + [0.01] * n for n in batches]
    assert [found for _, found, _ in rounds] == rates
    assert [seen for _, _, seen in rounds] == labelled


def test_callbacks_that_a_factory_hands_to_each_trainer_begin_anew():
    pl = framework(FRAMEWORKS[0])
    ends = []

    class Counts(pl.Callback):
        n_epochs = 0

        def on_train_epoch_start(self, *_):
            self.n_epochs += 1

        def on_fit_end(self, *_):
            ends.append(self.n_epochs)

        def state_dict(self):
            return {"n_epochs": self.n_epochs}

    made = partial(trainer, pl, max_epochs=2, callbacks=[Counts()])
    adapter = LightningAdapter(made, module(pl), make_loader=LOADER)
    for _ in range(3):
        adapter.train(blobs(10, 3))
    assert ends == [2, 2, 2]


def joint_adapter(**given):
    pl = framework(FRAMEWORKS[0])
    net = module(pl, patch=lambda one: consistent_dropout.patch_module(one, seed=0))
    return LightningAdapter(trainer(pl), net, make_loader=LOADER, **given), net


def test_the_evaluation_is_of_averaged_outputs():
    adapter, net = joint_adapter()
    net.train()
    test = blobs(10, 3)
    metrics = adapter.evaluate(test, 6)
    samples = np.concatenate(list(adapter.predict(test, 6)))
    x, y = test.tensors
    assert samples.shape == (10, 2, 6)
    assert (samples.std(-1) > 0).all()
    logits = torch.from_numpy(samples.mean(-1))
    assert metrics["test_loss"] == pytest.approx(
        torch.nn.functional.cross_entropy(logits, y).item()
    )
    assert metrics["test_accuracy"] == pytest.approx((logits.argmax(1) == y).float().mean().item())
    assert set(metrics) == {"test_loss", "test_accuracy"}
    assert adapter.samples_are_joint
    assert net.training
    by_hand = adapter._sampler.sample(6, x)  # in the order of the items
    np.testing.assert_allclose(samples, by_hand, atol=1e-5)
    with pytest.raises(InvalidArgumentError):
        adapter.predict(test, 0)


def test_batches_of_any_form():
    x = blobs(6).tensors[0]
    plain, _ = joint_adapter()
    named, _ = joint_adapter(inputs=lambda batch: batch["x"])
    expected = np.concatenate(list(plain.predict(x, 3)))
    for items in (list(zip(x, range(6), strict=True)), [(one,) for one in x]):
        np.testing.assert_array_equal(np.concatenate(list(plain.predict(items, 3))), expected)
    items = [{"x": one, "label": 0, "id": "a"} for one in x]
    np.testing.assert_array_equal(np.concatenate(list(named.predict(items, 3))), expected)


def test_the_modules_own_train_dataloader_is_used():
    active = active_blobs()
    net = module(
        framework(FRAMEWORKS[0]),
        train_dataloader=lambda self: DataLoader(self.active_dataset, 3),
        active_dataset=active,
    )
    adapter = LightningAdapter(trainer(framework(FRAMEWORKS[0])), net)
    adapter.train(active)
    adapter.train(active)
    assert net.steps == 2 * 2 * 2
    assert adapter.ready(active)
    with pytest.raises(InvalidArgumentError, match="`active_dataset` of `module`"):
        adapter.ready(active_blobs())


def test_other_settings_are_another_run(tmp_path):
    run, _ = experiment(FRAMEWORKS[0], tmp_path / "run", stop_at=0)
    with pytest.raises(StoppedError):
        run.start()
    with pytest.raises(StateError, match=r"trainer\.max_epochs: 2 before, 5 now"):
        experiment(FRAMEWORKS[0], tmp_path / "run", "callbacks")


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_embeddings_without_dropout_in_the_order_of_the_items(name):
    pl = framework(name)
    torch.manual_seed(5)
    net = module(pl)
    adapter = LightningAdapter(trainer(pl), net, make_loader=LOADER)
    data = blobs(10, 3)
    layers = [m for m in net.modules() if isinstance(m, torch.nn.Linear)]
    seen = []
    hook = layers[-1].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with silenced(), torch.no_grad():
        net.eval()
        logits = net(torch.stack([x for x, _ in data]))
    hook.remove()
    np.testing.assert_allclose(adapter.embed(data), seen[0], rtol=1e-5, atol=1e-7)
    factors = adapter.gradient_embed(data)
    expected = factors_of(logits.numpy(), seen[0].numpy())
    np.testing.assert_allclose(factors.residuals, expected.residuals, rtol=1e-4, atol=1e-6)
    first = next(n for n, m in net.named_modules() if m is layers[0])
    named = LightningAdapter(trainer(pl), net, make_loader=LOADER, layer=first)
    assert named.embed(data).shape == (10, layers[0].out_features)
    assert len(adapter.embed([])) == len(adapter.gradient_embed([]).residuals) == 0
