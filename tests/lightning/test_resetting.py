"""A second `fit` does what the first did."""

import copy

import pytest
import torch
from torch.utils.data import DataLoader

from baal.exceptions import InvalidTypeError
from baal.lightning import standalone, unified
from baal.lightning.resetting import reset_progress
from tests.tiny_lightning import (
    FRAMEWORKS,
    QUIET,
    active_blobs,
    blobs,
    framework,
    module,
    trainer,
    validation_step,
)

HOMES = {"lightning.pytorch": unified, "pytorch_lightning": standalone}


def weights_of(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def fit(used, net, seed=0):
    """Trained from the net's weights of now: the weights, steps made, and rates."""
    net.steps, net.rates = 0, []
    torch.manual_seed(seed)
    val = DataLoader(blobs(12, 1), 6) if hasattr(type(net), "offset") else None
    used.fit(net, DataLoader(blobs(), 6, shuffle=True), val)
    return weights_of(net), net.steps, list(net.rates), used.global_step, used.current_epoch


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_without_a_reset_a_second_fit_does_nothing(name):
    """What this is about."""
    pl = framework(name)
    net, used = module(pl), trainer(pl)
    assert fit(used, net)[1] == 10
    assert fit(used, net)[1] == 0
    reset_progress(used)
    assert fit(used, net)[1] == 10


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("limit", [{"max_epochs": 3}, {"max_epochs": -1, "max_steps": 7}])
def test_a_second_fit_is_as_the_first(name, limit):
    pl = framework(name)
    net = module(pl)
    start = weights_of(net)
    used = trainer(pl, callbacks=[HOMES[name].ResetCallback(net.state_dict())], **limit)
    first = fit(used, net)
    assert first[1] == (15 if "max_steps" not in limit else 7)
    assert len(set(first[2])) > 1  # the scheduler moved
    assert not same(first[0], start)
    for _ in range(2):
        again = fit(used, net)
        assert same(again[0], first[0])
        assert again[1:] == first[1:]
    assert not same(fit(used, net, seed=1)[0], first[0])


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_callbacks_begin_anew(name, tmp_path):
    pl = framework(name)

    def ever_worse(self, batch, batch_idx):
        self.log("val_loss", float(self.current_epoch) + self.offset)

    net = module(pl, validation_step=ever_worse, offset=0.0)
    stopping = pl.callbacks.EarlyStopping("val_loss", patience=2)
    best = pl.callbacks.ModelCheckpoint(tmp_path, monitor="val_loss", filename="{val_loss:.0f}")
    used = trainer(
        pl, max_epochs=9, enable_checkpointing=True,
        callbacks=[stopping, HOMES[name].ResetCallback(net.state_dict()), best],
    )  # fmt: skip
    assert fit(used, net)[1] == 3 * 5
    assert best.best_model_score == 0
    net.offset = 10.0  # worse than all before, which it must not be compared with
    assert fit(used, net)[1] == 3 * 5
    assert (stopping.wait_count, stopping.best_score) == (2, 10)
    assert best.best_model_score == 10
    assert best.best_model_path.endswith("val_loss=10.ckpt")
    assert list(best.best_k_models) == [best.best_model_path]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_trainer_of_baal_counts_each_fit_from_its_beginning(name):
    pl = framework(name)
    net = module(pl, validation_step=validation_step, offset=0.0)
    stopping = pl.callbacks.EarlyStopping("val_loss", patience=9)
    used = HOMES[name].BaalTrainer(active_blobs(), callbacks=[stopping], **QUIET)
    start = weights_of(net)
    first = fit(used, net)
    stopping.wait_count = 8
    second = fit(used, net)
    assert first[1] == second[1] == 10
    assert first[2:] == second[2:]
    assert not same(first[0], second[0])  # the weights went on
    assert stopping.wait_count < 8
    net.load_state_dict(start)
    assert same(fit(used, net)[0], first[0])
    used.fit_loop.max_epochs = 1  # limits stay as the user set them
    assert fit(used, net)[1] == 5


def test_a_checkpoint_to_go_on_from_has_the_last_word(tmp_path):
    pl = framework("lightning.pytorch")
    net = module(pl)
    reset = unified.ResetCallback(net.state_dict())
    used = unified.BaalTrainer(active_blobs(), callbacks=[reset], **QUIET)
    trained = fit(used, net)[0]
    used.save_checkpoint(tmp_path / "a.ckpt")
    net.steps = 0
    used.fit_loop.max_epochs = 3
    used.fit(net, DataLoader(blobs(), 6), ckpt_path=tmp_path / "a.ckpt")
    assert net.steps == 5  # the third epoch alone
    assert not same(weights_of(net), trained)


def test_the_weights_are_a_copy():
    net = module(framework("lightning.pytorch"))
    reset = unified.ResetCallback(net.state_dict())
    before = copy.deepcopy(reset.weights)
    with torch.no_grad():
        net.net[0].weight.zero_()
    assert same(reset.weights, before)
    reset.setup(None, None, "test")  # only `fit` resets
    with pytest.raises(InvalidTypeError, match="`state_dict\\(\\)` gives, but got str"):
        unified.ResetCallback("weights.pt")
