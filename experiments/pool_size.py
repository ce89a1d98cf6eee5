"""The scored share of the pool: how much of it has to be scored, and what does that save?

In each round a random part of the pool is scored, of a fixed size. Figure 5 of "Bayesian active
learning for production" (https://arxiv.org/abs/2006.09916), which reports no loss with a quarter of
the pool, and scores three times faster.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

from baal.experiments.options import share
from baal.experiments.protocol import task_of
from baal.experiments.study import Study, Variant, run_study, study_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0, or 2 after an error that is printed.
    """
    parser = study_parser(__doc__ or "", out="runs/pool_size", heuristics=("bald",))
    parser.add_argument(
        "--shares",
        nargs="+",
        type=share,
        default=[0.05, 0.25, 1.0],
        metavar="SHARE",
        help="scored shares of the pool",
    )
    study = Study.parse(parser, argv)
    n_pool = len(task_of(study.protocol).pool)
    variants = [
        Variant(
            f"scored={part:g}",
            replace(study.protocol, pool_size=None if part == 1 else round(part * n_pool)),
            study.heuristics,
        )
        for part in study.options.shares
    ]
    variants.append(Variant("baseline", replace(study.protocol, pool_size=None), ("random",)))
    return run_study(study, variants, lambda records: str(len(records)))


if __name__ == "__main__":
    sys.exit(main())
