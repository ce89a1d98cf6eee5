"""A trainer that was used, put back to where it began: the next `fit` trains all epochs again."""

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

from baal.exceptions import InvalidTypeError

__all__ = ["CallbackStates", "Resetting", "reset_progress"]


def reset_progress(trainer: Any) -> None:
    """Have the next `fit` begin with the first epoch and the first step.

    A trainer counts on from one `fit` to the next, and has nothing left to do once `max_epochs` are
    reached. Limits such as `max_epochs` stay as they are.

    Args:
        trainer: A `Trainer`.

    Example:
        >>> import lightning.pytorch as pl
        >>> trainer = pl.Trainer(accelerator="cpu", logger=False)
        >>> trainer.fit_loop.epoch_progress.current.processed = 3
        >>> reset_progress(trainer)
        >>> trainer.fit_loop.epoch_progress.current.processed
        0
    """
    _reset_loop(trainer.fit_loop)
    trainer.should_stop = False


def _reset_loop(loop: Any) -> None:
    if hasattr(loop, "_batches_that_stepped"):  # what loggers take for the step
        loop._batches_that_stepped = 0  # noqa: SLF001 - Lightning has no other way
    for value in vars(loop).values():
        if dataclasses.is_dataclass(value) and type(value).__module__.endswith("loops.progress"):
            _to_zero(value)
        elif hasattr(value, "restarting") and value is not loop:  # a loop inside of it
            _reset_loop(value)


def _to_zero(progress: Any) -> None:
    for field in dataclasses.fields(progress):
        value = getattr(progress, field.name)
        if dataclasses.is_dataclass(value):
            _to_zero(value)
        elif isinstance(value, int):  # counts, and `is_last_batch`
            setattr(progress, field.name, type(value)())


class CallbackStates:
    """What callbacks remember, to be put back: the patience of early stopping, the best model.

    Those that define `state_dict` are kept, which is how Lightning marks a callback that has a
    state. The copies are of all their attributes, since not all are in that state.

    Args:
        callbacks: Of a trainer that has not been used.

    Example:
        >>> from lightning.pytorch.callbacks import EarlyStopping
        >>> stopping = EarlyStopping("val_loss")
        >>> states = CallbackStates([stopping])
        >>> stopping.wait_count = 3
        >>> states.restore()
        >>> stopping.wait_count
        0
    """

    def __init__(self, callbacks: Any) -> None:
        self._states = [
            (callback, copy.deepcopy(vars(callback)))
            for callback in callbacks
            if _has_state(callback)
        ]

    def restore(self) -> None:
        """Put the callbacks back to where they were."""
        for callback, state in self._states:
            vars(callback).clear()
            vars(callback).update(copy.deepcopy(state))


def _has_state(callback: Any) -> bool:
    owner = next(base for base in type(callback).__mro__ if "state_dict" in vars(base))
    return owner.__name__ != "Callback"


class Resetting:
    """A callback that has each `fit` start from the same weights, and train all epochs again.

    What other callbacks remember is put back, too, so that `EarlyStopping` and `ModelCheckpoint`
    do in each `fit` what they do in the first. Lightning makes optimizers and schedulers anew. A
    checkpoint that `fit` is told to go on from has the last word.

    Args:
        weights: What `module.state_dict()` gave; it is copied.

    Raises:
        InvalidTypeError: `weights` are no dict.

    Example:
        >>> from baal.lightning import ResetCallback
        >>> import lightning.pytorch as pl
        >>> module = pl.LightningModule()
        >>> trainer = pl.Trainer(
        ...     accelerator="cpu", logger=False, callbacks=[ResetCallback(module.state_dict())]
        ... )
    """

    def __init__(self, weights: Mapping[str, Any]) -> None:
        if not isinstance(weights, Mapping):
            raise InvalidTypeError(
                "Expected `weights` to be what `state_dict()` gives, but got "
                f"{type(weights).__name__}"
            )
        super().__init__()
        self.weights = copy.deepcopy(dict(weights))
        self._others: CallbackStates | None = None

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Called by the trainer before anything is trained.

        Args:
            trainer: The trainer.
            pl_module: Its module.
            stage: Only `"fit"` matters.
        """
        if stage != "fit":
            return
        if self._others is None:
            self._others = CallbackStates(one for one in trainer.callbacks if one is not self)
        else:
            self._others.restore()
        reset_progress(trainer)
        pl_module.load_state_dict(self.weights)
