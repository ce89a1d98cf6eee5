"""Imbalance: does active learning find the items of classes that are rare in the pool?

A number of classes lose three quarters of their items in the pool; the test set stays balanced.
Table 3 of "Bayesian active learning for production" (https://arxiv.org/abs/2006.09916), on
CIFAR100.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

from baal.experiments.panels import plot_panels
from baal.experiments.records import Record
from baal.experiments.studies.figures import curve_panels
from baal.experiments.studies.options import whole_number
from baal.experiments.studies.parser import study_parser
from baal.experiments.studies.protocol import task_of
from baal.experiments.studies.running import run_study
from baal.experiments.studies.study import Study, Variant
from baal.experiments.studies.tables import study_tables

DATASETS = ("cifar100", "cifar10", "fashion-mnist", "mnist5k")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0; 2 after an error that is printed; 130 where the user has interrupted it.
    """
    parser = study_parser(__doc__ or "", out="runs/imbalance", datasets=DATASETS)
    parser.add_argument(
        "--rare-classes", nargs="+", type=whole_number(0), metavar="N",
        help="numbers of classes that are cut (default: none, a fifth and a half of them)",
    )  # fmt: skip
    study = Study.parse(parser, argv, unique=["rare_classes"])

    def report(records: list[Record]) -> str:
        plot_panels(curve_panels(records), study.out / "imbalance.png")
        return study_tables(records, study.protocol.label_counts)

    return run_study(study, lambda: variants_of(study), report)


def variants_of(study: Study) -> list[Variant]:
    """One for each number of rare classes."""
    numbers = study.options.rare_classes
    if numbers is None:
        n_classes = task_of(study.protocol).n_classes
        numbers = [0, n_classes // 5, n_classes // 2]
    return [
        Variant(f"rare={n}", replace(study.protocol, rare_classes=n), study.heuristics)
        for n in numbers
    ]


if __name__ == "__main__":
    sys.exit(main())
