"""Pointing a warning at the user's own line."""

import sys

__all__ = ["level_outside_baal"]


def level_outside_baal() -> int:
    """The `stacklevel` at which a warning points to the first caller outside of `baal`.

    Python shows a `DeprecationWarning` only where it points at the user's own script, and from
    the depths of the library no fixed number would.

    Returns:
        What to pass as `stacklevel` to a `warnings.warn` in the function that calls this.

    Example:
        >>> level_outside_baal() >= 1
        True
    """
    frame = sys._getframe(1)  # noqa: SLF001 - the only way below Python 3.12
    level = 1
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
        level += 1
    return level


def _is_ours(module: str) -> bool:
    return module == "baal" or module.startswith("baal.")
