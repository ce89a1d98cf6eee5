"""A study that varies nothing but the heuristic: `compare` with a command line."""

from functools import partial

from baal.active.stopping_criteria.budgets import LabelCountsStoppingCriterion
from baal.exceptions import StateError
from baal.experiments.compare import Comparison, compare
from baal.experiments.curves import find_baseline
from baal.experiments.plots import plot_gains
from baal.experiments.runs import RUNS, read_runs
from baal.experiments.studies.protocol import make_setup, settings_of
from baal.experiments.studies.running import check_protocol, finish, make_way
from baal.experiments.studies.study import BASELINE_HEURISTIC, Study
from baal.experiments.studies.tables import study_tables

__all__ = ["run_comparison"]

OF_CURVES = "Error on the test set, by number of labels: mean ± standard error over seeds."
OF_SUMMARY = (
    "Each heuristic as a whole, beside random on the same seeds: ± is the standard error, brackets "
    "hold 95 % intervals."
)


def run_comparison(study: Study) -> int:
    """Compare heuristics as a command line asks for, or go on where that was killed.

    Args:
        study: What the command line asks for.

    Returns:
        As `finish`.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from baal.experiments.studies.parser import study_parser
        >>> parser = study_parser("A comparison.", out="runs")
        >>> with TemporaryDirectory() as folder:
        ...     options = ["--dataset", "mnist5k", "--heuristics", "bald", "--seeds", "0"]
        ...     options += ["--label-counts", "9999", "--out", folder]
        ...     run_comparison(Study.parse(parser, options))  # says why on stderr
        2
    """
    return finish(study, lambda: _work(study))


def _work(study: Study) -> str:
    comparison = _read(study) if study.options.report else _carry_out(study)
    dataset = study.protocol.dataset
    comparison.plot(study.out / "learning_curves.png", "test_error", title=dataset)
    curves = comparison.curves("test_error")
    if len(curves) > 1 and find_baseline(curves, BASELINE_HEURISTIC):
        plot_gains(curves, study.out / "gains.png", title=dataset)
    rows = [{"variant": dataset, **row} for row in comparison.records]
    outcome = study_tables(rows, study.protocol.label_counts, baseline=BASELINE_HEURISTIC)
    tables = [comparison.table("test_error"), comparison.summary_table("test_error")]
    return "\n\n".join([outcome, OF_CURVES, tables[0], OF_SUMMARY, tables[1]])


def _carry_out(study: Study) -> Comparison:
    protocol = study.protocol
    check_protocol(protocol, study.heuristics)
    make_way(study)
    return compare(
        partial(make_setup, protocol),
        study.heuristics,
        study.seeds,
        initial_labels=protocol.initial_labels,
        criterion=partial(LabelCountsStoppingCriterion, label_counts=protocol.label_counts),
        query_size=protocol.query_size,
        iterations=protocol.iterations,
        pool_size=protocol.pool_size,
        baseline=BASELINE_HEURISTIC,
        mode="logits",
        folder=study.out,
        jobs=study.options.jobs,
        settings=settings_of(protocol),
    )


def _read(study: Study) -> Comparison:
    """What the folders of the runs have by now."""
    rows = [
        row
        for row in read_runs(study.out / RUNS)
        if row["seed"] in study.seeds and row["heuristic"] in study.heuristics
    ]
    if not rows:
        raise StateError(f"Expected --out to hold a comparison, but got {study.out} without.")
    return Comparison(rows, BASELINE_HEURISTIC)
