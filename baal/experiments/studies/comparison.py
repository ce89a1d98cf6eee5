"""A study that varies nothing but the heuristic: `compare` with a command line."""

from functools import partial

from baal.active.stopping_criteria.budgets import LabelCountsStoppingCriterion
from baal.experiments.compare import Comparison, compare
from baal.experiments.plots import plot_gains
from baal.experiments.studies.protocol import make_setup, settings_of
from baal.experiments.studies.running import check_protocol, finish
from baal.experiments.studies.study import Study

__all__ = ["run_comparison"]

BASELINE = "random"


def run_comparison(study: Study) -> int:
    """Compare heuristics as a command line asks for, or go on where that was killed.

    Args:
        study: What the command line asks for.

    Returns:
        0, or 2 after an error that is printed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from baal.experiments.studies.study import study_parser
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
    comparison.plot(study.out / "learning_curves.png", "test_error", title=study.protocol.dataset)
    curves = comparison.curves("test_error")
    if len(curves) > 1:
        plot_gains(curves, study.out / "gains.png", title=study.protocol.dataset)
    return "\n\n".join([comparison.table("test_error"), comparison.summary_table("test_error")])


def _carry_out(study: Study) -> Comparison:
    protocol = study.protocol
    check_protocol(protocol, study.heuristics)
    return compare(
        partial(make_setup, protocol),
        study.heuristics,
        study.seeds,
        initial_labels=protocol.initial_labels,
        criterion=partial(LabelCountsStoppingCriterion, label_counts=protocol.label_counts),
        query_size=protocol.query_size,
        iterations=protocol.iterations,
        pool_size=protocol.pool_size,
        baseline=BASELINE,
        mode="logits",
        folder=study.out,
        jobs=study.options.jobs,
        settings=settings_of(protocol),
    )


def _read(study: Study) -> Comparison:
    return Comparison.load(study.out, BASELINE)
