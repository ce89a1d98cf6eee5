"""The whole of active learning: train, evaluate, score, label, until a criterion stops it."""

import copy
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from tqdm import tqdm

from baal.active.active_loop import Proposal
from baal.active.dataset.base import SplittedDataset
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.stopping_criteria.base import StoppingCriterion, check_whole_number
from baal.bayesian.sampling import check_iterations
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.experiments.adapters import FrameworkAdapter
from baal.experiments.checkpoint import RunFolder
from baal.experiments.configuration import describe
from baal.experiments.modelwrapper import ModelWrapperAdapter
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
from baal.experiments.scoring_loop import ScoringLoop
from baal.experiments.watching import Predictor, Stopwatch, calibration, headline, plain_metrics
from baal.modelwrapper import ModelWrapper
from baal.utils.frames import level_outside_baal
from baal.utils.log_configuration import get_logger

__all__ = ["ActiveLearningExperiment", "FrameworkAdapter"]


class ActiveLearningExperiment:
    """Trains, evaluates, scores and labels, round after round, until there is reason to stop.

    A round starts from the weights, optimizer and schedulers of the moment when the experiment was
    built. It ends when its query is labelled; the last one labels nothing. The run ends when the
    criterion says so or the pool is empty. A query is cut to what the criterion leaves.

    While it runs it owns the global random states of torch, NumPy and Python: whatever else draws
    from them, such as another thread, changes its results. With a `folder`, which it locks for that
    time, it saves them, and those of random generators that heuristic, criterion, datasets and
    trainer hold. A run that was killed at any moment, built again in the same way and started, goes
    on from its last complete round and ends with the records of a run that was never killed,
    seconds apart. This holds bit for bit on one CPU machine with the same versions and number of
    threads; a criterion that looks at the clock is excepted.

    Args:
        trainer: A `ModelWrapper`, or a `FrameworkAdapter` around something else.
        al_dataset: What is labelled, with items that have labels already.
        eval_dataset: What each round is evaluated on.
        heuristic: Scores and ranks the pool.
        query_size: Items to label in a round.
        iterations: Posterior samples `K`, of predictions and in the evaluation.
        pool_size: Score a random part of the pool of that many items; None for all of it.
        criterion: Says when to stop; None: when the pool is empty.
        folder: Where the run is kept, in `records.jsonl` and what else it needs to go on. None
            keeps it in memory only.
        callbacks: Called with the record of each round, just before its choice is labelled. After
            a kill or an error in between, the round and the calls are repeated.
        target_dataset: Inputs as the model will meet them in use, for heuristics such as `EPIG`;
            None: the pool stands for them.
        warm_start: Train on from the weights of the round before, rather than anew.
        ece: Measure the expected calibration error on `eval_dataset`, as `test_ece`.
        settings: Whatever else decides on the results, such as the seed of the script: a folder
            with other settings is refused.
        verbose: Show a progress bar.
        name: What the progress bar is called.

    Raises:
        InvalidArgumentError: The trainer is of an unknown kind, a number is too small,
            `eval_dataset` is empty, or the heuristic cannot score what the model predicts: both
            are tried on a few items of the pool.
        InvalidTypeError: `al_dataset` keeps no labels, or `heuristic` is none.
        StateError: Optimizer or criterion are missing, the dataset stores labels that somebody has
            to give or has a label store beside the `folder`, or `folder` holds another run; the
            message shows where they differ.

    Warns:
        UserWarning: The heuristic is only defined on joint samples, and those of the model are not.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from torch.utils.data import TensorDataset
        >>> from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
        >>> from baal.active.heuristics import BALD
        >>> from baal.bayesian.dropout import patch_module
        >>> from baal.modelwrapper import TrainingArgs
        >>> data = TensorDataset(torch.randn(40, 3), torch.randint(2, (40,)))
        >>> dataset = ActiveLearningDataset(data, random_state=1)
        >>> dataset.label_randomly(10)
        >>> model = patch_module(nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2)))
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> criterion = nn.CrossEntropyLoss()
        >>> args = TrainingArgs(optimizer, epoch=1, workers=0, criterion=criterion)
        >>> experiment = ActiveLearningExperiment(
        ...     ModelWrapper(model, args), dataset, data, BALD(), query_size=20, verbose=False
        ... )
        >>> [record["n_labelled"] for record in experiment.start()]
        [10, 30, 40]
    """

    def __init__(
        self,
        trainer: Any,
        al_dataset: SplittedDataset,
        eval_dataset: Any,
        heuristic: AbstractHeuristic,
        query_size: int = 100,
        iterations: int = 20,
        pool_size: int | None = None,
        criterion: StoppingCriterion | None = None,
        *,
        folder: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Callable[[Record], Any]] = (),
        target_dataset: Any = None,
        warm_start: bool = False,
        ece: bool = False,
        settings: Mapping[str, Any] | None = None,
        verbose: bool = True,
        name: str = "active learning",
    ) -> None:
        self.adapter = _adapter_for(trainer)
        self.adapter.check()
        check_iterations(iterations)
        check_whole_number("query_size", query_size, least=1)
        if pool_size is not None:
            check_whole_number("pool_size", pool_size, least=1)
        _check_not_empty("eval_dataset", eval_dataset)
        if target_dataset is not None:
            _check_not_empty("target_dataset", target_dataset)
        if criterion is not None and not hasattr(criterion, "should_stop"):
            raise InvalidTypeError(
                f"Expected `criterion` to be a stopping criterion or None, but got {criterion!r}"
            )
        self.al_dataset = al_dataset
        self.eval_dataset = eval_dataset
        self.query_size = query_size
        self.iterations = int(iterations)
        self.criterion = StoppingCriterion(al_dataset) if criterion is None else criterion
        self._never_stops = criterion is None
        self.callbacks = list(callbacks)
        self.warm_start = warm_start
        self.ece = ece
        self.verbose = verbose
        self.name = name
        self._predict = Predictor(self.adapter, self.iterations)
        self._loop = ScoringLoop(
            al_dataset,
            self._predict,
            heuristic,
            query_size=query_size,
            max_sample=-1 if pool_size is None else pool_size,
            target_dataset=target_dataset,
        )
        self.heuristic = self._loop.heuristic
        self._initial = to_plain(self.adapter.state_dict())
        drawn = self._generators()
        self._loop.probe()
        with warnings.catch_warnings():  # of generators made just then: nothing was saved yet
            warnings.simplefilter("ignore")
            self._load_generators(drawn)
        self.records: list[Record] = []
        self._finished = False
        self._start = ""  # a digest of what the run began with
        self._folder: RunFolder | None = None
        if folder is not None:
            _check_no_store(al_dataset)
            self._folder = RunFolder(folder, self._configuration(pool_size, criterion, settings))

    def start(self) -> list[Record]:
        """Run until there is reason to stop; with a folder, go on where a run was killed.

        Returns:
            The record of each round, oldest first: `round`, `n_labelled` (when it was trained), the
            metrics of training and evaluation, `collapsed` (whether all posterior samples of the
            pool were the same; None where nothing was predicted), `chosen` (dataset indices that
            it labelled in the end, best first) and `seconds` by stage. A metric that is not finite
            is None.

        Raises:
            InvalidArgumentError: Nothing is labelled yet.
            StateError: Another process or thread works in the folder.
        """
        if not self._finished:
            with nullcontext() if self._folder is None else self._folder.at_work():
                self._run()
        return copy.deepcopy(self.records)

    def _run(self) -> None:
        if self._folder is not None:
            self._begin_or_go_on(self._folder)
        if self._finished:
            return
        self._check_labelled()
        with tqdm(
            total=self._rounds_at_most(), initial=len(self.records), desc=self.name,
            unit="round", disable=not self.verbose,
        ) as progress:  # fmt: skip
            while not self._finished:
                record = self._round(len(self.records))
                progress.set_postfix(labels=record["n_labelled"], **headline(record))
                progress.update()

    def _round(self, number: int) -> Record:
        """Train, evaluate, score and label once, and write it down."""
        watch = Stopwatch()
        if not (self.warm_start and number > 0):
            self.adapter.load_state_dict(to_state(self._initial))
        n_labelled = self.al_dataset.n_labelled
        with watch("train"):
            metrics = dict(self.adapter.train(self.al_dataset))
        with watch("evaluate"):
            metrics |= self._evaluate()
        self._predict.disagree = None
        with watch("score"):
            proposal, reason = self._choose(metrics)
        compares = getattr(self.heuristic, "min_dims", 1) == 3
        collapsed = self._predict.collapsed(warn=compares)
        record: Record = {
            **plain_metrics(metrics),
            "round": number,
            "n_labelled": n_labelled,
            "collapsed": collapsed,
            "chosen": proposal.dataset_indices.tolist(),
            "seconds": watch.seconds,
        }
        for callback in self.callbacks:
            callback(copy.deepcopy(record))
        self.al_dataset.label_dataset_indices(proposal.dataset_indices)
        if self._folder is not None:
            self._folder.append(record, self._state(finished=bool(reason)))
        self.records.append(record)
        self._finished = bool(reason)  # only now: what could not be written down is repeated
        shown = {k: v for k, v in record.items() if k != "chosen"}
        get_logger().info("round finished", **shown, n_chosen=len(proposal))
        if reason:
            get_logger().info("experiment finished", reason=reason, rounds=number + 1)
        return record

    def _evaluate(self) -> dict[str, Any]:
        metrics = dict(self.adapter.evaluate(self.eval_dataset, self.iterations))
        if self.ece:
            metrics["test_ece"] = calibration(self._predict, self.eval_dataset)
        return metrics

    def _choose(self, metrics: Mapping[str, Any]) -> tuple[Proposal, str]:
        """What to label next, and why to stop after this round, if so."""
        nothing = np.zeros(0, dtype=np.int64)
        none = Proposal(nothing, nothing, np.zeros(0))
        self.criterion.see_model(self._predict)
        early = not self._never_stops and not self.criterion.needs_uncertainty
        # Asked once a round, whatever else ends it: criteria remember what they saw.
        if early and self.criterion.should_stop(metrics, ()):
            return none, "criterion"
        if self.al_dataset.n_unlabelled == 0:
            return none, "the pool is empty"
        limit = self.criterion.labels_left()
        self._loop.query_size = self.query_size if limit is None else min(self.query_size, limit)
        if self._loop.query_size == 0:
            return none, "the budget is spent"
        proposal, scores = self._loop.scored_query()
        late = not self._never_stops and self.criterion.needs_uncertainty
        if late and self.criterion.should_stop(metrics, scores):
            return none, "criterion"
        return proposal, "" if len(proposal) else "nothing was proposed"

    def _rounds_at_most(self) -> int:
        limit = self.criterion.labels_left()
        n_pool = self.al_dataset.n_unlabelled
        n_queries = -(-(n_pool if limit is None else min(limit, n_pool)) // self.query_size)
        return len(self.records) + n_queries + 1

    def _check_labelled(self) -> None:
        if self.al_dataset.n_labelled == 0:
            raise InvalidArgumentError(
                "Expected `al_dataset` to have labelled items to train on, but got none: call "
                "`al_dataset.label_randomly(n)` first."
            )

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
        }

    def _random_parts(self) -> list[Any]:
        """Whatever may have random generators of its own."""
        datasets = [self.al_dataset, self.eval_dataset, self._loop.target_dataset]
        return [self.heuristic, self.criterion, *datasets, self.adapter.random_parts()]

    def _generators(self) -> list[Any]:
        return [plain_generators(part) for part in self._random_parts()]

    def _load_generators(self, plain: list[Any]) -> None:
        for part, states in zip(self._random_parts(), plain, strict=True):
            load_generators(part, states)

    def _begin_or_go_on(self, folder: RunFolder) -> None:
        if not folder.has_begun:
            self._check_labelled()
            self._start = self._digest_of_start()
            folder.begin(self._initial, self._state())
            return
        state, records = folder.read()
        if not self._start and state["start"] != self._digest_of_start():
            warnings.warn(
                f"The initial weights or labels are not those that the run in {folder.path} began "
                "with, which are used now. Seed the script, or choose another folder if this is to "
                "be another run.",
                UserWarning,
                stacklevel=level_outside_baal(),
            )
        self._start = state["start"]
        self._initial = folder.read_initial()
        self.al_dataset.load_state_dict(to_state(state["dataset"]))
        self.criterion.load_state_dict(to_state(state["criterion"]))
        self.adapter.load_state_dict(to_state(state["trainer"] or self._initial))
        self._load_generators(state["generators"])
        self.records, self._finished = records, state["finished"]
        load_random_states(state["random_states"])
        get_logger().info("experiment resumed", folder=str(folder.path), rounds=len(records))

    def _digest_of_start(self) -> str:
        labelled = np.flatnonzero(self.al_dataset.labelled)
        return digest_of([self._initial, to_plain(labelled)])

    def _configuration(
        self,
        pool_size: int | None,
        criterion: StoppingCriterion | None,
        settings: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        described: dict[str, Any] = describe(
            {
                "trainer": self.adapter.settings(),
                "al_dataset": self.al_dataset.state_dict()["fingerprint"],
                "eval_dataset": len(self.eval_dataset),
                "target_dataset": None if self._loop.target_dataset is None
                else len(self._loop.target_dataset),
                "heuristic": self.heuristic,
                "query_size": self.query_size,
                "iterations": self.iterations,
                "pool_size": pool_size,
                "criterion": criterion,
                "warm_start": self.warm_start,
                "ece": self.ece,
                "settings": settings,
            }
        )  # fmt: skip
        return described


def _adapter_for(trainer: Any) -> FrameworkAdapter:
    if isinstance(trainer, FrameworkAdapter):
        return trainer
    if isinstance(trainer, ModelWrapper):
        return ModelWrapperAdapter(trainer)
    raise InvalidArgumentError(
        "Expected `trainer` to be a ModelWrapper or a FrameworkAdapter, but got "
        f"{type(trainer).__name__}"
    )


def _check_not_empty(name: str, dataset: Any) -> None:
    if len(dataset) == 0:
        raise InvalidArgumentError(f"Expected `{name}` to have items, but got an empty one")


def _check_no_store(dataset: SplittedDataset) -> None:
    if dataset.store is not None:
        raise StateError(
            "Expected `al_dataset` to have no label store where there is a `folder`, but got one "
            f"with {str(dataset.store.path)!r}: each would keep the labels, and after a kill one "
            "may have some that the other has not."
        )
