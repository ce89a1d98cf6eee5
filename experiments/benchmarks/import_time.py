"""How long `import baal` takes, beside a bare interpreter and beside `import torch`.

Each repeat starts one fresh interpreter for every statement, one after the other, and times it from
start to exit; times are compared within a repeat only, so that a machine that slows down meanwhile
slows all of them. One round before the first is not counted: it writes bytecode and fills the
disk's cache. Prints a Markdown table of medians.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median

BARE = "pass"
TORCH = "import torch"
BAAL = "import baal"
STATEMENTS = (BARE, BAAL, "import baal.active.heuristics", TORCH)
ASKED_FOR_MS = 100.0

Repeats = list[dict[str, float]]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        argv: Command-line options; those of the process by default.

    Returns:
        0.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--repeats", type=_positive, default=15, help="fresh interpreters a statement (default: 15)"
    )
    repeats = measure(STATEMENTS, parser.parse_args(argv).repeats)
    print(format_table(repeats))
    cost = median(times[BAAL] - times[BARE] for times in repeats)
    print(f"\n`{BAAL}`: {cost:.0f} ms; asked for: under {ASKED_FOR_MS:.0f} ms.")
    return 0


def measure(statements: Sequence[str], repeats: int) -> Repeats:
    """Time statements in fresh interpreters, taking turns.

    Args:
        statements: What to run.
        repeats: How often, at least 1.

    Returns:
        For each repeat the milliseconds of each statement, start of the interpreter included.

    Raises:
        subprocess.CalledProcessError: A statement fails.
    """
    rounds = [{code: run_once(code) for code in statements} for _ in range(repeats + 1)]
    return rounds[1:]


def run_once(code: str) -> float:
    """Run a statement in a fresh interpreter.

    Args:
        code: The statement.

    Returns:
        Milliseconds from the interpreter's start to its exit.

    Raises:
        subprocess.CalledProcessError: The statement fails.
    """
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return 1000 * (time.perf_counter() - start)


def format_table(repeats: Repeats) -> str:
    """A table of medians over the repeats.

    Args:
        repeats: From `measure`; each has a bare interpreter and `import torch`.

    Returns:
        A Markdown table: milliseconds with and without the interpreter's own, and the whole as a
        multiple of a bare interpreter's and of `import torch`'s.
    """
    lines = [
        "| statement | ms | without the interpreter, ms | x bare interpreter | x `import torch` |",
        "|---|---:|---:|---:|---:|",
    ]
    for code in repeats[0]:
        name = "(bare interpreter)" if code == BARE else f"`{code}`"
        whole = median(times[code] for times in repeats)
        own = median(times[code] - times[BARE] for times in repeats)
        by_bare = median(times[code] / times[BARE] for times in repeats)
        by_torch = median(times[code] / times[TORCH] for times in repeats)
        lines.append(f"| {name} | {whole:.0f} | {own:.0f} | {by_bare:.2f} | {by_torch:.3f} |")
    return "\n".join(lines)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, but got {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
