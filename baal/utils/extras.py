"""Optional dependencies: imported where they are used, with an error that says how to get them."""

from importlib import import_module
from types import ModuleType

from baal.exceptions import MissingExtraError

__all__ = ["require_extra"]


def require_extra(module: str, extra: str) -> ModuleType:
    """Import an optional dependency, or say which extra of `baal` brings it.

    Args:
        module: Dotted name of the module to import, such as `"matplotlib.pyplot"`.
        extra: The extra of `baal` that installs it, such as `"plot"`.

    Returns:
        The imported module.

    Raises:
        MissingExtraError: The module is not installed.

    Example:
        >>> require_extra("json", "plot").dumps([1, 2])
        '[1, 2]'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        # A module that is there but lacks one of its own dependencies is that module's own error.
        if error.name is None or error.name.split(".")[0] != module.split(".", maxsplit=1)[0]:
            raise
        raise MissingExtraError(
            f"Expected `{module}` to be installed, but it is not: it comes with the extra "
            f"`{extra}`. From a checkout of baal: pip install '.[{extra}]'"
        ) from error
