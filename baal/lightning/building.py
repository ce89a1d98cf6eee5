"""The classes of `baal.lightning`, made of what baal adds and of a framework's own."""

from typing import Any

from baal.lightning.datamodule import ActiveData
from baal.lightning.module import ActiveModule
from baal.lightning.resetting import Resetting
from baal.lightning.semi_supervised import SemiSupervised
from baal.lightning.trainer import ActiveTrainer
from baal.utils.extras import require_extra

__all__ = ["build"]


def build(framework: str, home: str) -> dict[str, Any]:
    """Join what baal adds with the classes of one import name.

    Args:
        framework: `lightning.pytorch` or `pytorch_lightning`.
        home: The module that they will live in, where pickle finds them.

    Returns:
        Classes by name.

    Raises:
        MissingExtraError: The framework is not installed.

    Example:
        >>> sorted(build("lightning.pytorch", __name__))
        ['ActiveLightningModule', 'BaaLDataModule', 'BaalTrainer', 'ResetCallback', 'SSLModule']
    """
    pl = require_extra(framework, "lightning")
    bases = {
        "ActiveLightningModule": (ActiveModule, pl.LightningModule),
        "BaaLDataModule": (ActiveData, pl.LightningDataModule),
        "BaalTrainer": (ActiveTrainer, pl.Trainer),
        "ResetCallback": (Resetting, pl.Callback),
        "SSLModule": (SemiSupervised, pl.LightningModule),
    }
    return {
        name: type(name, of, {"__module__": home, "__doc__": of[0].__doc__})
        for name, of in bases.items()
    }
