"""What a run depends on: put into a folder after each round, and put back after a kill."""

import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from baal.active.dataset.base import SplittedDataset
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.stopping_criteria.base import StoppingCriterion
from baal.experiments.adapters import FrameworkAdapter
from baal.experiments.arrays import as_items, n_items
from baal.experiments.checkpoint import RunFolder
from baal.experiments.checks import check_labelled
from baal.experiments.configuration import describe
from baal.experiments.plain_state import (
    digest_of,
    load_generators,
    load_random_states,
    plain_generators,
    plain_random_states,
    to_plain,
    to_state,
)
from baal.experiments.records import Record
from baal.utils.frames import level_outside_baal
from baal.utils.log_configuration import get_logger
from baal.utils.random_states import kept_random_states

__all__ = ["ResumableRun"]


class ResumableRun:
    """The parts of a run that have a state, and where it is kept; an experiment is one.

    Example:
        >>> from baal.experiments.base import ActiveLearningExperiment
        >>> issubclass(ActiveLearningExperiment, ResumableRun)
        True
    """

    adapter: FrameworkAdapter
    al_dataset: SplittedDataset
    eval_dataset: Any
    target_dataset: Any
    heuristic: AbstractHeuristic
    criterion: StoppingCriterion
    query_size: int
    iterations: int
    warm_start: bool
    ece: bool
    records: list[Record]
    _finished: bool
    _never_stops: bool  # there is no criterion
    _initial: Any  # what training starts from, as `to_plain` gives it
    _start = ""  # a digest of what the run began with
    _items: str | None = None  # a digest of some items

    def _state(self, *, finished: bool = False) -> dict[str, Any]:
        """All that the next round depends on, as plain data."""
        keeps_weights = self.warm_start or finished
        return {
            "finished": finished,
            "dataset": to_plain(self.al_dataset.state_dict()),
            "criterion": to_plain(self.criterion.state_dict()),
            "generators": self._generators(),
            "random_states": plain_random_states(),
            "trainer": to_plain(self.adapter.state_dict()) if keeps_weights else None,
            "start": self._start,
            "items": self._items,
        }

    def _random_parts(self) -> list[Any]:
        """Whatever may have random generators of its own."""
        datasets = [self.al_dataset, self.eval_dataset, self.target_dataset]
        return [self.heuristic, self.criterion, *datasets, self.adapter.random_parts()]

    def _generators(self) -> list[Any]:
        return [plain_generators(part) for part in self._random_parts()]

    def _load_generators(self, plain: list[Any]) -> None:
        for part, states in zip(self._random_parts(), plain, strict=True):
            load_generators(part, states)

    @contextmanager
    def _kept_generators(self) -> Iterator[None]:
        """Put them back at the end: what is tried out draws nothing."""
        drawn = self._generators()
        try:
            yield
        finally:
            with warnings.catch_warnings():  # of generators made just then: nothing was saved yet
                warnings.simplefilter("ignore")
                self._load_generators(drawn)

    def _begin_or_go_on(self, folder: RunFolder) -> None:
        if not folder.has_begun:
            check_labelled(self.al_dataset)
            self._start = self._digest_of_start()
            folder.begin(self._initial, self._state())
            return
        state, records = folder.read()
        initial = folder.read_initial()
        self._warn_of_another_start(folder, state)
        self._start, self._initial = state["start"], initial
        self.al_dataset.load_state_dict(to_state(state["dataset"]))
        self.criterion.load_state_dict(to_state(state["criterion"]))
        self.adapter.load_state_dict(to_state(state["trainer"] or self._initial))
        self._load_generators(state["generators"])
        self.records, self._finished = records, state["finished"]
        load_random_states(state["random_states"])
        get_logger().info("experiment resumed", folder=str(folder.path), rounds=len(records))

    def _warn_of_another_start(self, folder: RunFolder, state: Mapping[str, Any]) -> None:
        if not self._start and state["start"] != self._digest_of_start():
            warnings.warn(
                f"The initial weights or labels are not those that the run in {folder.path} began "
                "with, which are used now. Seed the script, or choose another folder if this is to "
                "be another run.",
                UserWarning,
                stacklevel=level_outside_baal(),
            )
        if None not in (self._items, state.get("items")) and state["items"] != self._items:
            warnings.warn(
                "Some items of the datasets are not those that the run in "
                f"{folder.path} began with, and its records will mix the two. Use the same data in "
                "the same order, or choose another folder if this is to be another run.",
                UserWarning,
                stacklevel=level_outside_baal(),
            )

    def _digest_of_start(self) -> str:
        labelled = np.flatnonzero(self.al_dataset.labelled)
        return digest_of([self._initial, to_plain(labelled)])

    def _digest_of_items(self) -> str | None:
        """Of the first, middle and last item of each dataset; None if they differ by the read."""
        datasets: list[tuple[Callable[[int], Any] | None, int]] = [
            (getattr(data, "__getitem__", None), len(data))
            for data in map(as_items, (self.eval_dataset, self.target_dataset))
            if data is not None
        ]
        # By dataset index, whether labelled or not.
        raw = getattr(self.al_dataset, "get_raw", None)
        datasets.append((raw, len(self.al_dataset.labelled)))
        with self._kept_generators():
            first, second = (digest_of(list(_some_items(datasets))) for _ in range(2))
        return first if first == second else None

    def _configuration(
        self, pool_size: int | None, settings: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        targets = self.target_dataset
        described: dict[str, Any] = describe(
            {
                "trainer": self.adapter.settings(),
                "al_dataset": self.al_dataset.state_dict()["fingerprint"],
                "eval_dataset": n_items(self.eval_dataset),
                "target_dataset": None if targets is None else n_items(targets),
                "heuristic": self.heuristic,
                "query_size": self.query_size,
                "iterations": self.iterations,
                "pool_size": pool_size,
                "criterion": None if self._never_stops else self.criterion,
                "warm_start": self.warm_start,
                "ece": self.ece,
                "settings": settings,
            }
        )
        return described


def _some_items(datasets: list[tuple[Callable[[int], Any] | None, int]]) -> Iterator[Any]:
    """A description of a few items of each, read with the same global random numbers each time."""
    with kept_random_states():
        # The CPU's alone: `torch.manual_seed` would reach a GPU that is not in use yet.
        torch.default_generator.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)
        for read, n in datasets:
            for index in sorted({0, n // 2, n - 1}):
                yield _described(read, index)


def _described(read: Callable[[int], Any] | None, index: int) -> Any:
    try:
        return None if read is None else describe(read(index))
    except Exception:  # noqa: BLE001 - a table of columns, say; whoever uses it shows the error
        return None
