"""What fits together, and what of a trainer makes another run of it."""

from functools import partial

import pytest
import torch
from torch.utils.data import DataLoader

from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.experiments.lightning import LightningAdapter
from baal.experiments.lightning_settings import is_overridden
from baal.lightning import standalone, unified
from tests.tiny_lightning import FRAMEWORKS, QUIET, blobs, framework, module, trainer

LOADER = partial(DataLoader, batch_size=4)


def test_what_is_refused():
    unified_pl, other_pl = map(framework, FRAMEWORKS)
    net = module(unified_pl)
    with pytest.raises(InvalidTypeError, match="`trainer` to be one of Lightning, but got str"):
        LightningAdapter("trainer", net)
    with pytest.raises(InvalidTypeError, match="`module` to be one of Lightning, but got Linear"):
        LightningAdapter(trainer(unified_pl), torch.nn.Linear(1, 1))
    with pytest.raises(InvalidArgumentError, match="of `pytorch_lightning`, as `trainer` is"):
        LightningAdapter(trainer(other_pl), net)
    with pytest.raises(InvalidArgumentError, match=r"`datamodule` to be of `lightning\.pytorch`"):
        LightningAdapter(trainer(unified_pl), net, datamodule=standalone.BaaLDataModule(None))
    with pytest.raises(InvalidArgumentError, match="`way`"):
        LightningAdapter(trainer(unified_pl), net, way="magic")
    used = trainer(unified_pl)
    used.fit(net, LOADER(blobs()))
    with pytest.raises(InvalidArgumentError, match="one that has not trained"):
        LightningAdapter(used, net)
    with pytest.raises(InvalidArgumentError, match="to define `training_step`"):
        LightningAdapter(trainer(unified_pl), unified_pl.LightningModule()).check()
    adapter = LightningAdapter(trainer(unified_pl), net, best_weights=True, make_loader=LOADER)
    adapter.check()
    with pytest.raises(StateError, match="`ModelCheckpoint` to have saved"):
        adapter.train(blobs())


def test_a_trainer_with_other_looks_is_the_same_run():
    pl = framework(FRAMEWORKS[0])
    plain = LightningAdapter(trainer(pl), module(pl)).settings()
    shown = {**QUIET, "enable_progress_bar": True, "enable_model_summary": True}
    assert (
        LightningAdapter(pl.Trainer(**shown), module(pl)).settings()["trainer"] == plain["trainer"]
    )
    stopping = [pl.callbacks.EarlyStopping("val_loss", patience=7)]
    described = LightningAdapter(trainer(pl, callbacks=stopping), module(pl)).settings()["trainer"]
    assert described["callbacks"][0]["patience"] == 7


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_what_is_the_users_own(name):
    pl = framework(name)
    for plain in (pl.LightningModule(), pl.LightningDataModule()):
        for method in ("train_dataloader", "setup", "no_such_method", "predict_step"):
            assert not is_overridden(plain, method)
        plain.train_dataloader = list
        assert is_overridden(plain, "train_dataloader")
    assert is_overridden(unified.SSLModule(None), "train_dataloader")
    assert is_overridden(module(pl), "test_step")
