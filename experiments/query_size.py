"""The query size: what does it cost to label many items before the model is trained again?

Table 2 of "Bayesian active learning for production" (https://arxiv.org/abs/2006.09916). Whatever
the query size, the numbers of labels in the table are met exactly: the query before one of them is
cut.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

from baal.experiments.options import whole_number
from baal.experiments.study import Study, Variant, run_study, study_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0, or 2 after an error that is printed.
    """
    parser = study_parser(__doc__ or "", out="runs/query_size", heuristics=("bald",))
    parser.add_argument(
        "--query-sizes",
        nargs="+",
        type=whole_number(1),
        default=[50, 250, 500, 2000],
        metavar="N",
        help="the query sizes",
    )
    study = Study.parse(parser, argv)
    sizes = sorted(study.options.query_sizes, reverse=True)
    variants = [
        Variant(f"query={size}", replace(study.protocol, query_size=size), study.heuristics)
        for size in sizes
    ]
    # What Random chooses does not depend on the query size: the fewest rounds will do.
    variants.append(Variant("baseline", variants[0].protocol, ("random",)))
    return run_study(study, variants, lambda records: str(len(records)))


if __name__ == "__main__":
    sys.exit(main())
