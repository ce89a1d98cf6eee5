"""Every error that `baal` raises on purpose.

```
BaalError
├── InvalidArgumentError   (ValueError)    a value, shape or combination of arguments is wrong
├── InvalidTypeError       (TypeError)     an argument is of a kind that cannot work
├── InvalidIndexError      (IndexError)    an index outside of the dataset or of its pool
├── StateError             (RuntimeError)  the right call at the wrong moment
├── UnreadableFileError    (OSError)       a file of a dataset is missing or broken
├── LabelStoreError        (OSError)       a label store cannot be opened, read or written
└── MissingExtraError      (ImportError)   an optional dependency is not installed
```

Each derives from the built-in error a caller would expect as well, so that `except ValueError`
in an existing script goes on working. Errors raised inside a user's model or dataset are never
wrapped.

Messages read "Expected `argument` to be …, but got …".
"""

__all__ = [
    "BaalError",
    "InvalidArgumentError",
    "InvalidIndexError",
    "InvalidTypeError",
    "LabelStoreError",
    "MissingExtraError",
    "StateError",
    "UnreadableFileError",
]


class BaalError(Exception):
    """Base of every error that `baal` raises on purpose."""


class InvalidArgumentError(BaalError, ValueError):
    """A value, a shape or a combination of arguments is wrong."""


class InvalidTypeError(BaalError, TypeError):
    """An argument is of a kind that cannot work."""


class InvalidIndexError(BaalError, IndexError):
    """An index lies outside of the dataset or of its pool, or comes twice."""


class StateError(BaalError, RuntimeError):
    """The call is right, but not at this moment: nothing is labelled yet, say."""


class UnreadableFileError(BaalError, OSError):
    """A file of a dataset is missing or broken; the message names it."""


class LabelStoreError(BaalError, OSError):
    """A label store cannot be opened, read or written; nothing of the call was stored."""


class MissingExtraError(BaalError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""
