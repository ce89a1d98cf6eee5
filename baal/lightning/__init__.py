"""PyTorch Lightning: modules, data modules and trainers that take part in active learning.

The names here are those of the import name in use: `lightning.pytorch`, or `pytorch_lightning` if
that is what was imported before. `baal.lightning.unified` and `baal.lightning.standalone` have them
for the one and for the other, whatever else is imported.
"""

from importlib import import_module
from typing import Any

from baal.lightning.flavours import home_in_use

__all__ = [
    "ActiveLightningModule",
    "BaaLDataModule",
    "BaalTrainer",
    "ResetCallback",
    "SSLModule",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home_in_use()), name)


def __dir__() -> list[str]:
    return sorted(__all__)
