"""Which item was labelled at which step: pure bookkeeping, no data and no torch.

Only the labelled items are stored, sorted by dataset index. With a few of ten million labelled,
a label then costs what the few cost, and a process that is sent a pool receives the few:

- the labelled item `j` is `L[j]`;
- before it come `G[j] = L[j] - j` unlabelled ones, so the pool item `p` is dataset index
  `p + #{j: G[j] <= p}`, a binary search;
- the dataset index `d` of an unlabelled item is the pool item `d - #{j: L[j] < d}`, another one.

A map never changes: labelling gives a new one. What was handed out stays as it was, nothing
cached can go stale, and a failure half-way leaves the old map in place.
"""

from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baal.active.dataset.indices import IndexArray, to_position
from baal.exceptions import InvalidArgumentError, InvalidIndexError, InvalidTypeError

__all__ = ["LabelMap"]


class LabelMap:
    """The step at which each item was labelled, and both ways between the index spaces.

    Args:
        labelled: Step `[n_items]` by dataset index, 0 for an unlabelled item; or booleans, where
            True is step 1. It is copied.
        step: The step counter; by default the highest step in `labelled`.

    Raises:
        InvalidTypeError: `labelled` holds neither booleans nor integers.
        InvalidArgumentError: `labelled` is empty, not one-dimensional, or holds a negative step
            or one that does not fit into 32 bits; `step` is lower than the highest of them.

    Example:
        >>> labels = LabelMap([0, 1, 0, 0]).label(np.array([3]))
        >>> labels.steps, labels.step
        (array([0, 1, 0, 2], dtype=int32), 2)
        >>> labels.pool_indices
        array([0, 2])
    """

    def __init__(self, labelled: Any, step: int | None = None) -> None:
        steps = _to_steps(labelled)
        highest = int(steps.max())
        step = highest if step is None else int(step)
        if not highest <= step < 2**31:
            raise InvalidArgumentError(
                f"Expected `step` to be at least {highest}, the highest step of a labelled item, "
                f"and below 2**31, but got {step}"
            )
        indices = np.flatnonzero(steps).astype(np.int64, copy=False)
        self._set(len(steps), indices, steps[indices], step)

    def _set(
        self, n_items: int, indices: IndexArray, steps: NDArray[np.int32], step: int
    ) -> "LabelMap":
        """Fill a new map from checked parts: `indices` `[n_labelled]` ascending, `steps` alike."""
        self.n_items = n_items
        self.step = step
        self.labelled_indices: IndexArray = _read_only(indices)
        self.labelled_steps: NDArray[np.int32] = _read_only(steps)
        self.n_labelled = len(indices)
        self.n_unlabelled = n_items - len(indices)
        self._recent: dict[int, IndexArray] = {-1: self.labelled_indices}
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the caches: another process computes those that it needs.
        state = (self.n_items, self.labelled_indices, self.labelled_steps, self.step)
        return _restore, state

    @cached_property
    def steps(self) -> NDArray[np.int32]:
        """Step `[n_items]` by dataset index, 0 for an unlabelled item; read-only."""
        steps = np.zeros(self.n_items, dtype=np.int32)
        steps[self.labelled_indices] = self.labelled_steps
        return _read_only(steps)

    @cached_property
    def labelled(self) -> NDArray[np.bool_]:
        """Whether each item is labelled, `[n_items]` by dataset index; read-only."""
        labelled = np.zeros(self.n_items, dtype=np.bool_)
        labelled[self.labelled_indices] = True
        return _read_only(labelled)

    @cached_property
    def pool_indices(self) -> IndexArray:
        """Dataset indices `[n_unlabelled]` of the pool, ascending; read-only."""
        return _read_only(np.flatnonzero(~self.labelled).astype(np.int64, copy=False))

    @cached_property
    def _unlabelled_before(self) -> IndexArray:
        """`G` `[n_labelled]` of the module's docstring: unlabelled items before each labelled."""
        return self.labelled_indices - np.arange(self.n_labelled)

    def recent(self, last_steps: int) -> IndexArray:
        """Dataset indices `[k]`, ascending, of what the last steps labelled; read-only.

        Args:
            last_steps: How many steps to look back, the current one included; -1 for all.

        Returns:
            Dataset indices of the items labelled at a step above `step - last_steps`.
        """
        if last_steps not in self._recent:
            keep = self.labelled_steps > self.step - last_steps
            self._recent[last_steps] = _read_only(self.labelled_indices[keep])
        return self._recent[last_steps]

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
        place = bisect_left(self.labelled_indices, position)
        return place < self.n_labelled and bool(self.labelled_indices[place] == position)

    def pool_item(self, position: int) -> int:
        """Dataset index of one item of the pool.

        Args:
            position: Pool index, known to be in range.

        Returns:
            Its dataset index.
        """
        return position + bisect_right(self._unlabelled_before, position)

    def pool_to_dataset(self, indices: IndexArray) -> IndexArray:
        """Dataset indices of pool indices.

        Args:
            indices: Pool indices `[k]`, known to be in range.

        Returns:
            Their dataset indices `[k]`, in the same order.
        """
        return indices + np.searchsorted(self._unlabelled_before, indices, side="right")

    def dataset_to_pool(self, indices: IndexArray) -> IndexArray:
        """Pool indices of dataset indices.

        Args:
            indices: Dataset indices `[k]`, known to be in range.

        Returns:
            Their pool indices `[k]`, in the same order.

        Raises:
            InvalidIndexError: One of the items is labelled, so that it is not in the pool.
        """
        places = self._places_of_unlabelled(indices)
        return indices - places

    def label(self, indices: IndexArray) -> "LabelMap":
        """A map in which these items are labelled too, one step later.

        Args:
            indices: Distinct dataset indices `[k]` known to be in range. None of them: the same
                map, and the step stays.

        Returns:
            The map afterwards; this one stays as it is.

        Raises:
            InvalidIndexError: One of the items is labelled already.
        """
        if len(indices) == 0:
            return self
        step = self.step + 1
        indices = np.sort(indices)
        places = self._places_of_unlabelled(indices)
        return LabelMap.__new__(LabelMap)._set(  # noqa: SLF001 - its own class
            self.n_items,
            np.insert(self.labelled_indices, places, indices),
            np.insert(self.labelled_steps, places, np.int32(step)),
            step,
        )

    def _places_of_unlabelled(self, indices: IndexArray) -> IndexArray:
        """Labelled items `[k]` before each of the `indices` `[k]`, none of which is labelled."""
        places = np.searchsorted(self.labelled_indices, indices).astype(np.int64, copy=False)
        if self.n_labelled:
            there = self.labelled_indices[np.minimum(places, self.n_labelled - 1)] == indices
            if there.any():
                raise InvalidIndexError(
                    "Expected `index` to be dataset indices of unlabelled items, "
                    f"but {indices[there][:5].tolist()} are labelled already"
                )
        return places


