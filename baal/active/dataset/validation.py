"""A validation split that grows with the labels: a fixed share of what is newly labelled.

Of the first `n` items it decided on, the split holds `p * n`, rounded up or down: within each run
of `1 / p` items exactly one is set aside, at a random place, so that neither the share drifts nor
can a habit of whoever labels (best items first, say) meet a regular pattern.

An item stays on its side for good. Un-labelled and labelled again it comes back to where it was:
a model may have been trained on it.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from baal.active.dataset.indices import IndexArray
from baal.active.dataset.sorted_arrays import is_in, merge
from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["ValidationSplit"]

_PLACES, _ITEMS = 0, 1  # two streams of random numbers from one seed


def _none() -> IndexArray:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class ValidationSplit:
    """Which items are set aside; never changes, each draw gives a new one.

    Attributes:
        proportion: Share of the labelled items to set aside, from 0 up to, not including, 1.
        seed: Of the draws.
        n_decided: Number of items that it has decided on.
        aside: Dataset indices `[k]`, ascending, of all items ever set aside.
        trained_on: Dataset indices `[j]`, ascending, of un-labelled items that were not.

    Raises:
        InvalidTypeError: `proportion` is not a number.
        InvalidArgumentError: It is not in [0, 1).

    Example:
        >>> split = ValidationSplit(0.1, seed=1).draw(np.arange(50), step=1)
        >>> len(split.aside)
        5
    """

    proportion: float
    seed: int
    n_decided: int = 0
    aside: IndexArray = field(default_factory=_none)
    trained_on: IndexArray = field(default_factory=_none)

    def __post_init__(self) -> None:
        proportion = self.proportion
        if isinstance(proportion, bool) or not isinstance(proportion, (int, float, np.number)):
            raise InvalidTypeError(
                f"Expected `validation_split` to be a number, but got {proportion!r}"
            )
        if not 0 <= proportion < 1:
            raise InvalidArgumentError(
                f"Expected `validation_split` to be at least 0 and below 1, but got {proportion}"
            )
        object.__setattr__(self, "proportion", float(proportion))

    def draw(self, labelled: IndexArray, step: int) -> "ValidationSplit":
        """Decide on newly labelled items.

        Args:
            labelled: Their dataset indices `[k]`, in any order.
            step: The step that labels them.

        Returns:
            The split afterwards.
        """
        if self.proportion == 0:
            return self
        new = np.sort(labelled)
        new = new[~is_in(new, self.aside) & ~is_in(new, self.trained_on)]
        n_decided = self.n_decided + len(new)
        n_drawn = min(max(self._target(n_decided) - len(self.aside), 0), len(new))
        drawn = self._random(_ITEMS, step, n_decided).choice(new, n_drawn, replace=False)
        return replace(self, n_decided=n_decided, aside=merge(self.aside, drawn))

    def retire(self, unlabelled: IndexArray) -> "ValidationSplit":
        """Remember the side of items that are un-labelled.

        Args:
            unlabelled: Their dataset indices `[k]`.

        Returns:
            The split afterwards.
        """
        if self.proportion == 0:
            return self
        known = is_in(unlabelled, self.aside) | is_in(unlabelled, self.trained_on)
        return replace(self, trained_on=merge(self.trained_on, unlabelled[~known]))

    def _target(self, n_decided: int) -> int:
        """How many of `n_decided` items to have set aside: `proportion * n_decided`, rounded.

        Up from a random place within each run of `1 / proportion` items on, else down.
        """
        share = self.proportion * n_decided
        run = math.floor(share)
        return run + int(self._random(_PLACES, run).random_sample() < share - run)

    def _random(self, *key: int) -> np.random.RandomState:
        """Random numbers that depend on the seed and the key only; its stream is NumPy's frozen."""
        return np.random.RandomState(np.random.MT19937(np.random.SeedSequence([self.seed, *key])))

    def to_plain(self) -> dict[str, Any]:
        """What `from_plain` takes, as copies.

        Returns:
            Numbers and arrays by name.
        """
        return {
            "proportion": self.proportion,
            "seed": self.seed,
            "n_decided": self.n_decided,
            "aside": self.aside.copy(),
            "trained_on": self.trained_on.copy(),
        }

    @classmethod
    def from_plain(cls, state: Any, n_items: int) -> "ValidationSplit":
        """The split that `to_plain` saved.

        Args:
            state: What it gave.
            n_items: Number of items of the dataset.

        Returns:
            The split; it shares nothing with `state`.

        Raises:
            InvalidArgumentError: It is not such a state, or one of other items.
        """
        try:
            split = cls(
                state["proportion"],
                int(state["seed"]),
                int(state["n_decided"]),
                np.unique(np.asarray(state["aside"], dtype=np.int64)),
                np.unique(np.asarray(state["trained_on"], dtype=np.int64)),
            )
            indices = np.concatenate([split.aside, split.trained_on])
            fits = bool(((indices >= 0) & (indices < n_items)).all())
        except (LookupError, TypeError, ValueError) as error:
            raise InvalidArgumentError(
                "Expected `validation` in the state to be a saved validation split, "
                f"but got {str(state)[:80]}"
            ) from error
        if not fits:
            raise InvalidArgumentError(
                "Expected `validation` in the state to hold dataset indices between 0 and "
                f"{n_items - 1}, but got some from {indices.min()} to {indices.max()}"
            )
        return split
