"""Wrong labels: what is left of the gain of active learning when a share of the labels is wrong?

A share of the pool's labels is replaced by another class, chosen at random; the test set keeps its
own. Table 1 of "Bayesian active learning for production" (https://arxiv.org/abs/2006.09916), on
CIFAR10.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

from baal.experiments.panels import plot_panels
from baal.experiments.records import Record
from baal.experiments.studies.figures import curve_panels
from baal.experiments.studies.options import share
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
    parser = study_parser(__doc__ or "", out="runs/annotation_error")
    parser.add_argument(
        "--errors", nargs="+", type=share, default=[0.0, 0.05, 0.1], metavar="SHARE",
        help="shares of wrong labels",
    )  # fmt: skip
    study = Study.parse(parser, argv, unique=["errors"])
    variants = [
        Variant(
            f"errors={errors:g}",
            replace(study.protocol, annotation_errors=errors),
            study.heuristics,
        )
        for errors in study.options.errors
    ]

    def report(records: list[Record]) -> str:
        plot_panels(curve_panels(records), study.out / "annotation_error.png")
        return study_tables(records, study.protocol.label_counts)

    return run_study(study, lambda: variants, report)


if __name__ == "__main__":
    sys.exit(main())
