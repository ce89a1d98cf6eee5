"""Tables in Markdown, padded so that they can be read as text too."""

from collections.abc import Sequence

from baal.exceptions import InvalidArgumentError

__all__ = ["markdown_table"]

_RULES = {"l": ":{}-", "c": ":{}:", "r": "-{}:"}


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> str:
    """A table in Markdown, its cells padded to the width of their columns.

    Args:
        header: Names of the columns.
        rows: Texts, one for each column; a `|` in them is escaped.
        align: A letter a column: `l` left, `c` centre, `r` right; the last one goes for the columns
            that follow, and without any all are right.

    Returns:
        Lines without a newline at the end.

    Raises:
        InvalidArgumentError: A row has another number of cells than the header, or `align` other
            letters or more of them than there are columns.

    Example:
        >>> print(markdown_table(["heuristic", "error %"], [["bald", "3.5"]], align="lr"))
        | heuristic | error % |
        |:----------|--------:|
        | bald      |     3.5 |
    """
    for row in rows:
        if len(row) != len(header):
            raise InvalidArgumentError(
                f"Expected `rows` to have {len(header)} cells each, but got {len(row)}: {list(row)}"
            )
    if len(align) > len(header) or set(align) - set(_RULES):
        raise InvalidArgumentError(
            f"Expected `align` to be at most {len(header)} of the letters l, c and r, "
            f"but got {align!r}"
        )
    letters = align + (align[-1:] or "r") * (len(header) - len(align))
    table = [[cell.replace("|", r"\|") for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    lines = ["| " + " | ".join(map(_pad, row, widths, letters)) + " |" for row in table]
    rules = [
        _RULES[letter].format("-" * width) for width, letter in zip(widths, letters, strict=True)
    ]
    return "\n".join([lines[0], "|" + "|".join(rules) + "|", *lines[1:]])


def _pad(cell: str, width: int, letter: str) -> str:
    return {"l": cell.ljust, "c": cell.center, "r": cell.rjust}[letter](width)
