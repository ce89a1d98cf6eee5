"""Figures of one panel or several, with one legend: lines told apart by everyone, and in grey."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError
from baal.utils.extras import require_extra

__all__ = ["Line", "Panel", "plot_panels"]

# Told apart by colour-blind people (Okabe and Ito, "Color universal design", 2008; their yellow,
# which is lost on white, left out), and in grey by markers and dashes.
_COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9"]
_MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*", "<", ">"]
_DASHES = ["-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1))]
_MOST_MARKERS = 16

# Columns of panels: width of the figure and height of a row, in inches. Shown at the width of a
# page the text stays readable.
_SIZES = {1: (7.0, 4.5), 2: (8.0, 3.2), 3: (9.0, 2.8)}
_TEXT_LINE = 0.3


@dataclass(frozen=True)
class Line:
    """One line of a panel.

    Attributes:
        name: In the legend; lines of the same name look the same in every panel.
        x: `[R]`.
        y: `[R]`; a NaN is passed over.
        band: Drawn this far above and below, `[R]`; None or NaN: no band.

    Example:
        >>> Line("bald", [10, 20], [0.5, 0.4]).name
        'bald'
    """

    name: str
    x: npt.ArrayLike
    y: npt.ArrayLike
    band: npt.ArrayLike | None = None


@dataclass(frozen=True)
class Panel:
    """One plot of a figure.

    Attributes:
        lines: What it shows.
        title: Above it.
        xlabel: Below it.
        ylabel: Beside it; panels with the same one have the same y axis.
        from_zero: Let the y axis start at 0.
        zero_line: Draw a line at 0.

    Example:
        >>> Panel([Line("bald", [10, 20], [0.5, 0.4])], ylabel="test error").xlabel
        'labels'
    """

    lines: Sequence[Line]
    title: str = ""
    xlabel: str = "labels"
    ylabel: str = ""
    from_zero: bool = False
    zero_line: bool = False


def plot_panels(
    panels: Sequence[Panel], path: Path, *, columns: int | None = None, title: str = ""
) -> None:
    """Draw panels side by side with one legend for all, and save them as a picture.

    Args:
        panels: One plot each.
        path: The picture to write; its ending decides the format.
        columns: Panels in a row; None: one, two or three of them, by their number.
        title: Above all of them.

    Raises:
        InvalidArgumentError: There are no panels, or `columns` is below 1.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> panels = [Panel([Line("bald", [10, 20], [0.5, y])]) for y in (0.4, 0.3)]
        >>> with TemporaryDirectory() as folder:
        ...     plot_panels(panels, Path(folder, "curves.png"))
        ...     Path(folder, "curves.png").exists()
        True
    """
    if not panels:
        raise InvalidArgumentError("Expected `panels` to hold at least one panel, but got none")
    if columns is not None and columns < 1:
        raise InvalidArgumentError(f"Expected `columns` to be at least 1, but got {columns}")
    require_extra("matplotlib", "plot")
    # The object-oriented interface: pyplot would choose a backend for the whole process.
    from matplotlib.figure import Figure

    count = len(panels)
    columns = min(columns or (2 if count in {2, 4} else 3), count)
    rows = -(-count // columns)
    styles = _styles(panels)
    width, height = _SIZES.get(columns, (3 * columns, 2.8))
    beside = max(1, int(width / 1.9))  # legend entries in a line
    text_lines = (-(-len(styles) // beside) if count > 1 else 0) + bool(title)
    size = (width, height * rows + _TEXT_LINE * text_lines)
    figure = Figure(figsize=size, layout="constrained")
    if title:
        figure.suptitle(title)
    handles = _draw_all(figure, panels, styles, (rows, columns))
    if count == 1:
        figure.axes[0].legend(handles.values(), handles, frameon=False)
    else:
        columns = min(beside, len(styles))
        figure.legend(
            handles.values(), handles, loc="outside lower center", ncols=columns, frameon=False
        )
    figure.savefig(path, dpi=150)


def _draw_all(
    figure: Any,
    panels: Sequence[Panel],
    styles: dict[str, dict[str, Any]],
    grid: tuple[int, int],
) -> dict[str, Any]:
    """Draw all panels; gives the lines by name. Panels that show the same thing share its axis."""
    handles: dict[str, Any] = {}
    first_of: dict[str, Any] = {}
    for i, panel in enumerate(panels):
        axes = figure.add_subplot(*grid, i + 1, sharey=first_of.get(panel.ylabel))
        if panel.ylabel:
            first_of.setdefault(panel.ylabel, axes)
        handles |= _draw(axes, panel, styles)
        if i % grid[1] and panels[i - 1].ylabel == panel.ylabel:
            axes.set_ylabel("")
    for axes, panel in zip(figure.axes, panels, strict=True):
        if panel.from_zero:  # once all are drawn: it ends the scaling of a shared axis
            axes.set_ylim(bottom=0)
    return handles


def _styles(panels: Sequence[Panel]) -> dict[str, dict[str, Any]]:
    """Colour, marker and dashes of each name, by the order in which they first appear."""
    names = dict.fromkeys(line.name for panel in panels for line in panel.lines)
    return {
        name: {
            "color": _COLOURS[i % len(_COLOURS)],
            "marker": _MARKERS[i % len(_MARKERS)],
            "linestyle": _DASHES[i % len(_DASHES)],
        }
        for i, name in enumerate(names)
    }


def _draw(axes: Any, panel: Panel, styles: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Draw a panel; gives its lines by name."""
    handles = {}
    if panel.zero_line:
        axes.axhline(0, color="0.4", linewidth=1)
    for line in panel.lines:
        x, y = np.asarray(line.x, dtype=float), np.asarray(line.y, dtype=float)
        band = np.zeros_like(y) if line.band is None else np.asarray(line.band, dtype=float)
        known = np.isfinite(y)  # a line goes on over what is missing
        x, y, band = x[known], y[known], np.nan_to_num(band[known])
        every = max(1, -(-len(x) // _MOST_MARKERS))
        style = styles[line.name]
        (handles[line.name],) = axes.plot(
            x, y, label=line.name, markersize=4, markevery=every, linewidth=1.5, **style
        )
        axes.fill_between(x, y - band, y + band, color=style["color"], alpha=0.15, linewidth=0)
    axes.set(xlabel=panel.xlabel, ylabel=panel.ylabel, title=panel.title)
    axes.grid(alpha=0.3)
    return handles
