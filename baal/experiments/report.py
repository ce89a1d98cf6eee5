"""What a comparison of heuristics has shown: a table and a plot of learning curves."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError
from baal.experiments.records import Record
from baal.utils.extras import require_extra

__all__ = [
    "LearningCurve",
    "format_table",
    "labels_at_error",
    "learning_curves",
    "plot_learning_curves",
]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LearningCurve:
    """Error by number of labels, over seeds.

    Attributes:
        heuristic: Whose curve.
        labels: Numbers of labels, ascending, `[R]`.
        mean: Mean error over the seeds, between 0 and 1, `[R]`.
        standard_error: Of that mean (standard deviation with `n - 1`, over `sqrt(n)`); NaN where
            there is one seed only, `[R]`.
        n_seeds: Number of seeds at each point, `[R]`.

    Example:
        >>> one = np.array([0.5])
        >>> LearningCurve("bald", np.array([10]), one, one, np.array([2])).heuristic
        'bald'
    """

    heuristic: str
    labels: npt.NDArray[np.int64]
    mean: FloatArray
    standard_error: FloatArray
    n_seeds: npt.NDArray[np.int64]


def learning_curves(records: Sequence[Record], metric: str = "error") -> list[LearningCurve]:
    """Average records over seeds.

    Args:
        records: Dicts with the keys `heuristic`, `seed`, `labels` and `metrics`.
        metric: Which of the metrics; lower is better.

    Returns:
        One curve for each heuristic, in the order in which they first appear.

    Raises:
        InvalidArgumentError: There are no records.

    Example:
        >>> row = {"heuristic": "bald", "labels": 10}
        >>> a = {**row, "seed": 0, "metrics": {"error": 0.2}}
        >>> b = {**row, "seed": 1, "metrics": {"error": 0.4}}
        >>> curve = learning_curves([a, b])[0]
        >>> round(float(curve.mean[0]), 3), round(float(curve.standard_error[0]), 3)
        (0.3, 0.1)
    """
    if not records:
        raise InvalidArgumentError("Expected `records` to hold at least one record, but got none.")
    values: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        values[record["heuristic"]][record["labels"]].append(record["metrics"][metric])
    return [_curve(heuristic, points) for heuristic, points in values.items()]


def _curve(heuristic: str, points: dict[int, list[float]]) -> LearningCurve:
    labels = sorted(points)
    samples = [np.asarray(points[n], dtype=np.float64) for n in labels]
    return LearningCurve(
        heuristic=heuristic,
        labels=np.asarray(labels, dtype=np.int64),
        mean=np.asarray([sample.mean() for sample in samples]),
        standard_error=np.asarray(
            [s.std(ddof=1) / np.sqrt(len(s)) if len(s) > 1 else np.nan for s in samples]
        ),
        n_seeds=np.asarray([len(sample) for sample in samples], dtype=np.int64),
    )


def labels_at_error(curve: LearningCurve, error: float) -> float:
    """How many labels a heuristic needs for its mean error to fall to a given one.

    Args:
        curve: Its learning curve.
        error: The error to reach.

    Returns:
        The smallest number of labels at which the curve is at or below `error`, interpolated
        linearly between rounds; infinity if it never is.

    Example:
        >>> mean = np.array([0.5, 0.3])
        >>> curve = LearningCurve("random", np.array([10, 20]), mean, mean, np.array([3, 3]))
        >>> labels_at_error(curve, 0.4)
        15.0
    """
    reached = np.flatnonzero(curve.mean <= error)
    if not len(reached):
        return float("inf")
    after = int(reached[0])
    if after == 0:
        return float(curve.labels[0])
    high, low = curve.mean[after - 1], curve.mean[after]
    share = (high - error) / (high - low)
    step = curve.labels[after] - curve.labels[after - 1]
    return float(curve.labels[after - 1] + share * step)


def format_table(curves: Sequence[LearningCurve], baseline: str = "random") -> str:
    """A table of errors by number of labels, with the labels saved at equal error.

    For each heuristic and row, the labels saved are those that the baseline needs, beyond the
    row's, to come down to the error the heuristic has there; `>` where it never does, `≤` where
    it was lower from its first point on.

    Args:
        curves: From `learning_curves`.
        baseline: The heuristic to compare with; without it the table has errors only.

    Returns:
        A Markdown table; errors in percent, mean ± standard error.

    Example:
        >>> half, labels = np.array([0.5]), np.array([10])
        >>> print(format_table([LearningCurve("random", labels, half, half / 10, np.array([3]))]))
        | labels | random error % |
        |-------:|---------------:|
        |     10 |     50.0 ± 5.0 |
    """
    base = next((curve for curve in curves if curve.heuristic == baseline), None)
    header = ["labels", *(f"{curve.heuristic} error %" for curve in curves)]
    compared = [] if base is None else [curve for curve in curves if curve is not base]
    header += [f"labels {curve.heuristic} saves" for curve in compared]
    rows = []
    for n in sorted({int(n) for curve in curves for n in curve.labels}):
        row = [str(n), *(_error_at(curve, n) for curve in curves)]
        rows.append(row + [_saved_at(curve, base, n) for curve in compared if base is not None])
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    lines = [
        "| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in [header, *rows]
    ]
    return "\n".join([lines[0], rule, *lines[1:]])


def _error_at(curve: LearningCurve, n: int) -> str:
    at = np.flatnonzero(curve.labels == n)
    if not len(at):
        return "-"
    mean, error = curve.mean[at[0]], curve.standard_error[at[0]]
    return f"{100 * mean:.1f}" + ("" if np.isnan(error) else f" ± {100 * error:.1f}")


def _saved_at(curve: LearningCurve, base: LearningCurve, n: int) -> str:
    at = np.flatnonzero(curve.labels == n)
    if not len(at):
        return "-"
    needed = labels_at_error(base, float(curve.mean[at[0]]))
    if np.isinf(needed):
        return f"> {int(base.labels[-1]) - n}"
    # Below the error from its first point on, the baseline may have reached it earlier still.
    bound = "≤ " if base.mean[0] < curve.mean[at[0]] else ""
    return f"{bound}{round(needed - n):d}"


def plot_learning_curves(
    curves: Sequence[LearningCurve], path: Path, *, title: str = "", ylabel: str = "test error (%)"
) -> None:
    """Draw learning curves with bands of one standard error, and save them as a picture.

    Args:
        curves: From `learning_curves`.
        path: The picture to write; its ending decides the format.
        title: Above the plot.
        ylabel: Beside it.

    Raises:
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> half = np.array([0.5, 0.4])
        >>> curve = LearningCurve("bald", np.array([10, 20]), half, half / 10, np.array([3, 3]))
        >>> with TemporaryDirectory() as folder:
        ...     plot_learning_curves([curve], Path(folder, "curve.png"))
        ...     Path(folder, "curve.png").exists()
        True
    """
    require_extra("matplotlib", "plot")
    # The object-oriented interface: pyplot would choose a backend for the whole process.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for curve in curves:
        mean, band = 100 * curve.mean, 100 * np.nan_to_num(curve.standard_error)
        seeds = int(curve.n_seeds.max())
        label = f"{curve.heuristic} ({seeds} seed{'s' * (seeds > 1)})"
        (line,) = axes.plot(curve.labels, mean, marker="o", markersize=3, label=label)
        axes.fill_between(
            curve.labels, mean - band, mean + band, color=line.get_color(), alpha=0.2, linewidth=0
        )
    axes.set(xlabel="labels", ylabel=ylabel, title=title)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
