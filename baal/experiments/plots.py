"""Figures of comparisons: learning curves and gains over the baseline, with bands."""

from collections.abc import Sequence
from pathlib import Path

from baal.exceptions import InvalidArgumentError
from baal.experiments.curves import LearningCurve, active_gain, find_baseline
from baal.experiments.panels import Line, Panel, plot_panels
from baal.utils.metric_names import is_share, words_of

__all__ = ["gain_panel", "learning_panel", "plot_gains", "plot_learning_curves"]


def learning_panel(
    curves: Sequence[LearningCurve], *, title: str = "", ylabel: str | None = None
) -> Panel:
    """Learning curves with bands of one standard error.

    Args:
        curves: From `learning_curves`; errors and other shares are shown in percent.
        title: Above the panel.
        ylabel: Beside it; None: the name of the metric.

    Returns:
        A panel for `plot_panels`.

    Example:
        >>> import numpy as np
        >>> curve = LearningCurve("bald", "test_error", (0,), np.array([10]), np.array([[0.5]]))
        >>> panel = learning_panel([curve])
        >>> panel.ylabel, panel.lines[0].name
        ('test error (%)', 'bald (1 seed)')
    """
    share = is_share(curves[0].metric)
    name = " ".join(words_of(curves[0].metric)) + (" (%)" if share else "")
    return Panel(
        [_line(curve) for curve in curves],
        title=title,
        ylabel=name if ylabel is None else ylabel,
        from_zero=not curves[0].higher_is_better,
    )


def gain_panel(
    curves: Sequence[LearningCurve],
    *,
    baseline: str = "random",
    title: str = "",
    ylabel: str | None = None,
) -> Panel:
    """By how much heuristics are better than the baseline, with bands of one standard error.

    Args:
        curves: From `learning_curves`, with that of the baseline among them.
        baseline: The heuristic to compare with.
        title: Above the panel.
        ylabel: Beside it; None: what it is a gain in.

    Returns:
        A panel for `plot_panels`; above the line at 0 a heuristic is better.

    Raises:
        InvalidArgumentError: The baseline is not among the curves.

    Example:
        >>> import numpy as np
        >>> labels = np.array([10, 20])
        >>> bald = LearningCurve("bald", "test_error", (0,), labels, np.array([[0.5, 0.25]]))
        >>> random = LearningCurve("random", "test_error", (0,), labels, np.array([[0.5, 0.5]]))
        >>> gain_panel([bald, random]).lines[0].y.tolist()
        [0.0, 25.0]
    """
    base = find_baseline(curves, baseline)
    if base is None:
        names = [curve.heuristic for curve in curves]
        raise InvalidArgumentError(
            f"Expected `baseline` to be one of the heuristics {names}, but got {baseline!r}"
        )
    name = " ".join(words_of(base.metric)) + (" (points)" if is_share(base.metric) else "")
    return Panel(
        [_line(active_gain(curve, base)) for curve in curves if curve is not base],
        title=title,
        ylabel=f"gain over {baseline}, {name}" if ylabel is None else ylabel,
        zero_line=True,
    )


def _line(curve: LearningCurve) -> Line:
    factor, seeds = 100 if is_share(curve.metric) else 1, len(curve.seeds)
    name = f"{curve.heuristic} ({seeds} seed{'s' * (seeds != 1)})"
    return Line(name, curve.labels, factor * curve.mean, factor * curve.standard_error)


def plot_learning_curves(
    curves: Sequence[LearningCurve], path: Path, *, title: str = "", ylabel: str | None = None
) -> None:
    """Draw learning curves with bands of one standard error, and save them as a picture.

    Args:
        curves: From `learning_curves`.
        path: The picture to write; its ending decides the format.
        title: Above the plot.
        ylabel: Beside it; None: the name of the metric.

    Raises:
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> labels, values = np.array([10, 20]), np.array([[0.5, 0.4]])
        >>> curve = LearningCurve("bald", "test_error", (0,), labels, values)
        >>> with TemporaryDirectory() as folder:
        ...     plot_learning_curves([curve], Path(folder, "curve.png"))
        ...     Path(folder, "curve.png").exists()
        True
    """
    plot_panels([learning_panel(curves, title=title, ylabel=ylabel)], path)


def plot_gains(
    curves: Sequence[LearningCurve],
    path: Path,
    *,
    baseline: str = "random",
    title: str = "",
    ylabel: str | None = None,
) -> None:
    """Draw by how much heuristics are better than the baseline, and save it as a picture.

    Args:
        curves: From `learning_curves`, with that of the baseline among them.
        path: The picture to write; its ending decides the format.
        baseline: The heuristic to compare with.
        title: Above the plot.
        ylabel: Beside it; None: what it is a gain in.

    Raises:
        InvalidArgumentError: The baseline is not among the curves.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> labels = np.array([10, 20])
        >>> bald = LearningCurve("bald", "test_error", (0,), labels, np.array([[0.5, 0.25]]))
        >>> random = LearningCurve("random", "test_error", (0,), labels, np.array([[0.5, 0.5]]))
        >>> with TemporaryDirectory() as folder:
        ...     plot_gains([bald, random], Path(folder, "gain.png"))
        ...     Path(folder, "gain.png").exists()
        True
    """
    plot_panels([gain_panel(curves, baseline=baseline, title=title, ylabel=ylabel)], path)
