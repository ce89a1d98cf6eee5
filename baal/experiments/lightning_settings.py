"""What of a Lightning trainer and module decides on results, and whether they fit together."""

from collections.abc import Mapping
from typing import Any

import torch

from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.lightning.flavours import framework_of

__all__ = [
    "best_weights_of",
    "check_dataset",
    "check_framework",
    "described_trainer",
    "is_overridden",
    "renamed",
]

_DECIDES = (
    *("max_epochs", "min_epochs", "max_steps", "min_steps", "limit_train_batches"),
    *("limit_val_batches", "limit_test_batches", "accumulate_grad_batches", "gradient_clip_val"),
    *("gradient_clip_algorithm", "check_val_every_n_epoch", "val_check_interval"),
    *("num_sanity_val_steps", "overfit_batches", "reload_dataloaders_every_n_epochs"),
    *("precision", "num_devices", "num_nodes"),
)
# Callbacks that only show or write things.
_SHOWS = (".progress", "model_summary", "lr_monitor", "device_stats_monitor")


def described_trainer(trainer: Any) -> dict[str, Any]:
    """How a trainer trains.

    Args:
        trainer: A `Trainer` that has not trained.

    Returns:
        Its limits, precision, strategy and callbacks; not where it writes to or what it shows.

    Example:
        >>> import lightning.pytorch as pl
        >>> trainer = pl.Trainer(accelerator="cpu", logger=False, max_epochs=3)
        >>> described_trainer(trainer)["max_epochs"]
        3
    """
    described: dict[str, Any] = {name: getattr(trainer, name, None) for name in _DECIDES}
    described["strategy"] = type(trainer.strategy).__name__
    described["callbacks"] = [
        _described_callback(callback)
        for callback in trainer.callbacks
        if not any(part in type(callback).__module__ for part in _SHOWS)
    ]
    return described


def _described_callback(callback: Any) -> dict[str, Any]:
    public = {
        name: value
        for name, value in sorted(vars(callback).items())
        if isinstance(value, bool | int | float | str | None)
        and not (name.startswith("_") or "dir" in name or "path" in name or name == "verbose")
    }
    return {"class": type(callback).__qualname__, **public}


def is_overridden(module: Any, name: str) -> bool:
    """Whether a module, or data module, defines a method that Lightning has none of its own for.

    Args:
        module: Something of Lightning.
        name: Of the method.

    Returns:
        False too if there is no such method.

    Example:
        >>> import lightning.pytorch as pl
        >>> is_overridden(pl.LightningModule(), "training_step")
        False
    """
    if name in vars(module):
        return True
    owner = next((base for base in type(module).__mro__ if name in vars(base)), None)
    own = {"LightningModule", "LightningDataModule", "DataHooks", "ModelHooks"}
    return owner is not None and owner.__name__ not in own


def renamed(metrics: Mapping[str, Any], prefix: str, known: tuple[str, ...]) -> dict[str, Any]:
    """Metrics by names as records have them.

    Args:
        metrics: What was logged.
        prefix: Goes before names that do not begin with one of `known`.
        known: Beginnings of names that stay.

    Returns:
        Numbers by name; a slash is an underscore.

    Example:
        >>> renamed({"train/loss": 0.5, "accuracy": 1}, "train", ("train", "val"))
        {'train_loss': 0.5, 'train_accuracy': 1.0}
    """
    found = {}
    for name, value in metrics.items():
        plain = name.replace("/", "_")
        begins = any(plain.startswith(f"{one}_") for one in known)
        found[plain if begins else f"{prefix}_{plain}"] = float(value)
    return found


def check_framework(trainer: Any, module: Any, datamodule: Any) -> None:
    """Refuse what is nothing of Lightning, or does not fit together.

    Args:
        trainer: A `Trainer` that has not trained.
        module: A `LightningModule`.
        datamodule: A `LightningDataModule`, or None.

    Raises:
        InvalidTypeError: One of them is something else.
        InvalidArgumentError: They are of different import names, or the trainer has trained.

    Example:
        >>> check_framework("a trainer", None, None)
        Traceback (most recent call last):
        baal.exceptions.InvalidTypeError: Expected `trainer` to be one of Lightning, but got str
    """
    for name, thing, method in (("trainer", trainer, "fit"), ("module", module, "training_step")):
        if framework_of(thing) is None or not hasattr(thing, method):
            raise InvalidTypeError(
                f"Expected `{name}` to be one of Lightning, but got {type(thing).__name__}"
            )
    of_trainer = framework_of(trainer)
    for name, thing in (("module", module), ("datamodule", datamodule)):
        if thing is not None and framework_of(thing) != of_trainer:
            raise InvalidArgumentError(
                f"Expected `{name}` to be of `{of_trainer}`, as `trainer` is, but got one of "
                f"`{framework_of(thing)}`: Lightning does not mix the two."
            )
    if trainer.fit_loop.epoch_progress.total.ready:
        raise InvalidArgumentError(
            "Expected `trainer` to be one that has not trained, but got one that has: what its "
            "callbacks remember would go into the first round."
        )


def check_dataset(dataset: Any, **parts: Any) -> None:
    """Refuse what would train on another dataset than the one that is labelled.

    Args:
        dataset: The active dataset.
        **parts: Module and data module by name; what has no `active_dataset` passes.

    Raises:
        InvalidArgumentError: Its `active_dataset` is another one.

    Example:
        >>> check_dataset("a dataset", module=None)
    """
    for name, part in parts.items():
        own = getattr(part, "active_dataset", None)
        if own is not None and own is not dataset:
            raise InvalidArgumentError(
                f"Expected the `active_dataset` of `{name}` to be `al_dataset`, but got another"
            )


def best_weights_of(trainer: Any) -> dict[str, Any]:
    """The weights that the trainer's `ModelCheckpoint` found best.

    Args:
        trainer: A `Trainer` that has trained.

    Returns:
        Tensors by name, on the CPU.

    Raises:
        StateError: It has no such callback, or that has saved nothing.

    Example:
        >>> from types import SimpleNamespace
        >>> best_weights_of(SimpleNamespace(checkpoint_callback=None))
        Traceback (most recent call last):
        baal.exceptions.StateError: Expected a `ModelCheckpoint` to have saved the best weights, \
but got none: give the trainer one, or leave out `best_weights`.
    """
    path = getattr(trainer.checkpoint_callback, "best_model_path", "")
    if not path:
        raise StateError(
            "Expected a `ModelCheckpoint` to have saved the best weights, but got none: give the "
            "trainer one, or leave out `best_weights`."
        )
    content = torch.load(path, map_location="cpu", weights_only=True)
    weights: dict[str, Any] = content["state_dict"]
    return weights
