"""Active learning with Lightning in the idiom of BaaL 2.1."""

from argparse import ArgumentParser
from copy import deepcopy

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from baal.active import get_heuristic
from baal.active.dataset import ActiveLearningDataset
from baal.bayesian.dropout import patch_module
from baal.lightning import standalone


@pytest.fixture
def names(monkeypatch):
    """The old paths, in a program that imports `pytorch_lightning` alone."""
    monkeypatch.setattr("baal.lightning.home_in_use", lambda: standalone.__name__)
    monkeypatch.delitem(__import__("sys").modules, "baal.utils.pytorch_lightning", raising=False)
    monkeypatch.delitem(__import__("sys").modules, "baal.utils.ssl_module", raising=False)
    from baal.utils import pytorch_lightning

    return pytorch_lightning


@pytest.fixture
def active_set():
    x = torch.randn(40, 4)
    dataset = ActiveLearningDataset(TensorDataset(x, (x.sum(1) > 0).long()), random_state=1337)
    dataset.label_randomly(10)
    return dataset


def test_a_loop(names, active_set):
    class Model(names.ActiveLightningModule):
        def __init__(self, active_dataset, **hparams):
            super().__init__()
            self.save_hyperparameters(hparams)
            self.active_dataset = active_dataset
            self.criterion = nn.CrossEntropyLoss()
            self.net = patch_module(nn.Sequential(nn.Linear(4, 8), nn.Dropout(), nn.Linear(8, 2)))

        def forward(self, x):
            return self.net(x)

        def training_step(self, batch, batch_index):
            x, y = batch
            return {"loss": self.criterion(self(x), y)}

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=self.hparams.learning_rate)

        def train_dataloader(self):
            return DataLoader(self.active_dataset, self.hparams.batch_size, shuffle=True)

        def pool_dataloader(self):
            return DataLoader(self.active_dataset.pool, self.hparams.batch_size, shuffle=False)

    model = Model(active_set, batch_size=8, iterations=10, replicate_in_memory=True,
                  learning_rate=0.01)  # fmt: skip
    trainer = names.BaalTrainer(
        dataset=active_set, heuristic=get_heuristic("bald"), query_size=5, max_epochs=2,
        callbacks=[names.ResetCallback(deepcopy(model.state_dict()))], accelerator="cpu",
        logger=False, enable_checkpointing=False, enable_progress_bar=False,
    )  # fmt: skip
    sizes = []
    for _ in range(3):
        trainer.fit(model)
        assert trainer.global_step == 2 * -(-len(active_set) // 8)
        predictions = trainer.predict_on_dataset(model=model)
        assert predictions.shape == (len(active_set.pool), 2, 10)
        batches = trainer.predict_on_dataset_generator(model, model.pool_dataloader())
        assert sum(map(len, batches)) == len(active_set.pool)
        if not trainer.step(model):
            break
        sizes.append(len(active_set))
    assert sizes == [15, 20, 25]
    data = names.BaaLDataModule(active_set, batch_size=8)
    assert trainer.step(model, datamodule=data)
    checkpoint = {}
    data.on_save_checkpoint(checkpoint)
    data.on_load_checkpoint(checkpoint)
    assert "active_dataset" in checkpoint
    assert len(active_set) == 30


def test_semi_supervised(names, active_set):
    from baal.utils.ssl_module import SSLModule

    class Pi(SSLModule):
        def __init__(self, active_set, **hparams):
            super().__init__(active_set, **hparams)
            self.backbone = nn.Sequential(nn.Linear(4, 8), nn.Dropout(), nn.Linear(8, 2))
            self.supervised = self.unsupervised = 0

        def forward(self, x):
            return self.backbone(x)

        def supervised_training_step(self, batch, *args):
            self.supervised += 1
            x, y = batch
            return {"loss": nn.functional.cross_entropy(self(x), y)}

        def unsupervised_training_step(self, batch, *args):
            self.unsupervised += 1
            x = batch[0]
            return {"loss": nn.functional.mse_loss(self(x), self(x))}

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters())

    parser = Pi.add_model_specific_args(ArgumentParser())
    options = vars(parser.parse_args(["--batch_size", "5", "--num_steps", "8"]))
    model = Pi(active_set, **options)
    trainer = pl.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False,
    )  # fmt: skip
    trainer.fit(model)
    assert (model.supervised, model.unsupervised) == (8, 8)
