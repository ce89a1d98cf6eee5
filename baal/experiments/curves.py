"""Learning curves: a metric by number of labels, for each seed, from the records of runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError
from baal.experiments.records import Record
from baal.experiments.statistics import differences, mean_and_error
from baal.utils.metric_names import higher_is_better as better_by_name
from baal.utils.metric_names import words_of

__all__ = ["LearningCurve", "active_gain", "find_baseline", "learning_curves"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """A metric by number of labels, for each seed of one heuristic.

    Attributes:
        heuristic: Whose curve.
        metric: Name of what was measured.
        seeds: One for each run, `[S]`.
        labels: Numbers of labels, ascending, `[R]`.
        values: `[S, R]`; NaN where a run has nothing at that number of labels.
        higher_is_better: Which way is better; None goes by the name of the metric.

    Raises:
        InvalidArgumentError: The shapes do not fit, or the numbers of labels do not ascend.

    Example:
        >>> values = np.array([[0.5, 0.2], [0.7, 0.4]])
        >>> curve = LearningCurve("bald", "test_error", (0, 1), np.array([10, 20]), values)
        >>> curve.mean.round(9).tolist(), curve.higher_is_better
        ([0.6, 0.3], False)
    """

    heuristic: str
    metric: str
    seeds: tuple[Any, ...]
    labels: IntArray
    values: FloatArray
    higher_is_better: bool | None = None

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.seeds), len(self.labels)):
            raise InvalidArgumentError(
                f"Expected `values` to be [{len(self.seeds)} seeds, {len(self.labels)} numbers of "
                f"labels], but got shape {self.values.shape}"
            )
        if (np.diff(self.labels) <= 0).any():
            raise InvalidArgumentError(f"Expected `labels` to ascend, but got {self.labels}")
        if self.higher_is_better is None:
            object.__setattr__(self, "higher_is_better", better_by_name(self.metric))

    @property
    def mean(self) -> FloatArray:
        """Over the seeds, `[R]`."""
        return mean_and_error(self.values)[0]

    @property
    def standard_error(self) -> FloatArray:
        """Of that mean, `[R]`; NaN where there are fewer than two seeds."""
        return mean_and_error(self.values)[1]

    @property
    def n_seeds(self) -> IntArray:
        """How many seeds have a value, `[R]`."""
        return mean_and_error(self.values)[2]

    def at(self, n_labels: int) -> FloatArray:
        """The values at one number of labels.

        Args:
            n_labels: That number.

        Returns:
            `[S]`; NaN where a seed has none.
        """
        where = np.flatnonzero(self.labels == n_labels)
        return self.values[:, where[0]] if len(where) else np.full(len(self.seeds), np.nan)


def learning_curves(
    records: Sequence[Record],
    metric: str = "test_error",
    *,
    higher_is_better: bool | None = None,
) -> list[LearningCurve]:
    """Put the records of runs in order, by heuristic, seed and number of labels.

    Args:
        records: Flat dicts with the keys `heuristic`, `seed`, `n_labelled` and metrics by name.
        metric: Which of the metrics. Where a record has no error, it is one minus its accuracy:
            `test_error` is `1 - test_accuracy`.
        higher_is_better: Which way is better; None goes by the name of the metric.

    Returns:
        One curve for each heuristic, in the order in which they first appear. A round whose metric
        is missing, None or not finite has no value.

    Raises:
        InvalidArgumentError: There are no records, none has the metric, it is no number, or a run
            has two records with the same number of labels.

    Example:
        >>> row = {"heuristic": "bald", "n_labelled": 10}
        >>> a = {**row, "seed": 0, "test_accuracy": 0.8}
        >>> b = {**row, "seed": 1, "test_accuracy": 0.6}
        >>> learning_curves([a, b])[0].mean.round(9).tolist()
        [0.3]
    """
    if not records:
        raise InvalidArgumentError("Expected `records` to hold at least one record, but got none.")
    points: dict[str, dict[tuple[Any, int], float]] = {}
    for record in records:
        of_heuristic = points.setdefault(record["heuristic"], {})
        key = (record["seed"], int(record["n_labelled"]))
        if key in of_heuristic:
            raise InvalidArgumentError(
                f"Expected `records` to hold one record for each run and number of labels, but got "
                f"two of {record['heuristic']}, seed {key[0]}, with {key[1]} labels"
            )
        of_heuristic[key] = _value(record, metric)
    if not any(np.isfinite(list(of_heuristic.values())).any() for of_heuristic in points.values()):
        known = sorted(name for name, value in records[0].items() if isinstance(value, float))
        raise InvalidArgumentError(
            f"Expected `metric` to be one of the metrics {known}, but got {metric!r}"
        )
    return [_curve(name, metric, points[name], higher_is_better) for name in points]


def _value(record: Record, metric: str) -> float:
    """NaN where there is none."""
    if metric in record:
        value = record[metric]
        if value is not None and not isinstance(value, int | float):
            raise InvalidArgumentError(
                f"Expected `metric` to name numbers, but {metric!r} is {value!r}"
            )
        return float("nan") if value is None else float(value)
    accuracy = metric.replace("error", "accuracy")
    if "error" in words_of(metric) and accuracy in record:
        return 1 - _value(record, accuracy)
    return float("nan")


def _curve(
    heuristic: str, metric: str, points: dict[tuple[Any, int], float], better: bool | None
) -> LearningCurve:
    seeds = sorted({seed for seed, _ in points})
    labels = sorted({n for _, n in points})
    values = np.array([[points.get((seed, n), np.nan) for n in labels] for seed in seeds])
    return LearningCurve(
        heuristic, metric, tuple(seeds), np.array(labels), values, higher_is_better=better
    )


def find_baseline(curves: Sequence[LearningCurve], baseline: str) -> LearningCurve | None:
    """The curve of the baseline.

    Args:
        curves: Of one metric.
        baseline: Name of the heuristic.

    Returns:
        None if it is not among them.

    Raises:
        InvalidArgumentError: There are no curves, or they are of several metrics.

    Example:
        >>> curve = LearningCurve("bald", "loss", (0,), np.array([10]), np.array([[0.5]]))
        >>> find_baseline([curve], "random") is None
        True
    """
    metrics = sorted({curve.metric for curve in curves})
    if len(metrics) != 1:
        raise InvalidArgumentError(
            f"Expected `curves` to be learning curves of one metric, but got those of {metrics}"
        )
    return next((curve for curve in curves if curve.heuristic == baseline), None)


def active_gain(curve: LearningCurve, baseline: LearningCurve) -> LearningCurve:
    """By how much a heuristic is better than the baseline, seed by seed.

    For an error: the error of the baseline minus that of the heuristic, the "active gain" of
    "Bayesian active learning for production" (arXiv 2006.09916).

    Args:
        curve: Of the heuristic.
        baseline: Of the baseline, the same metric.

    Returns:
        A curve of gains, positive where the heuristic is better, over the seeds and the numbers of
        labels that both have.

    Raises:
        InvalidArgumentError: The metrics differ.

    Example:
        >>> labels = np.array([10, 20])
        >>> bald = LearningCurve("bald", "test_error", (0,), labels, np.array([[0.5, 0.25]]))
        >>> random = LearningCurve("random", "test_error", (0,), labels, np.array([[0.5, 0.5]]))
        >>> active_gain(bald, random).values.tolist()
        [[0.0, 0.25]]
    """
    if (curve.metric, curve.higher_is_better) != (baseline.metric, baseline.higher_is_better):
        raise InvalidArgumentError(
            f"Expected `baseline` to be a curve of {curve.metric}, but got one of {baseline.metric}"
        )
    seeds = tuple(seed for seed in curve.seeds if seed in baseline.seeds)
    labels = np.intersect1d(curve.labels, baseline.labels)
    ours, theirs = (
        one.values[[one.seeds.index(seed) for seed in seeds]][:, np.isin(one.labels, labels)]
        for one in (curve, baseline)
    )
    gain = differences(ours, theirs, higher_is_better=bool(curve.higher_is_better))
    return LearningCurve(curve.heuristic, curve.metric, seeds, labels, gain, higher_is_better=True)
