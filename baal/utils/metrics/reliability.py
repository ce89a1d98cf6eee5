"""Reliability diagrams: how often something came true, against the probability it was given."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from baal.exceptions import InvalidArgumentError
from baal.utils.extras import require_extra

__all__ = ["Reliability", "plot_reliability"]

_BLUE, _ORANGE = "#0072B2", "#D55E00"
_COLUMNS = 4


@dataclass(frozen=True)
class Reliability:
    """What came true in each bin of probability. All are `[n_bins]`; NaN in a bin without items.

    Attributes:
        items: Number of items.
        frequency: How often it came true: the accuracy, or the frequency of a class.
        confidence: The mean probability.

    Example:
        >>> Reliability(np.array([2.0]), np.array([0.5]), np.array([0.75])).error
        0.25
    """

    items: npt.NDArray[np.float64]
    frequency: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]

    @classmethod
    def of(cls, sums: torch.Tensor) -> "Reliability":
        """From the sums of each bin.

        Args:
            sums: `[3, n_bins]`: items, how many came true, probabilities.

        Returns:
            The same as means.

        Example:
            >>> Reliability.of(torch.tensor([[2.0], [1.0], [1.5]])).confidence.tolist()
            [0.75]
        """
        items, hits, confidence = sums
        return cls(items.numpy(), (hits / items).numpy(), (confidence / items).numpy())

    @property
    def error(self) -> float:
        """The calibration error: the mean gap, weighted by items; NaN without any."""
        filled = self.items > 0
        if not filled.any():
            return float("nan")
        gaps = np.abs(self.frequency - self.confidence)[filled]
        return float(gaps @ self.items[filled] / self.items.sum())


def plot_reliability(diagrams: Sequence[Reliability], path: str | Path | None = None) -> Any:
    """Draw reliability diagrams; the share of items in each bin is drawn below.

    Args:
        diagrams: One for all items, or one a class.
        path: The picture to write; its ending decides the format. None: only draw.

    Returns:
        A matplotlib figure.

    Raises:
        InvalidArgumentError: There are no diagrams.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> one = Reliability(np.array([2.0]), np.array([0.5]), np.array([0.75]))
        >>> len(plot_reliability([one]).axes)
        2
    """
    if not diagrams:
        raise InvalidArgumentError("Expected `diagrams` to hold at least one, but got none.")
    require_extra("matplotlib", "plot")
    # The object-oriented interface: pyplot would choose a backend for the whole process.
    from matplotlib.figure import Figure

    count = len(diagrams)
    columns = min(count, _COLUMNS)
    rows = -(-count // columns)
    size = (4.5, 5.0) if count == 1 else (2.6 * columns, 3.1 * rows + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    heights = [3, 1] * rows
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=heights)
    for i, diagram in enumerate(diagrams):
        row, column = divmod(i, columns)
        upper = figure.add_subplot(grid[2 * row, column])
        lower = figure.add_subplot(grid[2 * row + 1, column], sharex=upper)
        error = f"ECE {diagram.error:.3f}" if diagram.items.any() else "no items"
        _draw(upper, diagram, error if count == 1 else f"class {i}, {error}")
        _draw_items(lower, diagram)
        _label(upper, lower, count, first=column == 0, last=i + columns >= count)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if count == 1:
        figure.axes[0].legend(handles, labels, loc="upper left")
    else:
        beside = min(columns, 3)
        figure.legend(handles, labels, loc="outside lower center", ncols=beside, frameon=False)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def _bins(diagram: Reliability) -> tuple[npt.NDArray[Any], float]:
    """Left edges of the bins, and their width."""
    width = 1 / len(diagram.items)
    return np.arange(len(diagram.items)) * width, width


def _draw(axes: Any, diagram: Reliability, title: str) -> None:
    left, width = _bins(diagram)
    # Where there is nothing there are bars of no height, so that the legend keeps its entries.
    known = np.isfinite(diagram.frequency) & np.isfinite(diagram.confidence)
    frequency = np.where(known, diagram.frequency, 0.0)
    confidence = np.where(known, diagram.confidence, 0.0)
    bars: dict[str, Any] = {"width": width, "align": "edge"}
    white: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.5}
    axes.bar(left, frequency, color=_BLUE, label="came true", **white, **bars)
    axes.bar(
        left,
        confidence - frequency,
        bottom=frequency,
        facecolor="none",
        edgecolor=_ORANGE,
        hatch="///",
        label="gap to probability",
        **bars,
    )
    axes.plot([0, 1], [0, 1], color="0.3", linestyle="--", linewidth=1, label="if calibrated")
    ticks = [0, 0.25, 0.5, 0.75, 1]
    shown = ["0", "", "0.5", "", "1"]
    axes.set(xlim=(0, 1), ylim=(0, 1), title=title)
    axes.set_xticks(ticks, shown)
    axes.set_yticks(ticks, shown)
    axes.tick_params(labelbottom=False)


def _draw_items(axes: Any, diagram: Reliability) -> None:
    left, width = _bins(diagram)
    share = diagram.items / max(diagram.items.sum(), 1)
    axes.bar(left, share, width=width, align="edge", color="0.6", edgecolor="white")
    axes.set_ylim(0, 1.05 * share.max() or 1)


def _label(upper: Any, lower: Any, count: int, *, first: bool, last: bool) -> None:
    """Names of the axes, at the edges of the figure alone."""
    if first:
        upper.set_ylabel("accuracy" if count == 1 else "frequency")
        lower.set_ylabel("share")
    if last:
        lower.set_xlabel("confidence" if count == 1 else "probability")
