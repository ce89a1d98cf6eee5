"""The command line that all studies have."""

import argparse
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from baal.active.heuristics.registry import available_heuristics, get_heuristic
from baal.experiments.studies.data import STUDY_DATA
from baal.experiments.studies.options import (
    HelpFormatter,
    device_option,
    one_of,
    positive_number,
    whole_number,
)
from baal.experiments.studies.protocol import protocol_for

__all__ = ["heuristics_for_classes", "study_parser"]

# Options whose defaults depend on the data set, and the type of each.
NUMBERS: dict[str, tuple[Callable[[str], float], str]] = {
    "--initial-labels": (whole_number(1), "labelled at random before the first round"),
    "--query-size": (whole_number(1), "labelled after each round"),
    "--pool-size": (whole_number(1), "score a random part of the pool, of that many items"),
    "--iterations": (whole_number(1), "posterior samples of a prediction"),
    "--epochs": (whole_number(1), "passes over the labelled items in a round"),
    "--batch-size": (whole_number(1), "items of a batch"),
    "--learning-rate": (positive_number, "of the optimizer"),
    "--workers": (whole_number(0), "processes that load data"),
}


def study_parser(
    description: str,
    out: str,
    datasets: Sequence[str] = tuple(STUDY_DATA),
    heuristics: Sequence[str] = ("bald", "entropy", "random"),
    leave_out: Sequence[str] = (),
    changes: Mapping[str, Any] | None = None,
) -> argparse.ArgumentParser:
    """The options that all studies have.

    Args:
        description: What `--help` says first.
        out: Default of `--out`.
        datasets: What `--dataset` can be; the first is its default.
        heuristics: Default of `--heuristics`.
        leave_out: Options that the study varies itself, such as `"--epochs"`.
        changes: Defaults of fields of `Protocol` that are the study's own, for all data sets.

    Returns:
        A parser, to which a study adds its own.

    Example:
        >>> "--dataset" in study_parser("A study.", out="runs/a_study").format_help()
        True
    """
    changes = changes or {}
    numbers = {name: kind for name, kind in NUMBERS.items() if name not in leave_out}
    parser = argparse.ArgumentParser(
        description=description,
        epilog=_defaults(datasets, ["--label-counts", *numbers], changes),
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    _add_comparison(parser, datasets, heuristics)
    for name, (kind, text) in numbers.items():
        parser.add_argument(name, type=kind, metavar="N", help=text)
    _add_running(parser, out)
    parser.set_defaults(**changes)
    return parser


def _add_comparison(
    parser: argparse.ArgumentParser, datasets: Sequence[str], heuristics: Sequence[str]
) -> None:
    """What is compared, on which data."""
    known = heuristics_for_classes()
    parser.add_argument(
        "--dataset", type=one_of(datasets), default=datasets[0], metavar="NAME",
        help=f"one of {', '.join(datasets)}; each has its own defaults, see below",
    )  # fmt: skip
    parser.add_argument(
        "--data", metavar="FOLDER", help="where the data set is, if not in its usual place"
    )
    parser.add_argument(
        "--heuristics", nargs="+", metavar="NAME", default=list(heuristics), type=one_of(known),
        help=f"what to compare with random, which is run too, of: {', '.join(known)}",
    )  # fmt: skip
    parser.add_argument(
        "--seeds", nargs="+", metavar="SEED", default=[0, 1, 2], type=whole_number(0, 2**32 - 1),
        help="one run of everything for each of them",
    )  # fmt: skip
    parser.add_argument(
        "--label-counts", nargs="+", metavar="N", type=whole_number(1),
        help="numbers of labels that the table shows; the last one is the end",
    )  # fmt: skip


def _add_running(parser: argparse.ArgumentParser, out: str) -> None:
    """How and where it is run."""
    parser.add_argument(
        "--image-size", type=whole_number(32), default=224, metavar="N",
        help="height and width that photographs are brought to, in pixels",
    )  # fmt: skip
    parser.add_argument(
        "--from-scratch", dest="pretrained", action="store_false",
        help="begin without weights from ImageNet",
    )  # fmt: skip
    parser.add_argument(
        "--device", type=device_option, default="cpu", help="where torch computes: cpu, cuda, mps"
    )
    one = whole_number(1)
    parser.add_argument(
        "--threads", type=one, default=1, metavar="N", help="threads of torch in each process"
    )
    parser.add_argument(
        "--jobs", type=one, default=1, metavar="N", help="runs at a time, each in its own process"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(out), metavar="FOLDER",
        help="where results are kept; started again, the runs in it go on",
    )  # fmt: skip
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--overwrite", action="store_true", help="remove the runs in that folder, and begin anew"
    )
    either.add_argument(
        "--report", action="store_true",
        help="train nothing: tables and figures of what the folder has by now",
    )  # fmt: skip


def _defaults(datasets: Sequence[str], options: Sequence[str], changes: Mapping[str, Any]) -> str:
    """Defaults by data set; data sets that have the same share a paragraph."""
    names: dict[str, list[str]] = {}
    for dataset in datasets:
        protocol = protocol_for(dataset, **changes)
        values = {name: getattr(protocol, name[2:].replace("-", "_")) for name in options}
        words = [f"{name} {_typed(value)}" for name, value in values.items() if value is not None]
        names.setdefault(", ".join(words), []).append(dataset)
    paragraphs = [
        textwrap.fill(
            f"{', '.join(same)}: {words}", width=100, initial_indent="  ",
            subsequent_indent="    ", break_long_words=False, break_on_hyphens=False,
        )
        for words, same in names.items()
    ]  # fmt: skip
    return "\n".join(["defaults by data set:", *paragraphs])


def _typed(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def heuristics_for_classes() -> list[str]:
    """Heuristics for classifiers that work on predictions alone.

    Returns:
        Their names.

    Example:
        >>> "bald" in heuristics_for_classes(), "gaussian_bald" in heuristics_for_classes()
        (True, False)
    """
    others = ("needs_variances", "needs_independent_labels")
    return [
        name
        for name in available_heuristics()
        if name != "precomputed" and not any(getattr(get_heuristic(name), fact) for fact in others)
    ]
