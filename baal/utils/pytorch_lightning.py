"""Old import path of the classes that live in `baal.lightning`, of the import name in use."""

from baal.lightning import ActiveLightningModule, BaaLDataModule, BaalTrainer, ResetCallback

__all__ = ["ActiveLightningModule", "BaaLDataModule", "BaalTrainer", "ResetCallback"]
