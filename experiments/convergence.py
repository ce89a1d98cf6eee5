"""Convergence: how long does a model have to be trained for its uncertainty to be of use?

The number of epochs a round is varied. Figures 2 and 4 of "Bayesian active learning for production"
(https://arxiv.org/abs/2006.09916), on CIFAR10: the active gain is the error of Random minus the
error of the heuristic, at the same number of epochs.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

from baal.experiments.panels import plot_panels
from baal.experiments.records import Record
from baal.experiments.studies.figures import curve_panels, gain_panels
from baal.experiments.studies.options import whole_number
from baal.experiments.studies.parser import study_parser
from baal.experiments.studies.running import run_study
from baal.experiments.studies.study import Study, Variant
from baal.experiments.studies.tables import study_tables


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0; 2 after an error that is printed; 130 where the user has interrupted it.
    """
    parser = study_parser(
        __doc__ or "", out="runs/convergence", heuristics=("bald", "random"), leave_out=["--epochs"]
    )
    parser.add_argument(
        "--numbers-of-epochs", nargs="+", type=whole_number(1), default=[2, 5, 10, 20, 40],
        metavar="N", help="numbers of epochs a round",
    )  # fmt: skip
    study = Study.parse(parser, argv, unique=["numbers_of_epochs"])
    variants = [
        Variant(f"epochs={epochs}", replace(study.protocol, epochs=epochs), study.heuristics)
        for epochs in study.options.numbers_of_epochs
    ]

    def report(records: list[Record]) -> str:
        # With random alone, as in the beginning, there is no gain yet.
        panels = gain_panels(records) or curve_panels(records)
        plot_panels(panels, study.out / "convergence.png")
        return study_tables(records, study.protocol.label_counts)

    return run_study(study, lambda: variants, report)


if __name__ == "__main__":
    sys.exit(main())
