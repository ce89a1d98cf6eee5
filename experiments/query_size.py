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
from baal.experiments.studies.running import run_study
from baal.experiments.studies.study import Study, Variant, study_parser
from baal.experiments.studies.tables import BASELINE, gain_table, outcome_table


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0, or 2 after an error that is printed.
    """
    parser = study_parser(
        __doc__ or "", out="runs/query_size", heuristics=("bald", "entropy"),
        leave_out=["--query-size"],
    )  # fmt: skip
    parser.add_argument(
        "--query-sizes", nargs="+", type=whole_number(1), default=[50, 250, 500, 2000],
        metavar="N", help="the query sizes",
    )  # fmt: skip
    study = Study.parse(parser, argv, unique=["query_sizes"])
    # The largest first: their few rounds are the soonest done.
    variants = [
        Variant(f"query={size}", replace(study.protocol, query_size=size), study.heuristics)
        for size in sorted(study.options.query_sizes, reverse=True)
    ]
    variants.append(Variant(BASELINE, variants[0].protocol, ("random",)))

    def report(records: list[Record]) -> str:
        plot_panels(variant_panels(records), study.out / "query_size.png")
        counts = study.protocol.label_counts
        return "\n\n".join([outcome_table(records, counts), gain_table(records, counts)])

    return run_study(study, lambda: variants, report)


if __name__ == "__main__":
    sys.exit(main())
