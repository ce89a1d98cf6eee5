"""Names of items that outlive any order: file names, keys of a database."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from baal.active.dataset.indices import IndexArray
from baal.exceptions import InvalidArgumentError, InvalidIndexError, InvalidTypeError

__all__ = ["ItemId", "ItemIds"]

ItemId: TypeAlias = str | int
"""The name of an item, that stays when items move."""

_CHUNK = 10_000  # ids put into the digest at once
_SHOWN = 5


class ItemIds(Sequence[ItemId]):
    """The id of each item, by dataset index, and the way back.

    The way back is a sorted array of hashes: 16 bytes an item beside the ids themselves, where a
    dict would take about a hundred.

    Args:
        ids: Strings or integers `[n_items]`, all different.
        n_items: How many there must be; None: as many as there are.

    Raises:
        InvalidTypeError: An id is neither a string nor an integer, or `ids` is one string or a set.
        InvalidArgumentError: There are more or fewer than `n_items`, or one comes twice.

    Example:
        >>> ids = ItemIds(["cat.png", "dog.png", "emu.png"])
        >>> ids[2], ids.positions(["emu.png", "cat.png"])
        ('emu.png', array([2, 0]))
    """

    def __init__(self, ids: Any, n_items: int | None = None) -> None:
        self._ids = [_to_id(one) for one in _to_list(ids)]
        if n_items is not None and len(self._ids) != n_items:
            raise InvalidArgumentError(
                f"Expected `item_ids` to have one id for each of the {n_items} items, "
                f"but got {len(self._ids)}"
            )
        hashes = _hash(self._ids)
        self._order: NDArray[np.int64] = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._order]
        self._check_distinct()

    def _check_distinct(self) -> None:
        """Equal ids have equal hashes, which are neighbours now."""
        equal = np.flatnonzero(self._hashes[1:] == self._hashes[:-1]).tolist()
        if not equal:
            return
        # Two ids that differ may share a hash, so the ids themselves decide.
        suspects = sorted({int(self._order[place + after]) for place in equal for after in (0, 1)})
        seen: set[ItemId] = set()
        for index in suspects:
            if self._ids[index] in seen:
                raise InvalidArgumentError(
                    f"Expected `item_ids` to be all different, but got {self._ids[index]!r} twice"
                )
            seen.add(self._ids[index])

    def __len__(self) -> int:
        """Number of items."""
        return len(self._ids)

    @overload
    def __getitem__(self, index: int) -> ItemId: ...

    @overload
    def __getitem__(self, index: slice) -> list[ItemId]: ...

    def __getitem__(self, index: int | slice) -> ItemId | list[ItemId]:
        """The id at a dataset index, or a list of those in a slice."""
        return self._ids[index]

    def __iter__(self) -> Iterator[ItemId]:
        return iter(self._ids)

    def __contains__(self, item_id: object) -> bool:
        """Whether an item has this id."""
        try:
            self.positions([item_id])
        except (InvalidIndexError, InvalidTypeError):
            return False
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        # Hashes of strings differ from process to process.
        return ItemIds, (self._ids,)

    def take(self, indices: IndexArray) -> list[ItemId]:
        """The ids of several items.

        Args:
            indices: Dataset indices `[k]`.

        Returns:
            Their ids, in the same order.
        """
        return [self._ids[index] for index in indices.tolist()]

    def positions(self, ids: Any) -> IndexArray:
        """Dataset indices of ids.

        Args:
            ids: One id, or a list, tuple or array of them, `[k]`; one may come twice.

        Returns:
            Their dataset indices `[k]`.

        Raises:
            InvalidTypeError: An id is neither a string nor an integer, or `ids` is a set.
            InvalidIndexError: No item has such an id.
        """
        wanted = [_to_id(one) for one in _to_list(ids, one_is_enough=True)]
        hashes = _hash(wanted)
        places = np.searchsorted(self._hashes, hashes).tolist()
        found = [
            self._find(item_id, place, value)
            for item_id, place, value in zip(wanted, places, hashes.tolist(), strict=True)
        ]
        unknown = [one for one, index in zip(wanted, found, strict=True) if index is None]
        if unknown:
            more = f", ...] ({len(unknown)} in all)" if len(unknown) > _SHOWN else "]"
            raise InvalidIndexError(
                "Expected `ids` to be ids of items of this dataset, "
                f"but got [{', '.join(map(repr, unknown[:_SHOWN]))}{more}"
            )
        return np.array(found, dtype=np.int64)

    def _find(self, item_id: ItemId, place: int, value: int) -> int | None:
        """Dataset index of an id, looked for among those of its hash; None: there is none."""
        while place < len(self._hashes) and self._hashes[place] == value:
            index = int(self._order[place])
            if self._ids[index] == item_id:
                return index
            place += 1
        return None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all ids in their order, as hexadecimal digits."""
        digest = hashlib.sha256()
        for start in range(0, len(self._ids), _CHUNK):
            digest.update(json.dumps(self._ids[start : start + _CHUNK]).encode())
        return digest.hexdigest()


def _hash(ids: list[ItemId]) -> NDArray[np.int64]:
    """Python's own hashes `[k]`."""
    return np.fromiter(map(hash, ids), dtype=np.int64, count=len(ids))


def _to_list(ids: Any, *, one_is_enough: bool = False) -> list[Any]:
    """The ids as a list; a string is one id, not its letters."""
    if isinstance(ids, (str, int, np.integer)):
        if one_is_enough:
            return [ids]
    elif isinstance(ids, ItemIds):
        return list(ids)
    elif hasattr(ids, "tolist"):
        listed = ids.tolist()
        return listed if isinstance(listed, list) else [listed]
    elif hasattr(ids, "__iter__") and not isinstance(ids, (bytes, dict, set, frozenset)):
        # Not of a set: its order is any, and labels would go to any item.
        return list(ids)
    raise InvalidTypeError(
        f"Expected ids to be a sequence of strings or integers, but got {str(ids)[:80]!r} "
        f"of type {type(ids).__name__}"
    )


def _to_id(one: Any) -> ItemId:
    """An id as a plain string or integer."""
    if type(one) is str:
        return one
    if isinstance(one, str):
        return str(one)
    if isinstance(one, (int, np.integer)) and not isinstance(one, bool):
        return int(one)
    raise InvalidTypeError(
        f"Expected an item's id to be a string or an integer, but got {one!r} "
        f"of type {type(one).__name__}"
    )
