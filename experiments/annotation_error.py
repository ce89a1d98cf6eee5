"""Wrong labels: what is left of the gain of active learning when a share of the labels is wrong?

A share of the pool's labels is replaced by another class, chosen at random. Table 1 of "Bayesian
active learning for production" (https://arxiv.org/abs/2006.09916).
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

from baal.experiments.options import share
from baal.experiments.study import Study, Variant, run_study, study_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0, or 2 after an error that is printed.
    """
    parser = study_parser(__doc__ or "", out="runs/annotation_error")
    parser.add_argument(
        "--errors",
        nargs="+",
        type=share,
        default=[0.0, 0.05, 0.1],
        metavar="SHARE",
        help="shares of wrong labels",
    )
    study = Study.parse(parser, argv)
    variants = [
        Variant(
            f"errors={errors:g}",
            replace(study.protocol, annotation_errors=errors),
            study.heuristics,
        )
        for errors in study.options.errors
    ]
    return run_study(study, variants, lambda records: str(len(records)))


if __name__ == "__main__":
    sys.exit(main())
