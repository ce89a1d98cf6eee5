"""What the studies have in common: a command line, runs of several variants, their records."""

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from baal.active.heuristics.registry import available_heuristics, get_heuristic
from baal.exceptions import BaalError, InvalidArgumentError, StateError
from baal.experiments.options import (
    HelpFormatter,
    check_unique,
    device_option,
    one_of,
    positive_number,
    whole_number,
)
from baal.experiments.protocol import Protocol, protocol_for, runs_of, task_of
from baal.experiments.records import RESULTS, Record, write_records
from baal.experiments.runs import RUNS, execute_all, read_runs
from baal.experiments.study_data import STUDY_DATA
from baal.utils.extras import require_extra
from baal.utils.files import replacing

__all__ = [
    "Study",
    "Variant",
    "check_protocol",
    "finish",
    "heuristics_for_classes",
    "run_study",
    "study_parser",
]


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


def run_study(
    study: Study,
    variants: Callable[[], Sequence[Variant]],
    report: Callable[[list[Record]], str],
) -> int:
    """Carry out a study, or go on where it was killed, and say what it has shown.

    Args:
        study: What the command line asks for.
        variants: Gives what it varies.
        report: Called with all records, each with `variant`, `heuristic` and `seed`; writes figures
            into `study.out` and gives the tables, which are printed and kept as `report.md`.

    Returns:
        0, or 2 after an error that is printed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     options = ["--dataset", "mnist5k", "--out", folder, "--report"]
        ...     study = Study.parse(study_parser("A study.", out="runs"), options)
        ...     run_study(study, variants=list, report=lambda records: f"{len(records)} records")
        0 records
        0
    """

    def records() -> list[Record]:
        asked = list(variants())
        if study.options.report:
            return _read(study, asked)
        for variant in asked:
            check_protocol(variant.protocol, variant.heuristics)
        return _carry_out(study, asked)

    return finish(study, lambda: report(records()))


def finish(study: Study, work: Callable[[], str]) -> int:
    """Do the work of a study, and print and keep what it gives.

    Args:
        study: What the command line asks for.
        work: Gives the tables; whatever `BaalError` it raises is printed.

    Returns:
        0, or 2 after an error.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     options = ["--dataset", "mnist5k", "--out", folder, "--report"]
        ...     study = Study.parse(study_parser("A study.", out="runs"), options)
        ...     status = finish(study, lambda: "a table")
        ...     (Path(folder) / "report.md").read_text() == "a table" + chr(10)
        a table
        True
    """
    start = time.perf_counter()
    try:
        require_extra("matplotlib", "plot")
        if study.out.exists() and not study.out.is_dir():
            raise StateError(f"Expected --out to be a folder, but got the file {study.out}.")
        if study.options.overwrite and not study.options.report:
            shutil.rmtree(study.out / RUNS, ignore_errors=True)
        torch.set_num_threads(study.options.threads)
        text = work()
        with replacing(study.out / "report.md") as file:
            file.write(f"{text}\n".encode())
    except (BaalError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(text)
    if not study.options.report:
        print(f"\n{time.perf_counter() - start:.0f} seconds. Tables and figures: {study.out}")
    return 0


def check_protocol(protocol: Protocol, heuristics: Sequence[str]) -> None:
    """Refuse what cannot be met before anything is trained.

    Args:
        protocol: The protocol.
        heuristics: Names of the heuristics.

    Raises:
        InvalidArgumentError: There are fewer items than labels asked for, or a single posterior
            sample for heuristics that look at how samples disagree.

    Example:
        >>> check_protocol(protocol_for("mnist5k"), ["bald"])
    """
    n_pool, last = len(task_of(protocol).pool), protocol.label_counts[-1]
    if last > n_pool or protocol.initial_labels > last:
        raise InvalidArgumentError(
            f"Expected --initial-labels <= --label-counts <= {n_pool}, the size of the pool, "
            f"but got {protocol.initial_labels} and {list(protocol.label_counts)}."
        )
    for name in heuristics:
        if protocol.iterations == 1 and get_heuristic(name).min_dims == 3:
            raise InvalidArgumentError(
                f"Expected --iterations to be at least 2, since {name} compares posterior samples, "
                "but got 1."
            )


def _carry_out(study: Study, variants: Sequence[Variant]) -> list[Record]:
    study.out.mkdir(parents=True, exist_ok=True)
    runs = [
        (variant, run)
        for variant in variants
        for run in runs_of(
            variant.protocol, variant.heuristics, study.seeds, _folder(study, variant), variant.name
        )
    ]
    found = execute_all([run for _, run in runs], study.options.jobs)
    records = [
        {"variant": variant.name, **row}
        for (variant, _), rows in zip(runs, found, strict=True)
        for row in rows
    ]
    write_records(study.out / RESULTS, records)
    return records


def _read(study: Study, variants: Sequence[Variant]) -> list[Record]:
    """What the folders of the runs have by now."""
    return [
        {"variant": variant.name, **row}
        for variant in variants
        for row in read_runs(_folder(study, variant))
        if row["seed"] in study.seeds and row["heuristic"] in variant.heuristics
    ]


def _folder(study: Study, variant: Variant) -> Path:
    return study.out / RUNS / variant.name
