"""Compare heuristics: each on the same seeds, from the same initial labels and weights."""

import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from baal.active.dataset.base import SplittedDataset
from baal.active.heuristics.base import AbstractHeuristic
from baal.active.heuristics.scoring import Reading
from baal.active.stopping_criteria.base import StoppingCriterion, check_whole_number
from baal.active.stopping_criteria.budgets import LabellingBudgetStoppingCriterion
from baal.bayesian.sampling import check_iterations
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.comparison import Comparison
from baal.experiments.records import RESULTS, write_records
from baal.experiments.runs import RUNS, Run, Setup, named_heuristic, run_folder
from baal.experiments.side_by_side import execute_all

__all__ = ["Comparison", "HeuristicFactory", "Setup", "compare"]

HeuristicFactory: TypeAlias = Callable[..., AbstractHeuristic]
"""Makes a heuristic: called anew for each run."""

_LAST_SEED = 2**32 - 1  # the largest that NumPy's global generator takes
_SET_BY_COMPARE = {"query_size", "iterations", "pool_size", "criterion", "folder"}
_SET_BY_COMPARE |= {"trainer", "al_dataset", "eval_dataset", "target_dataset", "heuristic"}
_SET_BY_COMPARE |= {"self", "verbose", "name"}


def compare(
    make: Callable[[int], Setup],
    heuristics: Sequence[str] | Mapping[str, HeuristicFactory],
    seeds: Sequence[int] = (0, 1, 2),
    *,
    initial_labels: int = 0,
    labelling_budget: int | None = None,
    query_size: int = 100,
    iterations: int = 20,
    pool_size: int | None = None,
    criterion: Callable[[SplittedDataset], StoppingCriterion] | None = None,
    baseline: str | None = "random",
    mode: Reading = "auto",
    folder: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    verbose: bool = True,
    **options: Any,
) -> Comparison:
    """Run several heuristics on several seeds over one factory of data and model.

    Before each run the global random states are seeded, and `make` is called: so for one seed all
    heuristics begin with the same weights and the same initial labels.

    Args:
        make: Called with a seed; gives the data and the model of it, made anew.
        heuristics: Names from `available_heuristics()`, which batches of `query_size` are told
            to; or functions by name that are called with `seed=` and give a heuristic, such as
            `{"power": partial(PowerBALD, 10)}`.
        seeds: One run of each heuristic for each of them.
        initial_labels: Items to label at random before the first round, where `make` gives a
            dataset without labels.
        labelling_budget: Items to label after that; None: until the pool is empty.
        query_size: Items labelled in a round.
        iterations: Posterior samples `K`.
        pool_size: Score a random part of the pool of that many items; None for all of it.
        criterion: In place of `labelling_budget`: called with the active dataset, it gives what
            says when to stop.
        baseline: What the others are held against; it is run too if it is not among `heuristics`.
            None switches it off.
        mode: What the model gives, for heuristics by name: "probabilities", "logits" or "auto".
        folder: Where the runs are kept, each in a folder of its own. Killed at any moment and
            called again, the comparison goes on where it was. In the end the records that are
            returned are in `results.jsonl` too. More seeds and heuristics can be asked for later:
            runs that have ended are read and not carried out again.
        jobs: Runs at a time, each in its own process; `make` and functions in `heuristics` are then
            defined at the top of a module, and a script calls `compare` under
            `if __name__ == "__main__":`. Results do not depend on it.
        verbose: Show progress bars.
        **options: Further arguments of `ActiveLearningExperiment`: `warm_start`, `ece`, `settings`
            and `callbacks`.

    Returns:
        The records, seed by seed, with tables and figures of them.

    Raises:
        InvalidArgumentError: There is no heuristic or no seed, one comes twice, a name or an
            option is unknown, a number is out of its range, both `labelling_budget` and
            `criterion` are given, or with `jobs` something cannot be sent to another process.
        InvalidTypeError: A number is no whole number, `make`, `criterion` or a heuristic is no
            function, or `heuristics` is one string.
        StateError: `folder` holds a run of another configuration.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from torch.utils.data import TensorDataset
        >>> from baal import ActiveLearningDataset, ModelWrapper
        >>> from baal.bayesian.dropout import patch_module
        >>> from baal.modelwrapper import TrainingArgs
        >>> data = TensorDataset(torch.eye(3).repeat(10, 1), torch.arange(3).repeat(10))
        >>> def make(seed):
        ...     model = patch_module(nn.Sequential(nn.Dropout(0.2), nn.Linear(3, 3)))
        ...     optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        ...     args = TrainingArgs(
        ...         optimizer, epoch=3, workers=0, criterion=nn.CrossEntropyLoss()
        ...     )
        ...     return Setup(ModelWrapper(model, args), ActiveLearningDataset(data), data)
        >>> comparison = compare(
        ...     make, ["bald"], seeds=[0, 1], initial_labels=5, labelling_budget=10, query_size=5,
        ...     iterations=4, verbose=False,
        ... )
        >>> [curve.heuristic for curve in comparison.curves("test_loss")]
        ['bald', 'random']
        >>> comparison.curves("test_loss")[0].labels.tolist()
        [5, 10, 15]
    """
    if labelling_budget is not None:
        if criterion is not None:
            raise InvalidArgumentError(
                "Expected `labelling_budget` or `criterion`, but got both of them"
            )
        check_whole_number("labelling_budget", labelling_budget, least=0)
        criterion = partial(LabellingBudgetStoppingCriterion, labelling_budget=labelling_budget)
    _check_functions(make=make, criterion=criterion)
    check_whole_number("jobs", jobs, least=1)
    check_whole_number("initial_labels", initial_labels, least=0)
    options = _options(query_size, iterations, pool_size, options)
    factories = _factories(heuristics, baseline, query_size, mode)
    runs = [
        Run(
            heuristic_name=name,
            seed=seed,
            make=make,
            heuristic=factory,
            criterion=criterion,
            initial_labels=initial_labels,
            options=options,
            folder=None if folder is None else run_folder(Path(folder) / RUNS, name, seed),
        )
        for seed in _checked(seeds)
        for name, factory in factories.items()
    ]
    records = [row for rows in execute_all(runs, jobs, verbose) for row in rows]
    if folder is not None:
        write_records(Path(folder) / RESULTS, records)
    return Comparison(records, baseline)


