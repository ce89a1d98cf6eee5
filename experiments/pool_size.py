"""The scored share of the pool: how much of it has to be scored, and what does that save?

In each round a random part of the pool is scored, of a size that stays the same: a share of the
pool at the start. Figure 5 of "Bayesian active learning for production"
(https://arxiv.org/abs/2006.09916), on CIFAR10, which reports no loss with a quarter of the pool,
scored in a third of the time.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from baal.exceptions import InvalidArgumentError
from baal.experiments.markdown import markdown_table
from baal.experiments.panels import plot_panels
from baal.experiments.records import Record
from baal.experiments.studies.figures import variant_panels
from baal.experiments.studies.options import share
from baal.experiments.studies.parser import study_parser
from baal.experiments.studies.protocol import task_of
from baal.experiments.studies.running import run_study
from baal.experiments.studies.study import BASELINE_HEURISTIC, Study, Variant
from baal.experiments.studies.tables import BASELINE, study_tables, variants_in


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0; 2 after an error that is printed; 130 where the user has interrupted it.
    """
    parser = study_parser(
        __doc__ or "",
        out="runs/pool_size",
        heuristics=("bald", "random"),
        leave_out=["--pool-size"],
    )
    parser.add_argument(
        "--shares", nargs="+", type=share, default=[0.05, 0.25, 1.0], metavar="SHARE",
        help="scored shares of the pool",
    )  # fmt: skip
    study = Study.parse(parser, argv, unique=["shares"])

    def report(records: list[Record]) -> str:
        plot_panels(variant_panels(records), study.out / "pool_size.png")
        tables = study_tables(records, study.protocol.label_counts)
        return "\n\n".join(filter(None, [tables, seconds_table(records)]))

    return run_study(study, lambda: variants_of(study), report)


def variants_of(study: Study) -> list[Variant]:
    """One for each share, and Random, which scores nothing."""
    n_pool = len(task_of(study.protocol).pool)
    variants = []
    for part in study.options.shares:
        pool_size = None if part == 1 else round(part * n_pool)
        if pool_size is not None and pool_size < study.protocol.query_size:
            raise InvalidArgumentError(
                f"Expected --shares to be at least one query of {study.protocol.query_size} items, "
                f"but got {part:g} of {n_pool}."
            )
        protocol = replace(study.protocol, pool_size=pool_size)
        variants.append(Variant(f"scored={part:g}", protocol, study.others()))
    baseline = replace(study.protocol, pool_size=None)
    return [*variants, Variant(BASELINE, baseline, (BASELINE_HEURISTIC,))]


def seconds_table(records: list[Record]) -> str:
    """Seconds of a scoring step, and how many times faster that is than the slowest variant."""
    steps = {
        variant: [
            row["seconds"]["score"]
            for row in records
            if row["variant"] == variant and row["chosen"]  # the last round scores nothing
        ]
        for variant in variants_in(records)
    }
    medians = {variant: median(seconds) for variant, seconds in steps.items() if seconds}
    if not medians:
        return ""
    most = max(medians.values())
    rows = [[name, f"{s:.2f}", f"{most / s:.1f}"] for name, s in medians.items()]
    header = ["variant", "seconds to score", "times faster"]
    title = "Seconds of one scoring step: the median over rounds, seeds and heuristics."
    return f"{title}\n\n{markdown_table(header, rows, align='lr')}"


if __name__ == "__main__":
    sys.exit(main())
