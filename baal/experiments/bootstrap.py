"""Confidence intervals of the labels needed and saved, by the bootstrap over seeds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from baal.active.stopping_criteria.base import check_whole_number
from baal.experiments.curves import LearningCurve
from baal.experiments.readings import labels_at_target
from baal.experiments.statistics import check_confidence

__all__ = ["Estimate", "bootstrap_labels", "bootstrap_savings"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value with its confidence interval.

    Attributes:
        value: The estimate.
        low: Lower end of the interval; NaN where there are too few seeds for one.
        high: Upper end.

    Example:
        >>> Estimate(20.0, 15.0, float("inf")).high
        inf
    """

    value: float
    low: float = float("nan")
    high: float = float("nan")


def bootstrap_labels(
    curve: LearningCurve,
    target: float,
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Estimate:
    """Labels that the mean curve needs to reach a target, with an interval over the seeds.

    The percentile bootstrap (Efron, 1979): seeds are drawn with replacement, and the interval is
    that of the labels which the means of the draws need. With few seeds it is too narrow.

    Args:
        curve: The learning curve.
        target: Value of the metric to reach.
        confidence: Level of the interval, between 0 and 1.
        resamples: Number of draws.
        seed: Of the draws.

    Returns:
        Infinity, as value or as an end, means more labels than the runs had. With fewer than two
        seeds there is no interval.

    Raises:
        InvalidArgumentError: `confidence` is not between 0 and 1, or `resamples` below 1.

    Example:
        >>> values = np.array([[0.5, 0.3], [0.5, 0.3]])
        >>> curve = LearningCurve("bald", "test_error", (0, 1), np.array([10, 20]), values)
        >>> bootstrap_labels(curve, 0.4)
        Estimate(value=15.0, low=15.0, high=15.0)
    """
    draws = _draws(len(curve.seeds), confidence, resamples, seed)
    needed = _needed(curve, np.vstack([np.ones_like(draws[:1]), draws]), target)
    return _estimate(needed[0], needed[1:], needed[1:], confidence, len(curve.seeds))


def bootstrap_savings(
    curve: LearningCurve,
    baseline: LearningCurve,
    target: float,
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Estimate:
    """How many labels fewer than the baseline a heuristic needs to reach a target.

    Paired: over the seeds that both have, and each draw of seeds is the same for both.

    Args:
        curve: Of the heuristic.
        baseline: Of the baseline, the same metric.
        target: Value of the metric to reach.
        confidence: Level of the interval, between 0 and 1.
        resamples: Number of draws.
        seed: Of the draws.

    Returns:
        Positive where the heuristic needs fewer. Infinity where the baseline never reaches the
        target, minus infinity where the heuristic never does, NaN where neither does; a draw in
        which neither does widens the interval on both sides.

    Raises:
        InvalidArgumentError: `confidence` is not between 0 and 1, or `resamples` below 1.

    Example:
        >>> labels = np.array([10, 20])
        >>> bald = LearningCurve("bald", "loss", (0,), labels, np.array([[0.5, 0.1]]))
        >>> random = LearningCurve("random", "loss", (0,), labels, np.array([[0.5, 0.3]]))
        >>> bootstrap_savings(bald, random, 0.3).value
        5.0
    """
    seeds = [seed for seed in curve.seeds if seed in baseline.seeds]
    draws = _draws(len(seeds), confidence, resamples, seed)
    draws = np.vstack([np.ones_like(draws[:1]), draws])
    ours, theirs = (_needed(_only(one, seeds), draws, target) for one in (curve, baseline))
    neither = np.isinf(ours) & np.isinf(theirs)
    saved = np.where(neither, 0, theirs) - np.where(neither, 0, ours)
    value = np.nan if neither[0] else saved[0]
    lows, highs = np.where(neither, -np.inf, saved)[1:], np.where(neither, np.inf, saved)[1:]
    return _estimate(value, lows, highs, confidence, len(seeds))


def _draws(n_seeds: int, confidence: float, resamples: int, seed: int) -> FloatArray:
    """How often each seed is in each draw, `[resamples, S]`."""
    check_confidence(confidence)
    check_whole_number("resamples", resamples, least=1)
    if n_seeds == 0:
        return np.zeros((resamples, 0))
    shares = np.full(n_seeds, 1 / n_seeds)
    draws = np.random.default_rng(seed).multinomial(n_seeds, shares, size=resamples)
    return draws.astype(np.float64)


def _only(curve: LearningCurve, seeds: list[int]) -> LearningCurve:
    rows = curve.values[[curve.seeds.index(seed) for seed in seeds]]
    return LearningCurve(
        curve.heuristic, curve.metric, tuple(seeds), curve.labels, rows, curve.higher_is_better
    )


def _needed(curve: LearningCurve, draws: FloatArray, target: float) -> FloatArray:
    """Labels that the mean of each draw needs, `[resamples]`."""
    known = np.isfinite(curve.values)
    with np.errstate(invalid="ignore"):  # no seed of a draw has a value: 0 / 0 is NaN
        means = (draws @ np.where(known, curve.values, 0)) / (draws @ known)
    better = bool(curve.higher_is_better)
    return labels_at_target(curve.labels, means, target, higher_is_better=better)


def _estimate(
    value: float, lows: FloatArray, highs: FloatArray, confidence: float, n_seeds: int
) -> Estimate:
    """The interval from the draws, without interpolation: some of them may be infinite."""
    if n_seeds < 2:
        return Estimate(float(value))
    beyond = (1 - confidence) / 2 * (len(lows) - 1)
    low, high = np.sort(lows)[int(beyond)], np.sort(highs)[::-1][int(beyond)]
    return Estimate(float(value), float(low), float(high))
