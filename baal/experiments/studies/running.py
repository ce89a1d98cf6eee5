"""Carries out a study, or goes on where it was killed, and says what it has shown."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from baal.active.heuristics.registry import get_heuristic
from baal.exceptions import BaalError, InvalidArgumentError, StateError
from baal.experiments.records import RESULTS, Record, write_records
from baal.experiments.runs import RUNS, read_runs
from baal.experiments.side_by_side import execute_all
from baal.experiments.studies.protocol import Protocol, runs_of, task_of
from baal.experiments.studies.study import Study, Variant
from baal.utils.extras import require_extra
from baal.utils.files import replacing
from baal.utils.locks import locked

__all__ = ["check_protocol", "finish", "make_way", "run_study"]

REPORT = "report.md"


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
        As `finish`.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from baal.experiments.studies.parser import study_parser
        >>> with TemporaryDirectory() as folder:
        ...     options = ["--dataset", "mnist5k", "--out", folder, "--report"]
        ...     study = Study.parse(study_parser("A study.", out="runs"), options)
        ...     run_study(study, variants=list, report=str)  # nothing was run: says so on stderr
        2
    """

    def work() -> str:
        asked = list(variants())
        if study.options.report:
            return report(_read(study, asked))
        for variant in asked:
            check_protocol(variant.protocol, variant.heuristics)
        make_way(study)
        return report(_carry_out(study, asked))

    return finish(study, work)


def finish(study: Study, work: Callable[[], str]) -> int:
    """Do the work of a study, and print and keep what it gives.

    Args:
        study: What the command line asks for.
        work: Gives the tables; whatever `BaalError` it raises is printed.

    Returns:
        0; 2 after an error; 130 where the user has interrupted it.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from baal.experiments.studies.parser import study_parser
        >>> with TemporaryDirectory() as folder:
        ...     options = ["--dataset", "mnist5k", "--out", folder, "--report"]
        ...     study = Study.parse(study_parser("A study.", out="runs"), options)
        ...     status = finish(study, lambda: "a table")
        ...     (Path(folder) / "report.md").read_text() == "a table" + chr(10)
        a table
        True
    """
    start = time.perf_counter()
    torch.set_num_threads(study.options.threads)
    try:
        require_extra("matplotlib", "plot")
        text = work()
        with replacing(study.out / REPORT) as file:
            file.write(f"{text}\n".encode())
    except (BaalError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; the same command without --overwrite goes on", file=sys.stderr)
        return 130  # as a shell counts: 128 + SIGINT
    print(text)
    if not study.options.report:
        print(f"\n{time.perf_counter() - start:.0f} seconds. Tables and figures: {study.out}")
    return 0


def make_way(study: Study) -> None:
    """Make the folder of a study, and remove what it has if that is asked for.

    Args:
        study: What the command line asks for.

    Raises:
        StateError: The folder is a file, or cannot be written, or another process works on a run
            that would be removed; nothing was removed then.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from baal.experiments.studies.parser import study_parser
        >>> with TemporaryDirectory() as folder:
        ...     options = ["--dataset", "mnist5k", "--out", f"{folder}/new"]
        ...     make_way(Study.parse(study_parser("A study.", out="runs"), options))
        ...     Path(folder, "new").is_dir()
        True
    """
    try:
        study.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=study.out) as probe:
            probe.write(b"?")
    except OSError as error:
        raise StateError(
            f"Expected --out to be a folder that can be written, but got {study.out}: "
            f"{error.strerror}."
        ) from error
    if study.options.overwrite:
        for lock in (study.out / RUNS).rglob("lock"):
            with locked(lock):  # an error where somebody is at work
                pass
        for name in (RESULTS, REPORT):
            (study.out / name).unlink(missing_ok=True)
        if (study.out / RUNS).exists():
            shutil.rmtree(study.out / RUNS)


def check_protocol(protocol: Protocol, heuristics: Sequence[str]) -> None:
    """Refuse what cannot be met before anything is trained.

    Args:
        protocol: The protocol.
        heuristics: Names of the heuristics.

    Raises:
        InvalidArgumentError: There are fewer items than labels asked for, more labels to begin
            with than the table shows, or a single posterior sample for heuristics that look at how
            samples disagree.

    Example:
        >>> from baal.experiments.studies.protocol import protocol_for
        >>> check_protocol(protocol_for("mnist5k"), ["bald"])
    """
    n_pool, counts = len(task_of(protocol).pool), protocol.label_counts
    if not protocol.initial_labels <= counts[0] <= counts[-1] <= n_pool:
        raise InvalidArgumentError(
            f"Expected --initial-labels <= --label-counts <= {n_pool}, the size of the pool, "
            f"but got {protocol.initial_labels} and {' '.join(map(str, counts))}."
        )
    for name in heuristics:
        if protocol.iterations == 1 and get_heuristic(name).min_dims == 3:
            raise InvalidArgumentError(
                f"Expected --iterations to be at least 2, since {name} compares posterior samples, "
                "but got 1."
            )


def _carry_out(study: Study, variants: Sequence[Variant]) -> list[Record]:
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
    found = [
        {"variant": variant.name, **row}
        for variant in variants
        for row in read_runs(_folder(study, variant))
        if row["seed"] in study.seeds and row["heuristic"] in variant.heuristics
    ]
    if not found:
        raise StateError(f"Expected --out to hold runs of this study, but got {study.out} without.")
    return found


def _folder(study: Study, variant: Variant) -> Path:
    return study.out / RUNS / variant.name
