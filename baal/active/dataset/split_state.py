"""The state of a split as plain data, and back: every check that loading makes is here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baal.active.dataset.history import History
from baal.active.dataset.item_ids import ItemIds
from baal.active.dataset.label_map import LabelMap
from baal.active.dataset.random_state import from_plain, to_plain
from baal.active.dataset.replay import Ledger
from baal.active.dataset.snapshot import VERSION, check_version
from baal.active.dataset.validation import ValidationSplit
from baal.active.dataset.waiting import Waiting
from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["SplitState", "same_plain"]


@dataclass(frozen=True, eq=False)
class SplitState:
    """All that changes in a split.

    Attributes:
        ledger: Everything but the random state.
        random_state: Of `label_randomly`.

    Example:
        >>> ledger = Ledger(LabelMap([0, 1]), History(), ValidationSplit(0, 0), Waiting())
        >>> SplitState(ledger, np.random.RandomState(1)).to_plain(None)["labelled"]
        array([0, 1], dtype=int32)
    """

    ledger: Ledger
    random_state: np.random.RandomState

    def to_plain(self, ids: ItemIds | None) -> dict[str, Any]:
        """The state as copies.

        Args:
            ids: Ids of the items, for the fingerprint.

        Returns:
            Nested dicts of arrays, numbers, strings and lists.
        """
        labels = self.ledger.labels
        state: dict[str, Any] = {
            "version": VERSION,
            "labelled": labels.steps.copy(),
            "current_al_step": labels.step,
            "random_state": to_plain(self.random_state),
            "fingerprint": {
                "n_items": labels.n_items,
                "item_ids": None if ids is None else ids.fingerprint,
            },
            "history": self.ledger.history.to_plain(),
        }
        if self.ledger.validation.proportion:
            state["validation"] = self.ledger.validation.to_plain()
        if len(self.ledger.waiting):
            state["waiting"] = self.ledger.waiting.to_plain()
        if labels.digests is not None:
            state["value_digests"] = labels.digests.copy()
        return state

    @classmethod
    def from_plain(
        cls, state: Mapping[str, Any], n_items: int, ids: ItemIds | None, own: ValidationSplit
    ) -> "SplitState":
        """The state that `to_plain`, or BaaL 2.1, saved.

        Args:
            state: What it gave.
            n_items: Number of items of this dataset.
            ids: Ids of its items.
            own: The validation split that this dataset was made with, for its proportion.

        Returns:
            The state; it shares nothing with the one given.

        Raises:
            InvalidTypeError: `state` is no dict, or `labelled` holds neither booleans nor integers.
            InvalidArgumentError: A key is missing, its content does not fit this dataset, or a
                newer version saved it.
        """
        if not isinstance(state, Mapping):
            raise InvalidTypeError(
                f"Expected `state_dict` to be a dict, but got {type(state).__name__}"
            )
        check_version(state, "`state_dict`")
        if {"labelled", "random_state"} - set(state):
            raise InvalidArgumentError(
                "Expected `state_dict` to have the keys 'labelled' and 'random_state', "
                f"but got {sorted(state)}"
            )
        labels = LabelMap(state["labelled"], step=state.get("current_al_step"))
        if labels.n_items != n_items:
            raise InvalidArgumentError(
                f"Expected `labelled` in `state_dict` to have the length {n_items} "
                f"of this dataset, but got {labels.n_items}"
            )
        _check_ids(state, ids)
        if ids is not None:
            labels = LabelMap(labels.steps, labels.step, _digests(state, labels.n_labelled))
        validation = _validation(state, n_items, own)
        history = History.from_plain(state["history"], n_items) if "history" in state else History()
        waiting = Waiting()
        if "waiting" in state:
            waiting = Waiting.from_plain(state["waiting"], labels.labelled)
        ledger = Ledger(labels.set_aside(validation.aside), history, validation, waiting)
        return cls(ledger, from_plain(state["random_state"]))


def same_plain(one: Any, other: Any) -> bool:
    """Whether two parts of a state say the same.

    Args:
        one: A nested dict of arrays, numbers and strings, or one of these.
        other: Another one.

    Returns:
        True if they have the same keys and equal values; NaN equals NaN.

    Example:
        >>> same_plain({"labelled": np.array([1])}, {"labelled": [True]})
        True
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_plain(one[k], other[k]) for k in one)
    if one is None or other is None or isinstance(one, str):
        return one is other or bool(one == other)
    one, other = np.asarray(one), np.asarray(other)
    return one.shape == other.shape and bool(
        ((one == other) | ((one != one) & (other != other))).all()  # noqa: PLR0124 - NaN
    )


def _check_ids(state: Mapping[str, Any], ids: ItemIds | None) -> None:
    """Refuse the state of a dataset with other items, or with the same in another order."""
    saved = (state.get("fingerprint") or {}).get("item_ids")
    if saved is not None and (ids is None or ids.fingerprint != saved):
        raise InvalidArgumentError(
            "Expected `state_dict` to be of a dataset with the same items in the same order, but "
            f"got one with other ids than {'none' if ids is None else 'those of this dataset'}"
        )


def _digests(state: Mapping[str, Any], n_labelled: int) -> NDArray[np.uint64]:
    """Digests `[n_labelled]`; unknown ones where none were saved."""
    if "value_digests" not in state:
        return np.zeros(n_labelled, dtype=np.uint64)
    return np.array(state["value_digests"], dtype=np.uint64)


def _validation(state: Mapping[str, Any], n_items: int, own: ValidationSplit) -> ValidationSplit:
    """The saved split; without one all that is labelled counts as trained on."""
    if "validation" not in state:
        return ValidationSplit(own.proportion, own.seed)
    saved = ValidationSplit.from_plain(state["validation"], n_items)
    if own.proportion not in {0.0, saved.proportion}:
        raise InvalidArgumentError(
            f"Expected `state_dict` to be of a dataset with validation_split={own.proportion}, "
            f"but got one with {saved.proportion}"
        )
    return saved
