"""Labels of texts: class names, class indices, or one of them for each token."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["IGNORED", "LabelKind", "align", "describe_labels"]

IGNORED = -100  # what torch's cross-entropy and Hugging Face leave out of the loss

_BLOCK = 10_000  # rows of a column read at once
_UNKNOWN = (-1, IGNORED)  # -1 is how Hugging Face marks the hidden labels of a test set


@dataclass(frozen=True)
class LabelKind:
    """What the labels of a column are.

    Attributes:
        names: The class names, in the order of their indices; None: classes have no names.
        token_level: Whether an item has one label for each token.
        n_classes: Number of classes known from the column.

    Example:
        >>> kind = LabelKind(("neg", "pos"), token_level=False, n_classes=2)
        >>> kind.encode("pos"), kind.encode(0), kind.encode(None)
        (1, 0, None)
    """

    names: tuple[str, ...] | None
    token_level: bool
    n_classes: int

    def encode(self, value: Any) -> int | list[int] | None:
        """A label as numbers.

        Args:
            value: A class name or index; for token-level labels a sequence of them. None or -1 is
                unknown, -100 also, and so it is for single tokens.

        Returns:
            The class index, a list of them with -100 for unknown tokens, or None for unknown.

        Raises:
            InvalidArgumentError: There is no such class, or one label came for a sequence of
                tokens or the other way round.
            InvalidTypeError: `value` is neither a name nor an index.
        """
        value = value.tolist() if hasattr(value, "tolist") else value  # arrays and tensors
        is_sequence = isinstance(value, Sequence) and not isinstance(value, str)
        if is_sequence and self.token_level:
            codes = [self._encode_one(one) for one in value]
            return [IGNORED if code is None else code for code in codes]
        code = None if is_sequence else self._encode_one(value)
        if is_sequence or (self.token_level and code is not None):
            expected = "one label for each token" if self.token_level else "a single label"
            raise InvalidArgumentError(f"Expected `value` to be {expected}, but got {value!r}")
        return code

    def _encode_one(self, value: Any) -> int | None:
        if value is None:
            return None
        if isinstance(value, str):
            if self.names is None or value not in self.names:
                raise InvalidArgumentError(
                    f"Expected `value` to be {self._known()}, but got {value!r}"
                )
            return self.names.index(value)
        if not isinstance(value, (int, np.integer)):
            raise InvalidTypeError(
                f"Expected `value` to be a class name or index, but got {value!r} of type "
                f"{type(value).__name__}"
            )
        if value in _UNKNOWN:
            return None
        if value < 0 or (self.names is not None and value >= len(self.names)):
            raise InvalidArgumentError(f"Expected `value` to be {self._known()}, but got {value}")
        return int(value)

    def _known(self) -> str:
        if self.names is None:
            return "a class index, since the classes have no names (see `classes`)"
        return f"one of the {len(self.names)} classes {list(self.names)[:20]} or its index"


def describe_labels(
    dataset: Any,
    key: str,
    classes: Sequence[str] | None = None,
    token_level: bool | None = None,
) -> LabelKind:
    """Find out what the labels of a column are.

    Names come from `classes`, from the features of a Hugging Face dataset (`ClassLabel`), or, where
    the column holds strings, from the column: these in alphabetical order. Without the first two
    the column is read once.

    Args:
        dataset: A Hugging Face dataset, or a map-style dataset of dicts.
        key: The column.
        classes: The class names, in the order of their indices.
        token_level: Whether an item has one label for each token; None: the column tells.

    Returns:
        The kind.

    Raises:
        InvalidArgumentError: There is no such column, it mixes names and indices, or a name comes
            twice in `classes`.
        InvalidTypeError: It holds something else than class names and indices, or `classes` is no
            sequence of strings.

    Example:
        >>> describe_labels([{"label": "pos"}, {"label": None}, {"label": "neg"}], "label")
        LabelKind(names=('neg', 'pos'), token_level=False, n_classes=2)
    """
    names = None if classes is None else _check_names(classes)
    feature: Any = (getattr(dataset, "features", None) or {}).get(key)
    nested = False
    while isinstance(feature, list) or hasattr(feature, "feature"):
        feature = feature[0] if isinstance(feature, list) else feature.feature
        nested = True
    if token_level is None and feature is not None:
        token_level = nested
    if names is None and getattr(feature, "names", None):
        names = tuple(feature.names)
    if names is not None and token_level is not None:
        return LabelKind(names, token_level, len(names))
    found, seen_sequence = _distinct(dataset, key, stop_early=names is not None)
    token_level = seen_sequence if token_level is None else token_level
    if names is None and any(isinstance(one, str) for one in found):
        if not all(isinstance(one, str) for one in found):
            raise InvalidArgumentError(
                f"Expected the column {key!r} to hold class names or indices, but got both"
            )
        names = tuple(sorted(found))
    if names is not None:
        return LabelKind(names, token_level, len(names))
    kind = LabelKind(None, token_level, 0)
    codes = [code for code in map(kind._encode_one, found) if code is not None]  # noqa: SLF001
    return LabelKind(None, token_level, 1 + max(codes, default=-1))


def align(labels: Sequence[int], positions: NDArray[Any]) -> NDArray[np.int64]:
    """Put the labels of words at their tokens.

    Args:
        labels: One for each word, at least as many as `positions` points at.
        positions: `[L]`, for each token which label it takes; -1 for none.

    Returns:
        `[L]`, -100 where there is none.

    Example:
        >>> align([3, 5], np.array([-1, 0, -1, 1, -1]))
        array([-100,    3, -100,    5, -100])
    """
    aligned = np.full(len(positions), IGNORED, dtype=np.int64)
    taken = positions >= 0
    aligned[taken] = np.asarray(labels, dtype=np.int64)[positions[taken]]
    return aligned


def _check_names(classes: Any) -> tuple[str, ...]:
    """Class names whose place is their index, so that their order counts and none comes twice."""
    names: tuple[Any, ...] = tuple(classes)
    unordered = isinstance(classes, (str, set, frozenset))
    if unordered or not all(isinstance(name, str) for name in names):
        raise InvalidTypeError(
            f"Expected `classes` to be a sequence of class names, but got {str(classes)[:80]!r} "
            f"of type {type(classes).__name__}"
        )
    if len(set(names)) < len(names):
        raise InvalidArgumentError(
            f"Expected `classes` to be all different, but got {str(classes)[:80]}"
        )
    return names


def _distinct(dataset: Any, key: str, *, stop_early: bool) -> tuple[set[Any], bool]:
    """The labels that occur in a column, and whether they come in sequences."""
    found: set[Any] = set()
    seen_sequence = False
    for value in _column(dataset, key):
        value = value.tolist() if hasattr(value, "tolist") else value
        is_sequence = isinstance(value, Sequence) and not isinstance(value, str)
        seen_sequence = seen_sequence or is_sequence
        try:
            found.update(value if is_sequence else (value,))
        except TypeError:  # not hashable
            raise InvalidTypeError(
                f"Expected the column {key!r} to hold class names or indices, or sequences of "
                f"them, but got {str(value)[:80]}"
            ) from None
        if stop_early and value is not None:
            break
    found.discard(None)
    return found, seen_sequence


def _column(dataset: Any, key: str) -> Iterable[Any]:
    """A column, read as it is gone through; of a Hugging Face dataset no other column is."""
    if not hasattr(dataset, "column_names"):
        return (dataset[index][key] for index in range(len(dataset)))
    column = dataset[key]  # iterating over it would decode row by row, a thousand times slower
    return (
        value
        for start in range(0, len(dataset), _BLOCK)
        for value in column[start : start + _BLOCK]
    )