def _check_functions(**functions: Any) -> None:
    for name, function in functions.items():
        if function is not None and not callable(function):
            raise InvalidTypeError(f"Expected `{name}` to be a function, but got {function!r}")


def _options(
    query_size: int, iterations: int, pool_size: int | None, further: Mapping[str, Any]
) -> dict[str, Any]:
    check_whole_number("query_size", query_size, least=1)
    check_iterations(iterations)
    if pool_size is not None:
        check_whole_number("pool_size", pool_size, least=1)
    known = sorted({*inspect.signature(ActiveLearningExperiment).parameters} - _SET_BY_COMPARE)
    if not set(further) <= set(known):
        raise InvalidArgumentError(
            f"Expected further options to be among {known}, but got {sorted(further)}"
        )
    return {
        **further, "query_size": query_size, "iterations": iterations, "pool_size": pool_size
    }  # fmt: skip


def _factories(
    heuristics: Sequence[str] | Mapping[str, HeuristicFactory],
    baseline: str | None,
    query_size: int,
    mode: Reading,
) -> dict[str, HeuristicFactory]:
    if isinstance(heuristics, str):
        raise InvalidTypeError(f"Expected `heuristics` to be a list, but got {heuristics!r}")
    by_name = dict(heuristics) if isinstance(heuristics, Mapping) else {}
    names = list(heuristics)
    if not names:
        raise InvalidArgumentError("Expected `heuristics` to hold at least one, but got none")
    for name in names:
        _check_name(name)
    if baseline is not None and baseline not in names:
        names.append(baseline)
    if len({str(name).lower() for name in names}) < len(names):
        raise InvalidArgumentError(f"Expected each heuristic once, but got {names}")
    for name in names:
        if name not in by_name:
            by_name[name] = partial(named_heuristic, name, query_size, mode)
            by_name[name](seed=0)  # an unknown name or mode is an error before anything is run
        elif not callable(by_name[name]) or isinstance(by_name[name], AbstractHeuristic):
            raise InvalidTypeError(
                "Expected `heuristics` to hold functions that make a heuristic of a seed, but got "
                f"{by_name[name]!r} for {name!r}"
            )
    return {name: by_name[name] for name in names}


def _check_name(name: Any) -> None:
    if not isinstance(name, str):
        raise InvalidTypeError(
            "Expected `heuristics` to hold names, or functions by their names, but got "
            f"{type(name).__name__}"
        )
    if not name or Path(name).name != name:
        raise InvalidArgumentError(
            f"Expected `heuristics` to have names that a folder can have, but got {name!r}"
        )


def _checked(seeds: Sequence[int]) -> list[int]:
    if not isinstance(seeds, Iterable):
        raise InvalidTypeError(f"Expected `seeds` to be a list, but got {seeds!r}")
    checked = [check_whole_number("seeds", seed, least=0) for seed in seeds]
    if not checked:
        raise InvalidArgumentError("Expected `seeds` to hold at least one, but got none")
    if max(checked) > _LAST_SEED:
        raise InvalidArgumentError(
            f"Expected `seeds` to be {_LAST_SEED} or less, but got {max(checked)}"
        )
    if len(set(checked)) < len(checked):
        raise InvalidArgumentError(f"Expected each seed once, but got {checked}")
    return checked
