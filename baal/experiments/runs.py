"""Runs of a comparison: one heuristic on one seed each."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from baal.active.dataset.base import SplittedDataset
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.registry import fitting_heuristic
from baal.active.heuristics.scoring import Reading
from baal.active.stopping_criteria.base import StoppingCriterion
from baal.exceptions import InvalidArgumentError, StateError
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.records import Record
from baal.utils.random_states import kept_random_states

__all__ = ["Run", "Setup", "execute", "named_heuristic", "read_runs", "run_folder"]

RUNS = "runs"  # the folder of a comparison's or a study's runs


@dataclass(frozen=True)
class Setup:
    """The data and the model of one seed.

    Attributes:
        trainer: A `ModelWrapper`, a scikit-learn estimator, or a `FrameworkAdapter` around
            something else.
        al_dataset: What is labelled. Labels that it has already are the initial ones.
        eval_dataset: What each round is evaluated on.
        target_dataset: Inputs as the model will meet them in use, for heuristics such as `EPIG`.

    Example:
        >>> from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
        >>> Setup("a trainer", ActiveLearningDataset([(0.5, 1)]), [(0.2, 0)]).target_dataset
    """

    trainer: Any
    al_dataset: SplittedDataset
    eval_dataset: Any
    target_dataset: Any = None


@dataclass(frozen=True)
class Run:
    """One heuristic on one seed: all that decides on its results.

    Attributes:
        heuristic_name: What it is called in records.
        seed: Of the weights, the initial labels and whatever else is random.
        make: Called with the seed; gives data and model. To run in a process of its own it is
            defined at the top of a module, or a `functools.partial` of such a function.
        heuristic: Called with `seed=`; gives the heuristic. The same holds.
        criterion: Called with the active dataset; says when to stop. None: when the pool is empty.
        initial_labels: Items to label at random before the first round. They depend on the seed
            and the size of the pool, and on nothing else.
        options: Further arguments of `ActiveLearningExperiment`.
        folder: Where the run is kept, so that it can be gone on with.
        name: Whatever else is to be told on a progress bar, such as the variant of a study.

    Example:
        >>> from baal.active.heuristics import Random
        >>> Run("random", 0, make=lambda seed: None, heuristic=Random).title
        'random, seed 0'
    """

    heuristic_name: str
    seed: int
    make: Callable[[int], Setup]
    heuristic: Callable[..., AbstractHeuristic]
    criterion: Callable[[SplittedDataset], StoppingCriterion] | None = None
    initial_labels: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    name: str = ""

    @property
    def title(self) -> str:
        """What it is called on a progress bar."""
        return ", ".join(filter(None, [self.name, self.heuristic_name, f"seed {self.seed}"]))


def execute(run: Run, verbose: bool = False) -> list[Record]:
    """Carry out one run, or go on where it was killed.

    The global random states are seeded with the run's seed before anything is made, and put back
    as they were in the end.

    Args:
        run: The run.
        verbose: Show a progress bar.

    Returns:
        The records of `ActiveLearningExperiment.start`, each with `heuristic` and `seed`.

    Raises:
        InvalidArgumentError: There are fewer items than `initial_labels`, or no label at all to
            begin with.
        StateError: `folder` holds a run of another configuration.

    Example:
        >>> from torch import nn
        >>> from torch.utils.data import TensorDataset
        >>> from baal import ActiveLearningDataset, ModelWrapper
        >>> from baal.active.heuristics import Random
        >>> from baal.modelwrapper import TrainingArgs
        >>> data = TensorDataset(torch.eye(3).repeat(10, 1), torch.arange(3).repeat(10))
        >>> def make(seed):
        ...     model = nn.Linear(3, 3)
        ...     optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        ...     args = TrainingArgs(optimizer, epoch=1, workers=0, criterion=nn.CrossEntropyLoss())
        ...     return Setup(ModelWrapper(model, args), ActiveLearningDataset(data), data)
        >>> options = {"query_size": 20, "iterations": 1}
        >>> run = Run("random", 0, make, Random, initial_labels=5, options=options)
        >>> [(row["heuristic"], row["n_labelled"]) for row in execute(run)]
        [('random', 5), ('random', 25), ('random', 30)]
    """
    with kept_random_states():
        # The same start for every heuristic: all that is random before the first round hangs on
        # the seed alone.
        torch.manual_seed(run.seed)
        np.random.seed(run.seed)  # noqa: NPY002
        random.seed(run.seed)
        setup = run.make(run.seed)
        dataset = setup.al_dataset
        dataset.label_dataset_indices(_initial(dataset, run.initial_labels, run.seed))
        options = dict(run.options)
        settings = {"seed": run.seed, "initial_labels": run.initial_labels}
        settings |= options.pop("settings", None) or {}
        if run.criterion is not None:
            options["criterion"] = run.criterion(dataset)
        experiment = ActiveLearningExperiment(
            setup.trainer,
            dataset,
            setup.eval_dataset,
            run.heuristic(seed=run.seed),
            target_dataset=setup.target_dataset,
            folder=run.folder,
            settings=settings,
            verbose=verbose,
            name=run.title,
            **options,
        )
        records = experiment.start()
    return [_named(run.heuristic_name, run.seed, row) for row in records]


def _initial(dataset: SplittedDataset, n: int, seed: int) -> Any:
    unlabelled = np.flatnonzero(~dataset.labelled)
    if n > len(unlabelled):
        raise InvalidArgumentError(
            f"Expected `initial_labels` to be at most {len(unlabelled)}, the size of the pool, "
            f"but got {n}"
        )
    if n == 0 and dataset.n_labelled == 0:
        raise InvalidArgumentError(
            "Expected `initial_labels` to be 1 or more, since `make` gives a dataset without "
            "labels, but got 0"
        )
    return np.random.default_rng(seed).choice(unlabelled, n, replace=False)


def run_folder(folder: Path, heuristic_name: str, seed: int) -> Path:
    """Where a run is kept, in the folder of all runs.

    Args:
        folder: Of all runs.
        heuristic_name: As in `Run`.
        seed: As in `Run`.

    Returns:
        The path.

    Example:
        >>> run_folder(Path("runs"), "bald", 0).name
        'bald-0'
    """
    return folder / f"{heuristic_name}-{seed}"


def read_runs(folder: Path) -> list[Record]:
    """The records that runs have written by now, whether they have ended or not.

    Args:
        folder: Of all runs; other processes may be at work in it.

    Returns:
        As `execute` gives them, by seed and name. Folders that hold no run are left alone.

    Raises:
        StateError: A file of records is damaged.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as path:
        ...     run_folder(Path(path), "bald", 3).mkdir()
        ...     written = '{"round": 0}' + chr(10) + '{"round'
        ...     _ = (Path(path) / "bald-3" / "records.jsonl").write_text(written)
        ...     read_runs(Path(path))
        [{'heuristic': 'bald', 'seed': 3, 'round': 0}]
    """
    found: dict[tuple[int, str], list[Record]] = {}
    for path in folder.glob("*-*/records.jsonl"):
        name, _, seed = path.parent.name.rpartition("-")
        if seed.isdecimal():
            content = path.read_bytes()
            complete = content[: content.rfind(b"\n") + 1]  # the last line may be half written
            try:
                found[int(seed), name] = [json.loads(line) for line in complete.splitlines()]
            except ValueError as error:  # no JSON, or no UTF-8
                raise StateError(f"Expected {path} to hold records, but got {error}") from error
    return [_named(name, seed, row) for (seed, name), rows in sorted(found.items()) for row in rows]


def _named(heuristic_name: str, seed: int, row: Record) -> Record:
    return {"heuristic": heuristic_name, "seed": seed, **row}


def named_heuristic(name: str, query_size: int, mode: Reading, seed: int) -> AbstractHeuristic:
    """Make a heuristic from its name, for runs that label so many items a round.

    Args:
        name: One of `available_heuristics()`.
        query_size: Items labelled in a round, for heuristics that want to know it.
        mode: What the model gives: "probabilities", "logits" or "auto".
        seed: Of what is random in it.

    Returns:
        The heuristic.

    Example:
        >>> named_heuristic("batch_bald", 20, "logits", seed=0).num_samples
        20
    """
    return fitting_heuristic(
        name, mode=mode, seed=seed, query_size=query_size, num_samples=query_size
    )
