"""Logging: structlog events over the standard library's logger `baal`, silent until turned on.

Nothing is configured at import. The library's events obey whatever the application has set up for
the standard library's loggers; `set_logger_config` is a convenience for scripts and notebooks.
"""

import logging
import sys
from collections.abc import MutableMapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

__all__ = ["get_logger", "set_logger_config"]

LOGGER_NAME = "baal"


@cache
def get_logger() -> "BoundLogger":
    """The library's logger: key-value events, rendered into one line for the standard library.

    Returns:
        A structlog logger around `logging.getLogger("baal")`. It ignores `structlog.configure`,
        since an unconfigured structlog would print to standard output.

    Example:
        >>> get_logger().debug("pool scored", n_pool=3, heuristic="bald")
    """
    # Imported late: structlog alone would cost more than the whole of `import baal` may.
    import structlog

    def to_line(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
        text = str(event.pop("event", ""))
        return " ".join([text, *(f"{key}={value!r}" for key, value in event.items())])

    logger = logging.getLogger(LOGGER_NAME)
    logger.addHandler(logging.NullHandler())
    bound: BoundLogger = structlog.wrap_logger(
        logger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.format_exc_info,
            to_line,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return bound


def set_logger_config(level: int = logging.INFO) -> None:
    """Show the library's log on standard error, one readable line per event.

    Only the logger named `baal` is touched. Calling it again changes the level and nothing else.

    Args:
        level: A level of the standard library, such as `logging.DEBUG`.

    Example:
        >>> set_logger_config(logging.WARNING)
    """
    logger = logging.getLogger(LOGGER_NAME)
    logger.setLevel(level)
    if not any(type(handler) is logging.StreamHandler for handler in logger.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")
        )
        logger.addHandler(handler)
        logger.propagate = False
