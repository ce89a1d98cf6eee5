"""Rows of a label store as columns, to be written and as they are read back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from baal.active.label_store.schema import KINDS

__all__ = ["Encoded", "Entry", "Events", "Facts", "Kind", "code_of"]

Kind: TypeAlias = Literal[
    "label", "unlabel", "relabel", "propose", "withdraw", "cannot_label", "reset"
]
Encoded: TypeAlias = tuple[str, bytes | None]  # JSON and NPZ of a value

_CODES = {kind: code for code, kind in enumerate(KINDS)}


def code_of(kind: str) -> int:
    """The number that stands for a kind in `Events.kinds`.

    Args:
        kind: Its name.

    Returns:
        Its place in `KINDS`.

    Example:
        >>> code_of("unlabel")
        1
    """
    return _CODES[kind]


@dataclass(frozen=True)
class Facts:
    """What the labels of a store are of.

    Attributes:
        n_items: Number of items of the dataset.
        item_ids: SHA-256 over their ids; None where they have none.
        validation_split: Share of the labelled items to set aside.
        validation_seed: Seed of its draws.

    Example:
        >>> Facts(10, None, 0.0, 0).n_items
        10
    """

    n_items: int
    item_ids: str | None
    validation_split: float
    validation_seed: int


@dataclass(frozen=True)
class Entry:
    """What one call does to some items; every sequence has one entry for each of them.

    Attributes:
        kind: What is done.
        indices: Dataset indices `[k]`.
        step: The step counter afterwards; or one for each.
        item_ids: Ids, if the items have any.
        values: Values, as JSON and NPZ.
        labelled_at: The steps that had labelled them.
        validation: Whether each is set aside for validation.
        scores: What they were chosen for; None or NaN: nothing.

    Example:
        >>> Entry("label", [3], 1, values=[("7", None)]).kind
        'label'
    """

    kind: Kind
    indices: Sequence[int]
    step: int | Sequence[int]
    item_ids: Sequence[Any] | None = None
    values: Sequence[Encoded | None] | None = None
    labelled_at: Sequence[int] | None = None
    validation: Sequence[bool] | None = None
    scores: Sequence[float | None] | None = None


@dataclass(frozen=True, eq=False)
class Events:
    """Rows of a store in the order in which they were written; arrays `[k]`.

    Attributes:
        last: The number of the last row of the store.
        calls: Number of the call; 0: labelled from the start.
        kinds: Codes, places in `KINDS`.
        indices: Dataset indices; -1 for a reset.
        steps: The step counter after the call.
        labelled_at: The step of the label that is taken away or given another value; else 0.
        validation: Whether it was set aside for validation.
        scores: What it was chosen for; NaN: nothing.
        values: JSON and NPZ, or None.

    Example:
        >>> len(Events.of([], 0))
        0
    """

    last: int
    calls: NDArray[np.int64]
    kinds: NDArray[np.int8]
    indices: NDArray[np.int64]
    steps: NDArray[np.int32]
    labelled_at: NDArray[np.int32]
    validation: NDArray[np.bool_]
    scores: NDArray[np.float64]
    values: list[Encoded | None]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.calls)

    @classmethod
    def of(cls, rows: list[tuple[Any, ...]], last: int) -> "Events":
        """Columns from rows.

        Args:
            rows: Call, kind, dataset index, step, `labelled_at`, validation, score, value, blob.
            last: The number of the last row of the store.

        Returns:
            The columns.
        """
        call, kind, index, step, at, aside, score, value, blob = (
            zip(*rows, strict=True) if rows else ((),) * 9
        )
        n = len(rows)
        return cls(
            last,
            np.fromiter(call, np.int64, n),
            np.fromiter(map(_CODES.__getitem__, kind), np.int8, n),
            np.fromiter((-1 if one is None else one for one in index), np.int64, n),
            np.fromiter(step, np.int32, n),
            np.fromiter((one or 0 for one in at), np.int32, n),
            np.fromiter(map(bool, aside), np.bool_, n),
            np.array(score, dtype=np.float64),
            [None if text is None else (text, b) for text, b in zip(value, blob, strict=True)],
        )

    @classmethod
    def join(cls, parts: "list[Events]") -> "Events":
        """Several pieces as one.

        Args:
            parts: At least one, in their order.

        Returns:
            All rows.
        """
        if len(parts) == 1:
            return parts[0]
        columns = map(np.concatenate, zip(*map(_columns, parts), strict=True))
        values = [one for part in parts for one in part.values]
        attributes: tuple[Any, ...] = (*columns, values)
        return cls(parts[-1].last, *attributes)

    def after_reset(self) -> "tuple[Events, bool]":
        """The rows since everything was forgotten, and whether it was.

        Returns:
            Rows, of which none is a reset, and True if there was one.
        """
        resets = np.flatnonzero(self.kinds == code_of("reset"))
        if not len(resets):
            return self, False
        rest = slice(int(resets[-1]) + 1, None)
        columns = (column[rest] for column in _columns(self))
        attributes: tuple[Any, ...] = (*columns, self.values[rest])
        return Events(self.last, *attributes), True


def _columns(events: Events) -> tuple[Any, ...]:
    """The arrays `[k]`, in the order of the attributes."""
    names = ("calls", "kinds", "indices", "steps", "labelled_at", "validation", "scores")
    return tuple(getattr(events, name) for name in names)
