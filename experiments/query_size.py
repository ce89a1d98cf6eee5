"""The query size: what does it cost to label many items before the model is trained again?

Table 2 of "Bayesian active learning for production" (https://arxiv.org/abs/2006.09916), on CIFAR10.
Whatever the query size, the numbers of labels in the table are met exactly: the query that would
pass one of them is cut. What Random chooses does not depend on the query size, so it is run once,
with the largest.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

from baal.experiments.panels import plot_panels
from baal.experiments.records import Record
from baal.experiments.studies.figures import variant_panels
from baal.experiments.studies.options import whole_number
from baal.experiments.studies.parser import study_parser
from baal.experiments.studies.running import run_study
from baal.experiments.studies.study import BASELINE_HEURISTIC, Study, Variant
from baal.experiments.studies.tables import BASELINE, study_tables


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0; 2 after an error that is printed; 130 where the user has interrupted it.
    """
    parser = study_parser(
        __doc__ or "", out="runs/query_size", heuristics=("bald", "entropy", "random"),
        leave_out=["--query-size"],
    )  # fmt: skip
    parser.add_argument(
        "--query-sizes", nargs="+", type=whole_number(1), default=[50, 250, 500, 2000],
        metavar="N", help="the query sizes",
    )  # fmt: skip
    study = Study.parse(parser, argv, unique=["query_sizes"])

    def report(records: list[Record]) -> str:
        plot_panels(variant_panels(records), study.out / "query_size.png")
        return study_tables(records, study.protocol.label_counts)

    return run_study(study, lambda: variants_of(study), report)


def variants_of(study: Study) -> list[Variant]:
    """One for each query size, and Random."""
    # The largest first: their few rounds are the soonest done.
    sizes = sorted(study.options.query_sizes, reverse=True)
    variants = [
        Variant(f"query={size}", replace(study.protocol, query_size=size), study.others())
        for size in sizes
    ]
    return [*variants, Variant(BASELINE, variants[0].protocol, (BASELINE_HEURISTIC,))]


if __name__ == "__main__":
    sys.exit(main())
