"""Pictures of what active learning labels, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError
from baal.utils.extras import require_extra

__all__ = ["make_animation_from_data"]

Array = npt.NDArray[Any]

_DPI = 100
_PLOT_INCHES = 6.0
_ROWS = 22  # classes in one column of the legend
_LONGEST_NAME = 24
# Colours come round again after as many classes; the shapes do not come round together with them.
_SHAPES = ["o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h"]


@dataclass(frozen=True)
class _Items:
    """What all frames show: points `[N, 2]`, classes `[N]`, steps `[N]`, names of the classes."""

    points: Array
    labels: Array
    steps: Array
    names: Sequence[str]


def make_animation_from_data(
    features: Any, labels: Any, labelled_at: Any, classes: Sequence[Any]
) -> list[npt.NDArray[np.uint8]]:
    """Draw, for each step of active learning, which items are labelled by then.

    Items in the pool are small and pale, labelled ones large with a dark edge, and those of the
    step itself have a ring around them. Each class has a colour and a shape. All frames have the
    same size and axes; write them with `imageio.mimsave("steps.gif", frames)`, say.

    Args:
        features: Where items are, `[N, 2]`: embeddings by t-SNE, for instance.
        labels: Class of each item, `[N]`, from 0 to C - 1.
        labelled_at: Step at which each item was labelled, `[N]`, 0 where it was not: the
            `labelled_map` of an active dataset.
        classes: Names `[C]`.

    Returns:
        One frame `[H, W, 3]` for each step from 1 to the last one; none if nothing is labelled.

    Raises:
        InvalidArgumentError: A shape does not fit, a feature is not finite, a label is no class,
            or a step is negative.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> frames = make_animation_from_data([[0, 0], [1, 1], [2, 0]], [0, 1, 0], [1, 0, 2], "ab")
        >>> len(frames), frames[0].dtype, frames[0].shape[-1]
        (2, dtype('uint8'), 3)
    """
    items = _checked(features, labels, labelled_at, [str(name) for name in classes])
    require_extra("matplotlib", "plot")
    return [_frame(items, step) for step in range(1, int(items.steps.max(initial=0)) + 1)]


def _checked(features: Any, labels: Any, labelled_at: Any, names: Sequence[str]) -> _Items:
    points = np.asarray(features, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InvalidArgumentError(f"Expected `features` to be [N, 2], but got {points.shape}")
    if not np.isfinite(points).all():
        raise InvalidArgumentError("Expected `features` to be finite, but got NaN or an infinity")
    found = {"labels": np.asarray(labels), "labelled_at": np.asarray(labelled_at)}
    for name, values in found.items():
        if values.shape != (len(points),):
            raise InvalidArgumentError(
                f"Expected `{name}` to have one number for each of the {len(points)} items, "
                f"but got shape {values.shape}"
            )
    kinds, steps = (np.asarray(values, dtype=np.int64) for values in found.values())
    if ((kinds < 0) | (kinds >= len(names))).any():
        raise InvalidArgumentError(
            f"Expected `labels` to be from 0 to {len(names) - 1}, since there are {len(names)} "
            f"`classes`, but got labels from {kinds.min()} to {kinds.max()}"
        )
    if (steps < 0).any():
        raise InvalidArgumentError(
            f"Expected `labelled_at` to be steps, 0 or more, but got {steps.min()}"
        )
    return _Items(points, kinds, steps, names)


def _frame(items: _Items, step: int) -> npt.NDArray[np.uint8]:
    """The frame `[H, W, 3]` of one step."""
    # The object-oriented interface: pyplot would choose a backend for the whole process.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_PLOT_INCHES, _PLOT_INCHES), dpi=_DPI)
    canvas: Any = FigureCanvasAgg(figure)
    legend = _add_legend(figure, [_short(name) for name in items.names])
    beside = legend.get_window_extent(canvas.get_renderer()).width / _DPI + 0.2
    figure.set_size_inches(_PLOT_INCHES + beside, _PLOT_INCHES)
    share = _PLOT_INCHES / (_PLOT_INCHES + beside)
    legend.set_bbox_to_anchor((share, 0.5))
    axes = figure.add_axes((0.02 * share, 0.02, 0.96 * share, 0.92))
    _draw(axes, items, step)
    n_labelled = int(((items.steps > 0) & (items.steps <= step)).sum())
    axes.set_title(f"step {step}: {n_labelled} of {len(items.steps)} items labelled")
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3].copy()


def _draw(axes: Any, items: _Items, step: int) -> None:
    is_labelled = (items.steps > 0) & (items.steps <= step)
    for which in np.unique(items.labels):
        style = _style(which, len(items.names))
        of_class = items.labels == which
        x, y = items.points[of_class & ~is_labelled].T
        axes.scatter(x, y, s=14, alpha=0.3, linewidths=0, zorder=1, **style)
        x, y = items.points[of_class & is_labelled].T
        axes.scatter(x, y, s=50, edgecolors="black", linewidths=1, zorder=3, **style)
    x, y = items.points[items.steps == step].T
    axes.scatter(x, y, s=190, facecolors="none", edgecolors="black", linewidths=1.2, zorder=2)
    axes.set(xticks=[], yticks=[])
    if len(items.points):  # the same in all frames
        low, high = items.points.min(axis=0), items.points.max(axis=0)
        margin = np.where(high > low, 0.06 * (high - low), 1.0)
        (left, bottom), (right, top) = low - margin, high + margin
        axes.set(xlim=(left, right), ylim=(bottom, top))


def _style(which: int, n_classes: int) -> dict[str, Any]:
    """Colour and shape of a class."""
    from matplotlib import colormaps

    palette: Any = colormaps["tab10" if n_classes <= 10 else "tab20"]
    # Of tab20 every other colour is a pale one: the strong ones first.
    colours = palette.colors if n_classes <= 10 else palette.colors[::2] + palette.colors[1::2]
    return {"color": [colours[which % len(colours)]], "marker": _SHAPES[which % len(_SHAPES)]}


def _add_legend(figure: Any, names: Sequence[str]) -> Any:
    """A legend of the classes, and of what marks an item, to the right of its anchor."""
    from matplotlib.lines import Line2D

    def handle(label: str, **style: Any) -> Any:
        return Line2D([], [], linestyle="none", label=label, **style)

    classes = []
    for which, name in enumerate(names):
        style = _style(which, len(names))
        classes.append(handle(name, color=style["color"][0], marker=style["marker"], markersize=7))
    marks = [
        handle(" "),
        handle("in the pool", color="0.5", alpha=0.4, marker="o", markersize=4),
        handle("labelled", color="0.5", marker="o", markersize=7, markeredgecolor="black"),
        handle("just now", color="none", marker="o", markersize=13, markeredgecolor="black"),
    ]
    legend = figure.legend(
        handles=[*classes, *marks], loc="center left", ncols=-(-(len(names) + 4) // _ROWS),
        frameon=False, fontsize=9, borderaxespad=0, columnspacing=1,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)  # a name may hold a $
    return legend


def _short(name: str) -> str:
    # matplotlib takes a name that begins with an underscore for one to leave out.
    name = f" {name}" if name.startswith("_") else name
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
