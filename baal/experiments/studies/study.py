"""What the studies have in common: what they vary, and their command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from baal.active.heuristics.registry import available_heuristics, get_heuristic
from baal.experiments.studies.data import STUDY_DATA
from baal.experiments.studies.options import (
    HelpFormatter,
    check_unique,
    device_option,
    one_of,
    positive_number,
    whole_number,
)
from baal.experiments.studies.protocol import Protocol, protocol_for

__all__ = ["Study", "Variant", "heuristics_for_classes", "study_parser"]


@dataclass(frozen=True)
class Variant:
    """One setting of what a study varies.

    Attributes:
        name: In records and names of folders.
        protocol: How its runs train and label.
        heuristics: Names of the heuristics.

    Example:
        >>> Variant("errors 5 %", Protocol("mnist5k"), ("bald",)).name
        'errors 5 %'
    """

    name: str
    protocol: Protocol
    heuristics: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """What the command line of a study asks for.

    Attributes:
        protocol: The protocol before anything is varied.
        heuristics: Names of the heuristics.
        seeds: The seeds.
        out: The folder of the results.
        options: All options by name, those that only this study has among them.

    Example:
        >>> parser = study_parser("A study.", out="runs/a_study")
        >>> Study.parse(parser, ["--dataset", "mnist5k", "--seeds", "3"]).seeds
        (3,)
    """

    protocol: Protocol
    heuristics: tuple[str, ...]
    seeds: tuple[int, ...]
    out: Path
    options: argparse.Namespace

    @classmethod
    def parse(
        cls,
        parser: argparse.ArgumentParser,
        argv: Sequence[str] | None = None,
        unique: Sequence[str] = (),
    ) -> "Study":
        """Read a command line; argparse ends the process with status 2 on a bad option.

        Args:
            parser: From `study_parser`.
            argv: The options; those of the process by default.
            unique: Names of further options whose values come but once.

        Returns:
            The study.
        """
        args = parser.parse_args(argv)
        for option in ("seeds", "heuristics", *unique):
            check_unique(parser, option.replace("_", "-"), getattr(args, option) or ())
        given = {
            name: getattr(args, name)
            for name in (field.name for field in fields(Protocol))
            if name != "dataset" and hasattr(args, name)
        }
        if given["label_counts"] is not None:
            given["label_counts"] = tuple(sorted(set(given["label_counts"])))
        given["joint"] = any(get_heuristic(name).needs_joint_samples for name in args.heuristics)
        protocol = protocol_for(args.dataset, **given)
        return cls(protocol, tuple(args.heuristics), tuple(args.seeds), args.out, args)


def study_parser(
    description: str,
    out: str,
    datasets: Sequence[str] = tuple(STUDY_DATA),
    heuristics: Sequence[str] = ("bald", "entropy", "random"),
    leave_out: Sequence[str] = (),
) -> argparse.ArgumentParser:
    """The options that all studies have.

    Args:
        description: What `--help` says first.
        out: Default of `--out`.
        datasets: What `--dataset` can be; the first is its default.
        heuristics: Default of `--heuristics`.
        leave_out: Options that the study varies itself, such as `"--epochs"`.

    Returns:
        A parser, to which a study adds its own.

    Example:
        >>> "--dataset" in study_parser("A study.", out="runs/a_study").format_help()
        True
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=HelpFormatter, allow_abbrev=False
    )

    def add(name: str, **settings: Any) -> None:
        if name not in leave_out:
            parser.add_argument(name, **settings)

    known = heuristics_for_classes()
    add(
        "--dataset",
        type=one_of(datasets),
        default=datasets[0],
        metavar="NAME",
        help=f"one of {', '.join(datasets)}; options without a default have one for each of them",
    )
    add("--data", help="folder of the data set, where it is not in its usual place")
    add(
        "--heuristics",
        nargs="+",
        metavar="NAME",
        default=list(heuristics),
        type=one_of(known),
        help=f"what to compare, of: {', '.join(known)}",
    )
    add(
        "--seeds",
        nargs="+",
        metavar="SEED",
        default=[0, 1, 2],
        type=whole_number(0, 2**32 - 1),
        help="one run of everything for each of them",
    )
    add(
        "--label-counts",
        nargs="+",
        metavar="N",
        type=whole_number(1),
        help="numbers of labels that the table shows; the last one is the end",
    )
    add("--initial-labels", type=whole_number(1), help="labelled at random before the first round")
    add("--query-size", type=whole_number(1), help="labelled after each round")
    add("--pool-size", type=whole_number(1), help="score a random part of the pool of that size")
    add("--iterations", type=whole_number(1), help="posterior samples of a prediction")
    add("--epochs", type=whole_number(1), help="passes over the labelled items in a round")
    add("--batch-size", type=whole_number(1), help="items of a batch")
    add("--learning-rate", type=positive_number, help="of the optimizer")
    add("--image-size", type=whole_number(32), help="photographs are brought to that many pixels")
    add(
        "--from-scratch",
        dest="pretrained",
        action="store_false",
        help="begin without weights from ImageNet",
    )
    add("--device", type=device_option, default="cpu", help="where torch computes: cpu, cuda, mps")
    add("--threads", type=whole_number(1), default=1, help="threads of torch in each process")
    add("--jobs", type=whole_number(1), default=1, help="runs at a time, each in its own process")
    add("--out", type=Path, default=Path(out), help="folder of the results; runs go on in it")
    add("--overwrite", action="store_true", help="remove what the folder has, and begin anew")
    add(
        "--report",
        action="store_true",
        help="train nothing: tables and figures of what the folder has by now",
    )
    return parser  # fmt: skip


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
