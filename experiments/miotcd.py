"""Mio-TCD: which classes gain, where some are far rarer than others?

Images of traffic cameras in eleven classes, the pool limited to 20,000 at random, so as imbalanced
as the whole. F1 of rare classes (Single-Unit Truck, Bicycle) beside that of the most frequent one
(Car), over the number of labels: figure 3 of "Bayesian active learning for production"
(https://arxiv.org/abs/2006.09916). Other data sets lose three quarters of the pool's items in half
of their classes; two of those are shown beside one that is whole.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from baal.exceptions import InvalidArgumentError
from baal.experiments.curves import learning_curves
from baal.experiments.datasets import ImageClassificationTask, targets_of
from baal.experiments.panels import plot_panels
from baal.experiments.plots import learning_panel
from baal.experiments.records import Record
from baal.experiments.studies.parser import study_parser
from baal.experiments.studies.protocol import Protocol, task_of
from baal.experiments.studies.running import run_study
from baal.experiments.studies.study import Study, Variant
from baal.experiments.studies.tables import study_tables

DATASETS = ("miotcd", "cifar10", "fashion-mnist", "mnist5k", "mnist5k-imbalanced")
IMBALANCED = ("miotcd", "mnist5k-imbalanced")
SHOWN = ("single_unit_truck", "bicycle", "car")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0; 2 after an error that is printed; 130 where the user has interrupted it.
    """
    parser = study_parser(__doc__ or "", out="runs/miotcd", datasets=DATASETS)
    parser.add_argument(
        "--classes", nargs="+", metavar="NAME",
        help="classes to show (default: two rare ones and the most frequent)",
    )  # fmt: skip
    study = Study.parse(parser, argv, unique=["classes"])

    def variants() -> list[Variant]:
        protocol = imbalanced(study.protocol)
        classes_to_show(task_of(protocol), study.options.classes)  # an unknown one is an error now
        return [Variant(protocol.dataset, protocol, study.heuristics)]

    def report(records: list[Record]) -> str:
        task = task_of(imbalanced(study.protocol))
        shown = classes_to_show(task, study.options.classes)
        named = with_class_names(records, task.class_names)
        panels = [
            learning_panel(
                learning_curves(named, f"test_f1_of_{name}"), title=f"class {name}", ylabel="F1 (%)"
            )
            for name in shown
        ]
        plot_panels(panels, study.out / "f1.png")
        metrics = ["test_error", *(f"test_f1_of_{name}" for name in shown)]
        return "\n\n".join(
            study_tables(named, study.protocol.label_counts, [metric]) for metric in metrics
        )

    return run_study(study, variants, report)


def imbalanced(protocol: Protocol) -> Protocol:
    """The protocol, with rare classes if its data has none by itself."""
    if protocol.dataset in IMBALANCED:
        return protocol
    return replace(protocol, rare_classes=task_of(protocol).n_classes // 2)


def classes_to_show(task: ImageClassificationTask, asked: Sequence[str] | None) -> list[str]:
    """Those asked for; else those of the paper, or the two rarest and the most frequent."""
    tested = np.bincount(targets_of(task.test), minlength=task.n_classes) > 0
    known = [name for name, has_items in zip(task.class_names, tested, strict=True) if has_items]
    for name in asked or ():
        if name not in known:
            raise InvalidArgumentError(
                f"Expected --classes to be of {', '.join(known)}, but got {name!r}."
            )
    if asked or set(SHOWN) <= set(known):
        return list(asked or SHOWN)
    counts = np.bincount(targets_of(task.pool), minlength=task.n_classes)
    order = [i for i in np.argsort(counts, kind="stable") if tested[i]]
    return [task.class_names[i] for i in dict.fromkeys([*order[:2], order[-1]])]


def with_class_names(records: list[Record], names: Sequence[str]) -> list[Record]:
    """Records with the F1 of each class as a metric of its own."""
    return [
        {
            **row,
            **{f"test_f1_of_{name}": f1 for name, f1 in zip(names, row["test_f1"], strict=True)},
        }
        for row in records
    ]


if __name__ == "__main__":
    sys.exit(main())