def _restore(n_items: int, indices: IndexArray, steps: NDArray[np.int32], step: int) -> LabelMap:
    """Unpickle a map from its checked parts."""
    return LabelMap.__new__(LabelMap)._set(n_items, indices, steps, step)  # noqa: SLF001


def _to_steps(labelled: Any) -> NDArray[np.int32]:
    """Check a map of booleans or steps `[n_items]`."""
    if hasattr(labelled, "detach"):
        labelled = labelled.detach().cpu().numpy()
    array = np.asarray(labelled)
    if array.ndim != 1 or len(array) == 0:
        raise InvalidArgumentError(
            "Expected `labelled` to have one entry for each item, and at least one, "
            f"but got the shape {list(array.shape)}"
        )
    if array.dtype != np.bool_ and not np.issubdtype(array.dtype, np.integer):
        raise InvalidTypeError(
            f"Expected `labelled` to hold booleans or integer steps, but got {array.dtype}"
        )
    if array.min() < 0 or array.max() >= 2**31:
        raise InvalidArgumentError(
            "Expected `labelled` to hold steps from 0 (not labelled) to 2**31 - 1, "
            f"but got values from {array.min()} to {array.max()}"
        )
    return array.astype(np.int32)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view that nobody can make writeable, since the array that owns the data is not."""
    if isinstance(array.base, np.ndarray):  # `flatnonzero` gives a view
        array.base.flags.writeable = False
    array.flags.writeable = False
    return array.view()
