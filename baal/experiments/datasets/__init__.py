"""Data to try active learning on, and changes that make it harder.

Each data set is an `ImageClassificationTask`, but `tree_crowns`, a `SegmentationTask`. `mnist_5k`,
`imbalanced_mnist_5k`, `fashion_mnist` and `tree_crowns` need no download of ours; `cifar10`,
`cifar100` and `miotcd` read photographs from their published layouts, by the extra `vision`.
"""

from baal.experiments.datasets.changes import (
    with_annotation_errors,
    with_pool_limit,
    with_rare_classes,
)
from baal.experiments.datasets.cifar import cifar10, cifar100
from baal.experiments.datasets.fashion_mnist import fashion_mnist
from baal.experiments.datasets.miotcd import miotcd
from baal.experiments.datasets.mnist5k import imbalanced_mnist_5k, mnist_5k
from baal.experiments.datasets.task import ImageClassificationTask, SegmentationTask, targets_of
from baal.experiments.datasets.tree_crowns import tree_crowns

__all__ = [
    "ImageClassificationTask",
    "SegmentationTask",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imbalanced_mnist_5k",
    "miotcd",
    "mnist_5k",
    "targets_of",
    "tree_crowns",
    "with_annotation_errors",
    "with_pool_limit",
    "with_rare_classes",
]
