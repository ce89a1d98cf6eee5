"""Lightning has two import names whose classes do not mix: which of them is in use."""

import sys
from importlib.util import find_spec
from typing import Any

__all__ = ["FRAMEWORKS", "framework_in_use", "framework_of", "home_in_use"]

# Import name of the framework -> where baal's classes for it live.
FRAMEWORKS = {
    "lightning.pytorch": "baal.lightning.unified",
    "pytorch_lightning": "baal.lightning.standalone",
}


def framework_in_use() -> str:
    """The import name that fits the program.

    Returns:
        The one that was imported already, `lightning.pytorch` if both were; else the one that is
        installed, `lightning.pytorch` if both or none are.

    Example:
        >>> framework_in_use() in FRAMEWORKS
        True
    """
    for name in FRAMEWORKS:
        if sys.modules.get(name) is not None:
            return name
    for name in FRAMEWORKS:
        if find_spec(name.split(".", maxsplit=1)[0]) is not None:
            return name
    return next(iter(FRAMEWORKS))


def home_in_use() -> str:
    """The module of baal's classes for `framework_in_use()`.

    Returns:
        Its dotted name.

    Example:
        >>> home_in_use() in FRAMEWORKS.values()
        True
    """
    return FRAMEWORKS[framework_in_use()]


def framework_of(thing: Any) -> str | None:
    """Of which import name something is.

    Args:
        thing: A module, a trainer, a data module or a callback, of Lightning or made of it.

    Returns:
        A key of `FRAMEWORKS`; None if it is nothing of Lightning.

    Example:
        >>> import lightning.pytorch as pl
        >>> framework_of(pl.LightningModule()), framework_of("a model")
        ('lightning.pytorch', None)
    """
    for base in type(thing).__mro__:
        for name in FRAMEWORKS:
            if base.__module__ == name or base.__module__.startswith(f"{name}."):
                return name
    return None
