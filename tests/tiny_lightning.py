"""Small modules and trainers of Lightning, of either import name."""

from importlib import import_module

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from baal.active.dataset import ActiveLearningDataset
from baal.bayesian.dropout import patch_module

FRAMEWORKS = ["lightning.pytorch", "pytorch_lightning"]


def framework(name):
    return import_module(name)


def blobs(n=30, seed=0):
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(2, (n,), generator=generator)
    return TensorDataset(torch.randn(n, 3, generator=generator) + 2 * y[:, None], y)


def active_blobs(n=30, labelled=6, seed=0):
    dataset = ActiveLearningDataset(blobs(n, seed), random_state=seed)
    dataset.label_randomly(labelled)
    return dataset


class Steps:
    """What a module for the blobs does, whatever framework it is of."""

    def build(self, patch=patch_module):
        torch.manual_seed(1)
        self.seen, self.steps, self.rates = [], 0, []
        self.net = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))
        if patch is not None:
            patch(self.net)
        return self

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        self.seen += x[:, 0].tolist()
        self.steps += 1
        self.rates.append(self.optimizers().param_groups[0]["lr"])
        loss = F.cross_entropy(self(x), y)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def test_step(self, batch, batch_idx):
        x, y = batch
        logits = self(x)
        self.log("loss", F.cross_entropy(logits, y))
        self.log("test/accuracy", (logits.argmax(1) == y).float().mean())

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=0.02)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]


def validation_step(self, batch, batch_idx):
    """For modules that are given to `module` with it."""
    x, y = batch
    self.log("val_loss", F.cross_entropy(self(x), y))


def module(pl, base=None, patch=patch_module, **attributes):
    base = pl.LightningModule if base is None else base
    made = type("Net", (Steps, base), attributes)()
    return made.build(patch)


QUIET = {
    "accelerator": "cpu", "devices": 1, "logger": False, "enable_progress_bar": False,
    "enable_model_summary": False, "enable_checkpointing": False, "max_epochs": 2,
}  # fmt: skip


def trainer(pl, **given):
    return pl.Trainer(**{**QUIET, **given})
