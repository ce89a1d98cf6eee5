"""Heuristics side by side: learning curves, labels saved, areas, and paired tests against Random.

Each heuristic on each seed, from the same initial labels and weights. BatchBALD and EPIG ask for
joint posterior samples, so if one of them takes part, all of them get those (consistent dropout).
"""

import sys
from collections.abc import Sequence

from baal.experiments.studies.comparison import run_comparison
from baal.experiments.studies.parser import study_parser
from baal.experiments.studies.study import Study

DATASETS = ("mnist5k-imbalanced", "mnist5k", "fashion-mnist", "cifar10", "cifar100", "miotcd")
HEURISTICS = ("bald", "batch_bald", "power_bald", "entropy", "margin", "epig", "random")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0; 2 after an error that is printed; 130 where the user has interrupted it.
    """
    parser = study_parser(
        __doc__ or "", out="runs/compare_heuristics", datasets=DATASETS, heuristics=HEURISTICS
    )
    return run_comparison(Study.parse(parser, argv))


if __name__ == "__main__":
    sys.exit(main())
