"""The rounds of an experiment: train, evaluate, score, label, and whether to go on."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tqdm import tqdm

from baal.active.active_loop import Proposal
from baal.experiments.checkpoint import RunFolder
from baal.experiments.checks import check_labelled
from baal.experiments.plain_state import to_state
from baal.experiments.records import Record
from baal.experiments.resuming import ResumableRun
from baal.experiments.scoring_loop import ScoringLoop
from baal.experiments.watching import Predictor, Stopwatch, calibration, headline, plain_metrics
from baal.utils.log_configuration import get_logger

__all__ = ["Rounds"]


class Rounds(ResumableRun):
    """What happens in a round, and one after the other; an experiment is made of them.

    Example:
        >>> from baal.experiments.base import ActiveLearningExperiment
        >>> issubclass(ActiveLearningExperiment, Rounds)
        True
    """

    callbacks: list[Callable[[Record], Any]]
    verbose: bool
    name: str
    _folder: RunFolder | None
    _loop: ScoringLoop
    _predict: Predictor

    def _run(self) -> None:
        if self._folder is not None:
            self._begin_or_go_on(self._folder)
        if self._finished:
            return
        check_labelled(self.al_dataset)
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
            columns = self.adapter.target_columns
            metrics["test_ece"] = calibration(self._predict, self.eval_dataset, columns)
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
        n_pool = self.al_dataset.n_unlabelled
        queries = self.criterion.queries_left(self.query_size, n_pool)
        if queries is None:
            queries = -(-n_pool // self.query_size)
        return len(self.records) + queries + 1
