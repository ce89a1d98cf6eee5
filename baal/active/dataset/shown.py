"""Which labelled items a dataset shows: not those set aside, and those of the last steps only."""

from bisect import bisect_right
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baal.active.dataset.indices import IndexArray
from baal.active.dataset.sorted_arrays import find, is_in, read_only

__all__ = ["Shown"]


class Shown:
    """The labelled items of one map that a dataset shows; never changes.

    Args:
        labelled: Dataset indices `[n_labelled]`, ascending.
        steps: The step that labelled each, `[n_labelled]`.
        step: The step counter.
        aside: Dataset indices `[k]`, ascending, of items set aside, labelled or not.

    Attributes:
        validation_indices: Dataset indices `[n_aside]` of the labelled items set aside, ascending.
        n_aside: Their number.

    Example:
        >>> shown = Shown(np.array([2, 5, 7]), np.array([1, 1, 2]), 2, np.array([5]))
        >>> shown.recent(-1), shown.item(1, -1), shown.count(1)
        (array([2, 7]), 7, 1)
    """

    def __init__(
        self, labelled: NDArray[Any], steps: NDArray[np.int32], step: int, aside: IndexArray
    ) -> None:
        self._labelled, self._steps, self._step = labelled, steps, step
        self.validation_indices: IndexArray = read_only(aside[is_in(aside, labelled)])
        # The same memory: single items come out as plain integers, in half the time.
        self._labelled_view: memoryview[int] = labelled.data
        self.n_aside = len(self.validation_indices)
        self._recent: dict[int, NDArray[Any]] = {}

    def recent(self, last_steps: int) -> NDArray[Any]:
        """Dataset indices `[k]`, ascending, of what the last steps labelled; read-only.

        Args:
            last_steps: How many steps to look back, the current one included; -1 for all.

        Returns:
            Dataset indices of the items labelled at a step above `step - last_steps`, without
            those set aside.
        """
        if last_steps == -1:
            # Not kept where some are set aside: single items are found without it.
            return read_only(self._without_aside(self._labelled))
        if last_steps not in self._recent:
            keep = self._without_aside(self._steps) > self._step - last_steps
            self._recent[last_steps] = read_only(self._without_aside(self._labelled)[keep])
        return self._recent[last_steps]

    def count(self, last_steps: int) -> int:
        """How many items `recent` gives.

        Args:
            last_steps: As in `recent`.

        Returns:
            Their number.
        """
        if last_steps == -1:
            return len(self._labelled) - self.n_aside
        return len(self.recent(last_steps))

    def item(self, position: int, last_steps: int) -> int:
        """Dataset index of one of the items that `recent` gives.

        Args:
            position: Its position among them, known to be in range.
            last_steps: As in `recent`.

        Returns:
            Its dataset index.
        """
        if last_steps != -1:
            return int(self.recent(last_steps)[position])
        if self.n_aside:
            position += bisect_right(self._shown_before, position)
        return self._labelled_view[position]

    @cached_property
    def _shown_before(self) -> "memoryview[int]":
        """How many shown items come before each that is set aside, `[n_aside]`."""
        places = find(self.validation_indices, self._labelled)[0]
        return (places - np.arange(len(places))).astype(self._labelled.dtype).data

    def _without_aside(self, values: NDArray[Any]) -> NDArray[Any]:
        """What belongs to the items that are not set aside, from values `[n_labelled]`."""
        if not self.n_aside:
            return values
        return np.delete(values, find(self.validation_indices, self._labelled)[0])
