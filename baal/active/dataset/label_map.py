"""Which item was labelled at which step: pure bookkeeping, no data and no torch.

Only the labelled items are stored, sorted by dataset index. With a few of ten million labelled,
a label then costs what the few cost, and a process that is sent a pool receives the few:

- the labelled item `j` is `L[j]`;
- before it come `G[j] = L[j] - j` unlabelled ones, so the pool item `p` is dataset index
  `p + #{j: G[j] <= p}`, a binary search;
- the dataset index `d` of an unlabelled item is the pool item `d - #{j: L[j] < d}`, another one.

A map never changes: labelling and un-labelling give a new one. What was handed out stays as it
was, nothing cached can go stale, and a failure half-way leaves the old map in place.

Below 2**31 items the indices that are kept take four bytes each, not eight: 8 bytes for a labelled
item, 4 more once the pool was read from. Dense views, made when they are asked for, take 1 byte an
item (`labelled`), 4 (`steps`), or 8 for each one in the pool (`pool_indices`).
"""

from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baal.active.dataset.indices import IndexArray, to_position, to_steps
from baal.active.dataset.shown import Shown
from baal.active.dataset.sorted_arrays import find, gaps_before, is_in, read_only
from baal.active.dataset.values import UNKNOWN
from baal.exceptions import InvalidArgumentError, InvalidIndexError

__all__ = ["LabelMap", "map_of_labelled"]

_NONE: IndexArray = np.empty(0, dtype=np.int64)


