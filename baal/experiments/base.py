"""The whole of active learning: train, evaluate, score, label, until a criterion stops it."""

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from baal.active.dataset.base import SplittedDataset
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.stopping_criteria.base import StoppingCriterion, check_whole_number
from baal.bayesian.sampling import check_iterations
from baal.experiments.adapters import FrameworkAdapter
from baal.experiments.checkpoint import RunFolder
from baal.experiments.checks import (
    adapter_for,
    check_callbacks,
    check_criterion,
    check_no_store,
    check_not_empty,
    check_warm_start,
)
from baal.experiments.plain_state import to_plain
from baal.experiments.records import Record
from baal.experiments.rounds import Rounds
from baal.experiments.scoring_loop import ScoringLoop
from baal.experiments.watching import Predictor

__all__ = ["ActiveLearningExperiment", "FrameworkAdapter"]


class ActiveLearningExperiment(Rounds):
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
        trainer: A `ModelWrapper`, a scikit-learn estimator (see `SklearnAdapter`), a
            `BaalTransformersTrainer`, or a `FrameworkAdapter` around something else.
        al_dataset: What is labelled, with items that have labels already.
        eval_dataset: What each round is evaluated on; a pair `(x, y)` of arrays for estimators.
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
            `eval_dataset` is empty, `criterion` was made for another dataset, or the heuristic
            cannot score what the model predicts: both are tried on a few items of the pool.
        InvalidTypeError: `al_dataset` keeps no labels, or `heuristic`, `criterion` or a callback
            is none.
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
        >>> from baal.modelwrapper import ModelWrapper, TrainingArgs
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
        self.adapter = adapter_for(trainer)
        self.adapter.check()
        check_warm_start(self.adapter, warm_start)
        check_iterations(iterations)
        check_whole_number("query_size", query_size, least=1)
        if pool_size is not None:
            check_whole_number("pool_size", pool_size, least=1)
        check_not_empty("eval_dataset", eval_dataset)
        if target_dataset is not None:
            check_not_empty("target_dataset", target_dataset)
        check_callbacks(callbacks)
        check_criterion(criterion, al_dataset)
        self.al_dataset = al_dataset
        self.eval_dataset = eval_dataset
        self.target_dataset = target_dataset
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
        self.records: list[Record] = []
        self._finished = False
        self._folder: RunFolder | None = None
        with self._kept_generators():
            if self.adapter.ready(al_dataset):
                self._loop.probe()
        if folder is not None:
            check_no_store(al_dataset)
            self._folder = RunFolder(folder, self._configuration(pool_size, settings))
            self._items = self._digest_of_items()

    def start(self) -> list[Record]:
        """Run until there is reason to stop; with a folder, go on where a run was killed.

        Returns:
            The record of each round, oldest first: `round`, `n_labelled` (when it was trained), the
            metrics of training and evaluation, `collapsed` (whether all posterior samples of the
            pool were the same; None where nothing was predicted, or one sample), `chosen` (dataset
            indices that it labelled in the end, best first) and `seconds` by stage. A metric that
            is not finite is None.

        Raises:
            InvalidArgumentError: Nothing is labelled yet.
            StateError: Another process or thread works in the folder, or a file in it is damaged.

        Warns:
            UserWarning: The run in the folder began with other weights, labels or data.
        """
        if not self._finished:
            with nullcontext() if self._folder is None else self._folder.at_work():
                self._run()
        return copy.deepcopy(self.records)
