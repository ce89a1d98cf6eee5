"""A split whose changes go into a label store, if it has one, and come back from there."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from baal.active.dataset.history import History
from baal.active.dataset.indices import IndexArray
from baal.active.dataset.item_ids import ItemIds
from baal.active.dataset.label_map import LabelMap
from baal.active.dataset.replay import Ledger, replay
from baal.active.dataset.sorted_arrays import is_in
from baal.active.dataset.split import Split
from baal.active.dataset.validation import ValidationSplit
from baal.active.dataset.values import value_digests
from baal.active.dataset.waiting import Waiting
from baal.active.label_store.events import Entry, Facts
from baal.active.label_store.store import LabelStore
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError

__all__ = ["Recorded"]


class Recorded(Split):
    """A split with all that changes in it, and the store that keeps it, if there is one.

    The store is the truth. What is in memory is what the store says, up to the row `seen`, and a
    change begins with taking in what other processes have written since.

    Args:
        labels: The map.
        ids: Ids of the items, if they have any.
        validation: What is set aside.
        last_active_steps: Show the items of that many last steps only; -1 for all.

    Attributes:
        can_label: Whether values go to the underlying dataset.

    Example:
        >>> split = Recorded(LabelMap([0, 1]), None, ValidationSplit(0, seed=0))
        >>> split.store is None, split.refresh()
        (True, False)
    """

    def __init__(
        self,
        labels: LabelMap,
        ids: ItemIds | None,
        validation: ValidationSplit,
        last_active_steps: int = -1,
    ) -> None:
        super().__init__(labels.set_aside(validation.aside), last_active_steps)
        self._item_ids = ids
        self._validation = validation
        self._history = History()
        self._waiting = Waiting()
        self._store: LabelStore | None = None
        self._seen = 0
        self._overwritten: list[IndexArray] = []
        self.can_label: bool = False

    @property
    def store(self) -> LabelStore | None:
        """Where the labels are kept; None: in memory alone."""
        return self._store

    def refresh(self) -> bool:
        """Take in what other processes have written into the store.

        Labelling by dataset index or id does it by itself. Labelling by pool index does it too,
        and then is an error, since pool indices have changed.

        Returns:
            Whether there was anything; False without a store.

        Raises:
            LabelStoreError: The store cannot be read.
            StateError: The file has fewer rows than before: it is another one.
        """
        if self._store is None:
            return False
        store, before = self._store, self._ledger
        with store.reading():
            store.on_rollback(lambda: self._go_back(store, before, []))
            return self._take_in(store)

    @property
    def _ledger(self) -> Ledger:
        """All of the state that a store records."""
        return Ledger(self._labels, self._history, self._validation, self._waiting, self._seen)

    @_ledger.setter
    def _ledger(self, new: Ledger) -> None:
        self._labels, self._history, self._validation = new.labels, new.history, new.validation
        self._waiting, self._seen = new.waiting, new.seen

    @property
    def _keeps_values(self) -> bool:
        """Whether values that are given go anywhere."""
        return self.can_label or self._store is not None

    # Every change is made inside of a turn, in this order: it is checked, and its rows written
    # into an open transaction; the user's dataset stores the values; memory takes the new state;
    # the transaction is committed, and only then does the call return. A kill, an error or Ctrl-C
    # between any two of them:
    #
    # - before the commit: the store has nothing of the call, and nothing was acknowledged. An
    #   error puts memory back to where it was. Values that the dataset has got already are those
    #   of pool items, which are overwritten when these are labelled; values that a re-label has
    #   replaced are given back from the store.
    # - in the commit: SQLite keeps all rows or none.
    # - after the commit, before the call returns: the store has the label, which nobody was told
    #   of. After a restart the item is labelled, and the same answer again changes nothing. If
    #   the process lives on (Ctrl-C), memory is one call behind, as if another process had made
    #   it: the next turn finds the rows by their numbers and takes them in.
    #
    # So an acknowledged label is always in the store, and none is in it twice: that it is new is
    # checked against all rows there are, since the write lock is held from before the check to the
    # commit. The dataset's own `label` runs while it is held. The other way round, with the values
    # stored after the commit, a value that the dataset refuses would be in the store for good.
    @contextmanager
    def _turn(self, *, by_pool_index: bool = False) -> Iterator[None]:
        """All or nothing of what is done inside, in memory and in the store."""
        store = self._store
        if store is None:
            yield
            return
        with store.writing() as outermost:
            before, overwritten = self._ledger, list[IndexArray]()
            came = self._take_in(store)
            if outermost:  # what came was committed by others, and stays
                before = self._ledger
            self._overwritten = overwritten
            store.on_rollback(lambda: self._go_back(store, before, overwritten))
            if came and by_pool_index:
                _refuse_pool_indices()
            yield

    def _take_in(self, store: LabelStore) -> bool:
        """Bring memory to where the store is."""
        last = store.last()
        if last == self._seen:
            return False
        if last < self._seen:
            raise StateError(
                f"Expected the label store {str(store.path)!r} to have at least {self._seen} rows, "
                f"but got {last}: an older copy has taken its place. Make the dataset anew."
            )
        ledger, indices, values = replay(self._ledger, store.read(self._seen))
        if self.can_label and values:
            self._store_values(indices, values)
        self._ledger = ledger
        return True

    def _go_back(self, store: LabelStore, before: Ledger, overwritten: list[IndexArray]) -> None:
        """Be where the store is again, and have the dataset store what re-labels have replaced.

        It may refuse, as it perhaps just has: the error on its way is the one to see.
        """
        self._ledger = before
        with suppress(Exception):
            for indices in overwritten:
                for index, value in store.values(indices.tolist()).items():
                    self._store_values(np.array([index]), [value])

    def _record(self, *entries: Entry) -> None:
        """Write rows, inside of a turn."""
        if self._store is not None and entries:
            self._seen = self._store.add(entries)

    def _ids_of(self, indices: IndexArray) -> list[Any] | None:
        return None if self._item_ids is None else self._item_ids.take(indices)

    def _open_store(self, store: LabelStore | None, *, check_start: bool) -> None:
        """Take everything from a store, or begin one with what is labelled from the start.

        Called once the dataset is complete, since it gets its values back.
        """
        if store is None:
            return
        if not isinstance(store, LabelStore):
            raise InvalidTypeError(
                f"Expected `store` to be a LabelStore, but got {type(store).__name__}"
            )
        labels, own = self._labels, self._validation
        if labels.digests is None:
            labels = LabelMap(labels.steps, labels.step, value_digests(None, labels.n_labelled))
            self._labels = labels.set_aside(own.aside)
        ids = None if self._item_ids is None else self._item_ids.fingerprint
        facts = Facts(labels.n_items, ids, own.proportion, own.seed)
        with store.writing():
            there = store.facts()
            if there is None:
                store.describe(facts)
                self._seen = store.add([self._start()], start=True)
            else:
                _check_facts(store, facts, there)
                if check_start:
                    _check_start(store, labels)
                self._validation = replace(
                    own, proportion=there.validation_split, seed=there.validation_seed
                )
                self._ledger = self._ledger.emptied()
                self._take_in(store)
        self._store = store

    def _start(self) -> Entry:
        """What is labelled before the store begins."""
        indices = self._labels.labelled_indices.astype(np.int64)
        aside = self._validation
        return Entry(
            "label",
            indices.tolist(),
            self._labels.labelled_steps.tolist(),
            item_ids=self._ids_of(indices),
            validation=is_in(indices, aside.aside).tolist() if aside.proportion else None,
        )

    def _store_values(self, dataset_indices: IndexArray, values: list[Any] | None) -> None:
        """Store `values` `[k]` of the items `[k]`; called before they count as labelled."""
        raise StateError(
            f"Expected `can_label` to be False, since {type(self).__name__} stores no values, "
            f"but got {self.can_label} with values {values} for the items {dataset_indices}"
        )


def _refuse_pool_indices() -> NoReturn:
    raise StateError(
        "Expected `index` to be pool indices of now, but got some of before another process "
        "labelled. Call `refresh()` and ask the pool again, or use dataset indices, which never "
        "change."
    )


def _check_facts(store: LabelStore, own: Facts, there: Facts) -> None:
    """Refuse the store of another dataset."""
    if there.n_items != own.n_items:
        raise InvalidArgumentError(
            f"Expected `store` to be of a dataset of {own.n_items} items, but got "
            f"{str(store.path)!r}, which is of one of {there.n_items}"
        )
    if there.item_ids != own.item_ids:
        with_ids = "without ids" if there.item_ids is None else "with other ids"
        raise InvalidArgumentError(
            "Expected `store` to be of a dataset with the same items in the same order, but got "
            f"{str(store.path)!r}, which is of one {with_ids}"
        )
    if own.validation_split not in {0.0, there.validation_split}:
        raise InvalidArgumentError(
            f"Expected `store` to be of a dataset with validation_split={own.validation_split}, "
            f"but got {str(store.path)!r}, which is of one with {there.validation_split}"
        )


def _check_start(store: LabelStore, labels: LabelMap) -> None:
    """Refuse a `labelled` that is not the one that the store began with."""
    indices, steps = store.start()
    if indices != labels.labelled_indices.tolist() or steps != labels.labelled_steps.tolist():
        raise InvalidArgumentError(
            f"Expected `labelled` to be None or what the store {str(store.path)!r} began with, "
            f"{len(indices)} labelled items, but got {labels.n_labelled}: the store is the truth"
        )
