"""The classes of `baal.lightning` for programs that import `lightning.pytorch`."""

from baal.lightning.building import build

__all__ = [
    "ActiveLightningModule",
    "BaaLDataModule",
    "BaalTrainer",
    "ResetCallback",
    "SSLModule",
]

_classes = build("lightning.pytorch", __name__)
ActiveLightningModule = _classes["ActiveLightningModule"]
BaaLDataModule = _classes["BaaLDataModule"]
BaalTrainer = _classes["BaalTrainer"]
ResetCallback = _classes["ResetCallback"]
SSLModule = _classes["SSLModule"]
