"""The plain run of the paper: VGG-16 with MC-Dropout on CIFAR10, BALD and Entropy against Random.

VGG-16 pretrained on ImageNet, 500 labels to begin with, 20 posterior samples, the 100 most
uncertain items labelled at each step, weights reset to their initial values between steps:
"Bayesian active learning for production" (https://arxiv.org/abs/2006.09916). Images and weights are
downloaded by torchvision (extra `vision`). Small data sets have a small CNN instead.
"""

import sys
from collections.abc import Sequence

from baal.experiments.studies.comparison import run_comparison
from baal.experiments.studies.parser import study_parser
from baal.experiments.studies.study import Study


def main(argv: Sequence[str] | None = None) -> int:
    """Run it.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0; 2 after an error that is printed; 130 where the user has interrupted it.
    """
    parser = study_parser(__doc__ or "", out="runs/vgg_mcdropout_cifar10")
    return run_comparison(Study.parse(parser, argv))


if __name__ == "__main__":
    sys.exit(main())
