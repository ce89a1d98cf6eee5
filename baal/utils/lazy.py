"""Lazy façades: public names that are imported from their home on first use (PEP 562)."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_attributes"]


def lazy_attributes(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Build the `__getattr__` and `__dir__` of a package whose names live in other modules.

    Args:
        package: `__name__` of the package.
        homes: Public name to the dotted module that defines it.

    Returns:
        `(__getattr__, __dir__)`, to be assigned to these names in the package.

    Raises:
        AttributeError: By the returned `__getattr__`, for a name that the package does not have.

    Example:
        >>> getattr_, dir_ = lazy_attributes("mypackage", {"sqrt": "math"})
        >>> getattr_("sqrt")(9)
        3.0
        >>> dir_()
        ['sqrt']
    """

    def __getattr__(name: str) -> Any:  # noqa: N807 - it becomes the module's own
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    def __dir__() -> list[str]:  # noqa: N807
        return sorted(homes)

    return __getattr__, __dir__
