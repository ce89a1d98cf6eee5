"""A comparison in numbers: one row a heuristic, each held against the baseline."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError
from baal.experiments.bootstrap import Estimate, bootstrap_labels, bootstrap_savings
from baal.experiments.curves import LearningCurve, find_baseline
from baal.experiments.readings import area_gains, areas, common_range
from baal.experiments.statistics import PairedTest, holm, mean_and_error, paired_test

__all__ = ["MeanAndError", "Summary", "SummaryRow", "summarize"]


@dataclass(frozen=True)
class MeanAndError:
    """A mean over seeds.

    Attributes:
        mean: The mean; NaN where no seed has a value.
        standard_error: Of it; NaN with fewer than two seeds.

    Example:
        >>> MeanAndError(0.5, 0.1).mean
        0.5
    """

    mean: float
    standard_error: float


@dataclass(frozen=True)
class SummaryRow:
    """What is said of one heuristic.

    Attributes:
        curve: Its learning curve.
        final: The metric at the largest number of labels that every run has.
        area: The area under the curve, over the numbers of labels that every run covers.
        needed: Labels to reach the target; all NaN where there is no target.
        saved: Labels that it needs fewer than the baseline; None for the baseline, and without a
            target.
        gain: By how much its area is better than that of the baseline; None for the baseline.
        p_holm: The p value of the t-test on that gain, corrected by Holm for all heuristics; NaN
            for the baseline.

    Example:
        >>> curve = LearningCurve("bald", "loss", (0,), np.array([10]), np.array([[0.5]]))
        >>> none = float("nan")
        >>> row = SummaryRow(
        ...     curve, MeanAndError(0.5, none), MeanAndError(0.5, none), Estimate(10), None, None
        ... )
        >>> row.p_holm
        nan
    """

    curve: LearningCurve
    final: MeanAndError
    area: MeanAndError
    needed: Estimate
    saved: Estimate | None
    gain: PairedTest | None
    p_holm: float = float("nan")


@dataclass(frozen=True)
class Summary:
    """What is said of all heuristics.

    Attributes:
        metric: What was measured.
        baseline: The curve that the others are compared with, if it is among them.
        target: Value of the metric to reach; None where there is none.
        low: The smallest number of labels that every run covers.
        high: The largest one.
        confidence: Level of the intervals.
        rows: One for each heuristic, in the order of the curves.

    Example:
        >>> Summary("test_error", None, 0.1, 20, 160, 0.95, ()).high
        160
    """

    metric: str
    baseline: LearningCurve | None
    target: float | None
    low: int
    high: int
    confidence: float
    rows: tuple[SummaryRow, ...]


def summarize(
    curves: Sequence[LearningCurve],
    *,
    baseline: str = "random",
    target: float | None = None,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Summary:
    """Compare heuristics over seeds.

    Args:
        curves: From `learning_curves`.
        baseline: The heuristic to compare with. If it is not among them, nothing is compared.
        target: Value of the metric for which to count the labels needed; None: the mean of the
            baseline at the largest number of labels that every run has. It is taken as a number
            that is given, so intervals do not hold its own error.
        confidence: Level of the intervals.
        resamples: Number of draws of the bootstrap.
        seed: Of the draws.

    Returns:
        One row for each curve.

    Raises:
        InvalidArgumentError: There is no value, `curves` are of several metrics, or a number is out
            of its range.

    Example:
        >>> labels = np.array([10, 20])
        >>> bald = LearningCurve("bald", "loss", (0, 1), labels, np.array([[0.5, 0.1], [0.5, 0.2]]))
        >>> random = LearningCurve(
        ...     "random", "loss", (0, 1), labels, np.array([[0.5, 0.3], [0.5, 0.3]])
        ... )
        >>> summary = summarize([bald, random])
        >>> summary.target, round(summary.rows[0].gain.mean, 9)
        (0.3, 0.075)
    """
    if target is not None and not np.isfinite(target):
        raise InvalidArgumentError(f"Expected `target` to be a finite number, but got {target}")
    base = find_baseline(curves, baseline)
    low, high = common_range(curves)
    if target is None and base is not None:
        at_the_end = float(mean_and_error(base.at(high))[0])
        target = at_the_end if np.isfinite(at_the_end) else None
    rows = []
    for curve in curves:
        final, area = _mean(curve.at(high)), _mean(areas(curve, low, high))
        needed, saved, gain = Estimate(float("nan")), None, None
        if target is not None:
            needed = bootstrap_labels(
                curve, target, confidence=confidence, resamples=resamples, seed=seed
            )
        if base is not None and curve is not base:
            gain = paired_test(area_gains(curve, base, low, high), confidence=confidence, seed=seed)
            if target is not None:
                saved = bootstrap_savings(
                    curve, base, target, confidence=confidence, resamples=resamples, seed=seed
                )
        rows.append(SummaryRow(curve, final, area, needed, saved, gain))
    p_holm = holm(np.array([np.nan if row.gain is None else row.gain.p_t for row in rows]))
    corrected = [replace(row, p_holm=float(p)) for row, p in zip(rows, p_holm, strict=True)]
    metric = curves[0].metric
    return Summary(metric, base, target, low, high, confidence, tuple(corrected))


def _mean(values: npt.NDArray[np.float64]) -> MeanAndError:
    mean, error, _ = mean_and_error(values)
    return MeanAndError(float(mean), float(error))
