"""What is read off learning curves: labels needed for a target, and the area under them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.integrate import trapezoid

from baal.exceptions import InvalidArgumentError
from baal.experiments.curves import LearningCurve
from baal.experiments.statistics import ROUNDING, differences

__all__ = ["area_gains", "areas", "common_range", "labels_at_target"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def labels_at_target(
    labels: IntArray, values: FloatArray, target: float, *, higher_is_better: bool
) -> FloatArray:
    """How many labels it takes to reach a value.

    Args:
        labels: Numbers of labels, ascending, `[R]`.
        values: What was measured there, `[..., R]`; a NaN is passed over.
        target: The value to reach.
        higher_is_better: Reach it from below, rather than from above.

    Returns:
        `[...]`: where the curve is first at `target` or better, interpolated linearly between
        rounds; the first number of labels if it is from the start, infinity if it never is.

    Example:
        >>> labels, values = np.array([10, 20]), np.array([0.5, 0.3])
        >>> float(labels_at_target(labels, values, 0.4, higher_is_better=False))
        15.0
    """
    known = np.isfinite(values)
    values = np.where(known, values, np.nan)
    short = target - values if higher_is_better else values - target
    reached = known & (short <= ROUNDING * abs(target))
    first = reached.argmax(axis=-1)[..., None]
    # The last known point before it, or -1.
    position = np.maximum.accumulate(np.where(known, np.arange(len(labels)), -1), axis=-1)
    before = np.where(first > 0, np.take_along_axis(position, np.maximum(first - 1, 0), -1), -1)
    start = np.where(before < 0, first, before)
    high, low = np.take_along_axis(values, start, -1), np.take_along_axis(values, first, -1)
    flat = high == low
    share = np.clip(np.where(flat, 0, high - target) / np.where(flat, 1, high - low), 0, 1)
    crossing = labels[start] + share * (labels[first] - labels[start])
    return np.where(reached.any(axis=-1), crossing[..., 0], np.inf)


def common_range(curves: Sequence[LearningCurve]) -> tuple[int, int]:
    """The numbers of labels that every run covers.

    Args:
        curves: Of the heuristics compared.

    Returns:
        From, to; the first is the larger one where the runs have nothing in common.

    Raises:
        InvalidArgumentError: There is no value in any of the curves.

    Example:
        >>> values = np.array([[0.5, 0.4, 0.3], [0.5, 0.4, np.nan]])
        >>> common_range([LearningCurve("bald", "loss", (0, 1), np.array([5, 7, 9]), values)])
        (5, 7)
    """
    runs = [
        curve.labels[np.isfinite(values)]
        for curve in curves
        for values in curve.values
        if np.isfinite(values).any()
    ]
    if not runs:
        raise InvalidArgumentError("Expected `curves` to hold at least one value, but got none")
    return int(max(run[0] for run in runs)), int(min(run[-1] for run in runs))


def areas(curve: LearningCurve, low: int, high: int) -> FloatArray:
    """Area under the curve of each seed, in the unit of the metric.

    The mean of the metric over the numbers of labels from `low` to `high`, by the trapezoidal rule;
    at the ends a run is interpolated linearly where it has no value just there.

    Args:
        curve: The learning curve.
        low: From this number of labels.
        high: To this one; where both are the same, the value there.

    Returns:
        `[S]`; NaN for a run that does not cover the range.

    Example:
        >>> values = np.array([[0.6, 0.2, 0.2]])
        >>> curve = LearningCurve("bald", "test_error", (0,), np.array([10, 20, 40]), values)
        >>> areas(curve, 10, 40).round(9).tolist()
        [0.266666667]
    """
    return np.array([_area(curve.labels, values, low, high) for values in curve.values])


def _area(labels: IntArray, values: FloatArray, low: int, high: int) -> float:
    known = np.isfinite(values)
    labels, values = labels[known], values[known]
    if low > high or not len(labels) or labels[0] > low or labels[-1] < high:
        return float("nan")
    x = np.array([low, *labels[(labels > low) & (labels < high)], high])
    y = np.interp(x, labels, values)
    return float(y[0] if low == high else trapezoid(y, x) / (high - low))


def area_gains(curve: LearningCurve, baseline: LearningCurve, low: int, high: int) -> FloatArray:
    """By how much the area of a heuristic is better than that of the baseline, seed by seed.

    Args:
        curve: Of the heuristic.
        baseline: Of the baseline, the same metric.
        low: From this number of labels.
        high: To this one.

    Returns:
        For each seed that both have, positive where the heuristic is better; NaN for a run that
        does not cover the range.

    Example:
        >>> labels = np.array([10, 20])
        >>> bald = LearningCurve("bald", "test_error", (0,), labels, np.array([[0.5, 0.25]]))
        >>> random = LearningCurve("random", "test_error", (0,), labels, np.array([[0.5, 0.5]]))
        >>> area_gains(bald, random, 10, 20).tolist()
        [0.125]
    """
    seeds = [seed for seed in curve.seeds if seed in baseline.seeds]
    ours, theirs = (
        areas(one, low, high)[[one.seeds.index(seed) for seed in seeds]]
        for one in (curve, baseline)
    )
    return differences(ours, theirs, higher_is_better=bool(curve.higher_is_better))