class LabelMap:
    """The step at which each item was labelled, and both ways between the index spaces.

    Args:
        labelled: Step `[n_items]` by dataset index, 0 for an unlabelled item; or booleans, where
            True is step 1. It is copied.
        step: The step counter; by default the highest step in `labelled`.
        digests: Digests `[n_labelled]` of the values given for the labelled items, by ascending
            dataset index. None: no digests are kept.

    Raises:
        InvalidTypeError: `labelled` holds neither booleans nor integers.
        InvalidArgumentError: `labelled` is empty, not one-dimensional, or holds a negative step
            or one that does not fit into 32 bits; `step` is lower than the highest of them;
            there are more or fewer `digests` than labelled items.

    Example:
        >>> labels = LabelMap([0, 1, 0, 0]).label(np.array([3]))
        >>> labels.steps, labels.step
        (array([0, 1, 0, 2], dtype=int32), 2)
        >>> labels.pool_indices
        array([0, 2])
    """

    def __init__(
        self,
        labelled: Any,
        step: int | None = None,
        digests: NDArray[np.uint64] | None = None,
    ) -> None:
        steps = to_steps(labelled)
        highest = int(steps.max())
        step = highest if step is None else int(step)
        if not highest <= step < 2**31:
            raise InvalidArgumentError(
                f"Expected `step` to be at least {highest}, the highest step of a labelled item, "
                f"and below 2**31, but got {step}"
            )
        indices = np.flatnonzero(steps)
        if digests is not None and digests.shape != indices.shape:
            raise InvalidArgumentError(
                f"Expected `digests` to have one entry for each of the {len(indices)} labelled "
                f"items, but got the shape {list(digests.shape)}"
            )
        self._set(len(steps), indices, steps[indices], step, digests)

    def _set(
        self,
        n_items: int,
        indices: IndexArray,
        steps: NDArray[np.int32],
        step: int,
        digests: NDArray[np.uint64] | None,
        aside: IndexArray = _NONE,
    ) -> "LabelMap":
        """Fill a new map from checked parts: `indices` `[n_labelled]` ascending, the rest alike."""
        self.n_items = n_items
        self.step = step
        self._dtype = np.int32 if n_items < 2**31 else np.int64
        self.labelled_indices: NDArray[Any] = read_only(indices.astype(self._dtype, copy=False))
        self.labelled_steps: NDArray[np.int32] = read_only(steps)
        self.digests = digests if digests is None else read_only(digests)
        self._aside = aside
        self.n_labelled = len(indices)
        self.n_unlabelled = n_items - len(indices)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the caches: another process computes those that it needs.
        parts = (self.n_items, self.labelled_indices, self.labelled_steps, self.step)
        return map_of_labelled, (*parts, self.digests, self._aside)

    @cached_property
    def steps(self) -> NDArray[np.int32]:
        """Step `[n_items]` by dataset index, 0 for an unlabelled item; read-only."""
        steps = np.zeros(self.n_items, dtype=np.int32)
        steps[self.labelled_indices] = self.labelled_steps
        return read_only(steps)

    @cached_property
    def labelled(self) -> NDArray[np.bool_]:
        """Whether each item is labelled, `[n_items]` by dataset index; read-only."""
        labelled = np.zeros(self.n_items, dtype=np.bool_)
        labelled[self.labelled_indices] = True
        return read_only(labelled)

    @cached_property
    def pool_indices(self) -> IndexArray:
        """Dataset indices `[n_unlabelled]` of the pool, ascending; read-only."""
        return read_only(np.flatnonzero(~self.labelled).astype(np.int64, copy=False))

    @cached_property
    def _unlabelled_before(self) -> NDArray[Any]:
        """`G` `[n_labelled]` of the module's docstring: unlabelled items before each labelled."""
        return self.labelled_indices - np.arange(self.n_labelled, dtype=self._dtype)

    # The same memory as above: single items come out as plain integers, in half the time.
    @cached_property
    def _labelled_view(self) -> "memoryview[int]":
        return self.labelled_indices.data

    @cached_property
    def _before_view(self) -> "memoryview[int]":
        return self._unlabelled_before.data

    @cached_property
    def shown(self) -> Shown:
        """Which of the labelled items a dataset shows."""
        return Shown(self.labelled_indices, self.labelled_steps, self.step, self._aside)

    def is_labelled(self, index: int) -> bool:
        """Whether an item is labelled.

        Args:
            index: Dataset index.

        Returns:
            True if it is.

        Raises:
            InvalidTypeError: `index` is not an integer.
            InvalidIndexError: There is no such item; negative indices are none.
        """
        position = to_position(index, self.n_items, "dataset", from_end=False)
        place = bisect_left(self._labelled_view, position)
        return place < self.n_labelled and self._labelled_view[place] == position

    def pool_item(self, position: int) -> int:
        """Dataset index of one item of the pool.

        Args:
            position: Pool index, known to be in range.

        Returns:
            Its dataset index.
        """
        return position + bisect_right(self._before_view, position)

    def pool_to_dataset(self, indices: IndexArray) -> IndexArray:
        """Dataset indices of pool indices.

        Args:
            indices: Pool indices `[k]`, known to be in range.

        Returns:
            Their dataset indices `[k]`, in the same order.
        """
        if 64 * len(indices) < self.n_labelled:
            return indices + gaps_before(indices, self.labelled_indices)
        keys = indices.astype(self._dtype, copy=False)  # or the whole array is converted
        return indices + np.searchsorted(self._unlabelled_before, keys, side="right")

    def dataset_to_pool(self, indices: IndexArray) -> IndexArray:
        """Pool indices of dataset indices.

        Args:
            indices: Dataset indices `[k]`, known to be in range.

        Returns:
            Their pool indices `[k]`, in the same order.

        Raises:
            InvalidIndexError: One of the items is labelled, so that it is not in the pool.
        """
        return indices - self._places_of_unlabelled(indices)

    def label(self, indices: IndexArray, digests: NDArray[np.uint64] | None = None) -> "LabelMap":
        """A map in which these items are labelled too, one step later.

        Args:
            indices: Distinct dataset indices `[k]` known to be in range. None of them: the same
                map, and the step stays.
            digests: Digests `[k]` of their values, for a map that keeps them.

        Returns:
            The map afterwards; this one stays as it is.

        Raises:
            InvalidIndexError: One of the items is labelled already.
        """
        if len(indices) == 0:
            return self
        order = np.argsort(indices)
        places = self._places_of_unlabelled(indices)[order]
        steps = np.insert(self.labelled_steps, places, np.int32(self.step + 1))
        if self.digests is not None and digests is not None:
            digests = np.insert(self.digests, places, digests[order])
        return self._with(
            np.insert(self.labelled_indices, places, indices[order]), steps, self.step + 1, digests
        )

    def unlabel(self, indices: IndexArray) -> "LabelMap":
        """A map in which these items are not labelled; the step stays.

        Args:
            indices: Distinct dataset indices `[k]` known to be in range.

        Returns:
            The map afterwards; this one stays as it is.

        Raises:
            InvalidIndexError: One of the items is not labelled.
        """
        places = self._places_of_labelled(indices)
        return self._with(
            np.delete(self.labelled_indices, places),
            np.delete(self.labelled_steps, places),
            self.step,
            None if self.digests is None else np.delete(self.digests, places),
        )

    def relabel(self, indices: IndexArray, digests: NDArray[np.uint64] | None = None) -> "LabelMap":
        """A map in which these items have other values; their steps and the counter stay.

        Args:
            indices: Distinct dataset indices `[k]` known to be in range.
            digests: Digests `[k]` of their values, for a map that keeps them.

        Returns:
            The map afterwards; this one stays as it is.

        Raises:
            InvalidIndexError: One of the items is not labelled.
        """
        places = self._places_of_labelled(indices)
        if self.digests is None or digests is None:
            return self
        changed = self.digests.copy()
        changed[places] = digests
        return self._with(self.labelled_indices, self.labelled_steps, self.step, changed)

    def set_aside(self, indices: IndexArray) -> "LabelMap":
        """A map that does not show these items among the labelled ones.

        Args:
            indices: Dataset indices `[k]`, ascending, labelled or not.

        Returns:
            The map afterwards; this one stays as it is.
        """
        return self._with(
            self.labelled_indices, self.labelled_steps, self.step, self.digests, indices
        )

    def steps_of(self, indices: IndexArray) -> NDArray[np.int32]:
        """The steps of labelled items.

        Args:
            indices: Dataset indices `[k]` known to be in range.

        Returns:
            Steps `[k]`, in the same order.

        Raises:
            InvalidIndexError: One of the items is not labelled.
        """
        return self.labelled_steps[self._places_of_labelled(indices)]

    def are_labelled(self, indices: IndexArray) -> NDArray[np.bool_]:
        """Which of several items are labelled.

        Args:
            indices: Dataset indices `[k]` known to be in range.

        Returns:
            Booleans `[k]`, in the same order.
        """
        return is_in(indices, self.labelled_indices)

    def have_values(self, indices: IndexArray, digests: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of several labelled items are known to have these values.

        Args:
            indices: Dataset indices `[k]` known to be labelled.
            digests: Digests `[k]` of the values.

        Returns:
            Booleans `[k]`; False where either digest is unknown.
        """
        if self.digests is None:
            return np.zeros(len(indices), dtype=np.bool_)
        kept = self.digests[self._places_of_labelled(indices)]
        same: NDArray[np.bool_] = (kept == digests) & (kept != UNKNOWN)
        return same

    def _with(
        self,
        indices: NDArray[Any],
        steps: NDArray[np.int32],
        step: int,
        digests: NDArray[np.uint64] | None,
        aside: IndexArray | None = None,
    ) -> "LabelMap":
        """Another map over the same items."""
        aside = self._aside if aside is None else aside
        return map_of_labelled(self.n_items, indices, steps, step, digests, aside)

    def _places_of_unlabelled(self, indices: IndexArray) -> IndexArray:
        """Labelled items `[k]` before each of the `indices` `[k]`, none of which is labelled."""
        places, labelled = find(indices, self.labelled_indices)
        if labelled.any():
            raise InvalidIndexError(
                "Expected `index` to be dataset indices of unlabelled items, "
                f"but {indices[labelled][:5].tolist()} are labelled already"
            )
        return places

    def _places_of_labelled(self, indices: IndexArray) -> IndexArray:
        """Positions `[k]` of the `indices` `[k]` among the labelled items."""
        places, labelled = find(indices, self.labelled_indices)
        if not labelled.all():
            raise InvalidIndexError(
                "Expected `index` to be dataset indices of labelled items, "
                f"but {indices[~labelled][:5].tolist()} are not labelled"
            )
        return places


def map_of_labelled(
    n_items: int,
    indices: NDArray[Any],
    steps: NDArray[np.int32],
    step: int,
    digests: NDArray[np.uint64] | None,
    aside: IndexArray,
) -> LabelMap:
    """A map from its parts, which are known to fit.

    Args:
        n_items: Number of items.
        indices: Dataset indices `[n_labelled]` of the labelled items, ascending.
        steps: Their steps `[n_labelled]`.
        step: The step counter.
        digests: Digests `[n_labelled]` of their values, or None.
        aside: Dataset indices `[k]`, ascending, of what is not shown.

    Returns:
        The map.

    Example:
        >>> none = np.empty(0, dtype=np.int64)
        >>> map_of_labelled(3, np.array([1]), np.array([4], dtype=np.int32), 5, None, none).steps
        array([0, 4, 0], dtype=int32)
    """
    new = LabelMap.__new__(LabelMap)
    return new._set(n_items, indices, steps, step, digests, aside)  # noqa: SLF001 - its own class
