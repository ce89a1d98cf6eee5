"""Labels that come in by item, late, out of order or twice: which are new, and which differ."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from baal.active.dataset.indices import IndexArray
from baal.active.dataset.label_map import LabelMap
from baal.active.dataset.values import UNKNOWN, value_digests
from baal.exceptions import InvalidArgumentError

__all__ = ["Answers", "sort_answers"]

_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Answers:
    """What is left to do about labels that came in.

    Attributes:
        new: Dataset indices `[k]` of items to label, in the order in which they came.
        new_values: Their values `[k]`, if any came.
        other: Dataset indices `[j]` of labelled items that have another value, or perhaps so.
        other_values: The values `[j]` that came for them.

    Example:
        >>> none = np.empty(0, dtype=np.int64)
        >>> Answers(none, None, none, None).new_values is None
        True
    """

    new: IndexArray
    new_values: list[Any] | None
    other: IndexArray
    other_values: list[Any] | None


def sort_answers(
    labels: LabelMap, indices: IndexArray, values: list[Any] | None, *, compare: bool
) -> Answers:
    """Sort labels that came in into new ones, the same again, and other ones.

    Args:
        labels: What is labelled, with digests of its values.
        indices: Dataset indices `[k]`; one may come twice.
        values: The values `[k]`, if any came.
        compare: Whether values count: False where they are not stored.

    Returns:
        The new and the other ones; the same again are left out.

    Raises:
        InvalidArgumentError: An index comes twice with values that differ, or cannot be compared.

    Example:
        >>> labels = LabelMap([0, 1], digests=value_digests(["cat"], 1))
        >>> answers = sort_answers(labels, np.array([1, 0]), ["cat", "dog"], compare=True)
        >>> answers.new, answers.new_values, len(answers.other)
        (array([0]), ['dog'], 0)
    """
    digests = value_digests(values if compare else None, len(indices))
    _, first, which = np.unique(indices, return_index=True, return_inverse=True)
    if values is not None and compare and len(first) < len(indices):
        of_first = first[which.reshape(-1)]
        differ = (digests != digests[of_first]) | (digests == UNKNOWN)
        differ &= of_first != np.arange(len(indices))
        if differ.any():
            raise InvalidArgumentError(
                "Expected one value for each item, but got several that differ for the dataset "
                f"indices {sorted(set(indices[differ].tolist()))[:_SHOWN]}"
            )
    first = np.sort(first)
    labelled = labels.are_labelled(indices[first])
    new, again = first[~labelled], first[labelled]
    if values is None or not compare:
        again = again[:0]
    other = again[~labels.have_values(indices[again], digests[again])]
    return Answers(indices[new], _take(values, new), indices[other], _take(values, other))


def _take(values: list[Any] | None, places: IndexArray) -> list[Any] | None:
    """The values at some places, if there are any."""
    return None if values is None else [values[place] for place in places.tolist()]
