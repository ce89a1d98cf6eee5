"""Mio-TCD: which classes gain, where some are far rarer than others?

Images of traffic cameras in eleven classes, the pool limited to 20,000 at random, so as imbalanced
as the whole. F1 of rare classes (Single-Unit Truck, Bicycle) beside that of the most frequent one
(Car), over the number of labels: figure 3 of "Bayesian active learning for production"
(https://arxiv.org/abs/2006.09916). Other data sets lose three quarters of the pool's items in half
of their classes; two of those stand beside one that is whole.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from baal.experiments.curves import learning_curves
from baal.experiments.datasets import ImageClassificationTask, targets_of
from baal.experiments.panels import plot_panels
from baal.experiments.plots import learning_panel
from baal.experiments.records import Record
from baal.experiments.studies.protocol import Protocol, task_of
from baal.experiments.studies.running import run_study
from baal.experiments.studies.study import Study, Variant, study_parser
from baal.experiments.studies.tables import outcome_table

DATASETS = ("miotcd", "cifar10", "fashion-mnist", "mnist5k", "mnist5k-imbalanced")
IMBALANCED = ("miotcd", "mnist5k-imbalanced")
SHOWN = ("single_unit_truck", "bicycle", "car")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0, or 2 after an error that is printed.
    """
    parser = study_parser(__doc__ or "", out="runs/miotcd", datasets=DATASETS)
    parser.add_argument(
        "--classes", nargs="+", metavar="NAME",
        help="classes to show (default: two rare ones and the most frequent)",
    )  # fmt: skip
    study = Study.parse(parser, argv, unique=["classes"])
    protocol = imbalanced(study.protocol)
    variants = [Variant(study.protocol.dataset, protocol, study.heuristics)]

    def report(records: list[Record]) -> str:
        task = task_of(protocol)
        shown = study.options.classes or classes_to_show(task)
        named = with_class_names(records, task.class_names)
        metrics = [f"test_f1_{name}" for name in shown]
        panels = [
            learning_panel(learning_curves(named, metric), title=name, ylabel="F1 (%)")
            for name, metric in zip(shown, metrics, strict=True)
        ]
        plot_panels(panels, study.out / "f1.png")
        tables = [
            outcome_table(named, study.protocol.label_counts, [metric])
            for metric in ("test_error", *metrics)
        ]
        return "\n\n".join(tables)

    return run_study(study, lambda: variants, report)


def imbalanced(protocol: Protocol) -> Protocol:
    """The protocol, with rare classes if its data has none by itself."""
    if protocol.dataset in IMBALANCED:
        return protocol
    return replace(protocol, rare_classes=task_of(protocol).n_classes // 2)


def classes_to_show(task: ImageClassificationTask) -> list[str]:
    """Those of the paper, or the two rarest and the most frequent."""
    if set(SHOWN) <= set(task.class_names):
        return list(SHOWN)
    counts = np.bincount(targets_of(task.pool), minlength=task.n_classes)
    order = np.argsort(counts, kind="stable")
    return [task.class_names[i] for i in (order[0], order[1], order[-1])]


def with_class_names(records: list[Record], names: Sequence[str]) -> list[Record]:
    """Records with the F1 of each class as a metric of its own."""
    return [
        {**row, **{f"test_f1_{name}": f1 for name, f1 in zip(names, row["test_f1"], strict=True)}}
        for row in records
    ]


if __name__ == "__main__":
    sys.exit(main())
