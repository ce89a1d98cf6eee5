"""What a study varies, and what its command line asks for."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from baal.active.heuristics.registry import get_heuristic
from baal.exceptions import InvalidArgumentError
from baal.experiments.studies.options import check_unique
from baal.experiments.studies.protocol import Protocol, protocol_for

__all__ = ["BASELINE_HEURISTIC", "Study", "Variant"]

BASELINE_HEURISTIC = "random"


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
        heuristics: Names of the heuristics, `random` among them.
        seeds: The seeds.
        out: The folder of the results.
        options: All options by name, those that only this study has among them.

    Example:
        >>> from baal.experiments.studies.parser import study_parser
        >>> parser = study_parser("A study.", out="runs/a_study")
        >>> study = Study.parse(parser, ["--dataset", "mnist5k", "--heuristics", "bald"])
        >>> study.heuristics, study.others()
        (('bald', 'random'), ('bald',))
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
        heuristics = dict.fromkeys([*args.heuristics, BASELINE_HEURISTIC])
        protocol = protocol_for(args.dataset, **given)
        return cls(protocol, tuple(heuristics), tuple(args.seeds), args.out, args)

    def others(self) -> tuple[str, ...]:
        """The heuristics without `random`, for studies in which that is run but once.

        Returns:
            Their names.

        Raises:
            InvalidArgumentError: There are none.
        """
        others = tuple(name for name in self.heuristics if name != BASELINE_HEURISTIC)
        if not others:
            raise InvalidArgumentError(
                f"Expected --heuristics to have one beside {BASELINE_HEURISTIC}, but got none."
            )
        return others
