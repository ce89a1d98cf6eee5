"""Cold start and large batches: from 10 labels on, do embeddings help where uncertainty cannot yet?

Heuristics that look at where items lie (core-set, TypiClust, BADGE) beside those that look at
predictions, on balanced and on imbalanced data: from 10 labels, with small queries, and with
batches of 200. In the imbalanced pool, half of the classes have lost three quarters of their items.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

from baal.experiments.panels import plot_panels
from baal.experiments.records import Record
from baal.experiments.studies.figures import curve_panels
from baal.experiments.studies.options import whole_number
from baal.experiments.studies.parser import study_parser
from baal.experiments.studies.protocol import task_of
from baal.experiments.studies.running import run_study
from baal.experiments.studies.study import Study, Variant
from baal.experiments.studies.tables import study_tables

HEURISTICS = (
    "bald", "batch_bald", "power_bald", "margin", "core_set", "badge", "typiclust", "random",
)  # fmt: skip
# Few labels are seen many times: a round takes some hundred steps of the optimizer at least.
START = {"initial_labels": 10, "query_size": 20, "epochs": 60, "label_counts": (50, 100, 200, 500)}
BATCHES = (1, 2, 5)  # after so many large batches, the table has a row


def main(argv: Sequence[str] | None = None) -> int:
    """Run the study.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0; 2 after an error that is printed; 130 where the user has interrupted it.
    """
    parser = study_parser(
        __doc__ or "", out="runs/cold_start", datasets=("fashion-mnist", "mnist5k"),
        heuristics=HEURISTICS, changes=START,
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=whole_number(1), default=200, metavar="N", help="size of a large batch"
    )
    parser.add_argument(
        "--rare-classes", nargs="+", type=whole_number(0), metavar="N",
        help="numbers of classes that are cut (default: none, and half of them)",
    )  # fmt: skip
    study = Study.parse(parser, argv, unique=["rare_classes"])

    def report(records: list[Record]) -> str:
        plot_panels(curve_panels(records), study.out / "cold_start.png")
        counts = {v.name: v.protocol.label_counts for v in variants_of(study)}
        tables = [
            study_tables([row for row in records if counts[row["variant"]] == same], same)
            for same in dict.fromkeys(counts.values())
        ]
        return "\n\n".join(tables)

    return run_study(study, lambda: variants_of(study), report)


def variants_of(study: Study) -> list[Variant]:
    """Small queries and large batches, for each number of rare classes."""
    rare = study.options.rare_classes
    if rare is None:
        rare = [0, task_of(study.protocol).n_classes // 2]
    start, size = study.protocol.initial_labels, study.options.batch
    large = {"query_size": size, "label_counts": tuple(start + n * size for n in BATCHES)}
    return [
        Variant(f"rare={n} query={protocol.query_size}", protocol, study.heuristics)
        for n in rare
        for protocol in (
            replace(study.protocol, rare_classes=n),
            replace(study.protocol, rare_classes=n, **large),
        )
    ]


if __name__ == "__main__":
    sys.exit(main())
