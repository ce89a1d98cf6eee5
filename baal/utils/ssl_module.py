"""Old import path of `SSLModule`, which lives in `baal.lightning`, of the import name in use."""

from baal.lightning import SSLModule

__all__ = ["SSLModule"]
