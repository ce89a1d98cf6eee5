"""What a comparison of heuristics has shown, as tables in Markdown."""

import math
from collections.abc import Sequence

import numpy as np

from baal.experiments.bootstrap import Estimate
from baal.experiments.curves import LearningCurve, find_baseline
from baal.experiments.markdown import markdown_table
from baal.experiments.readings import labels_at_target
from baal.experiments.statistics import PairedTest
from baal.experiments.summary import Summary, SummaryRow
from baal.utils.metric_names import is_share, short_name

__all__ = ["format_table", "measured", "metric_title", "summary_table"]

NONE = "-"


def measured(metric: str, mean: float, standard_error: float = float("nan")) -> str:
    """A mean of a metric as tables show it: shares in percent, with one decimal; else three.

    What is not a share has more decimals where three would show next to nothing of it, and is
    written with an exponent from a million on.

    Args:
        metric: Its name.
        mean: The mean.
        standard_error: Of the mean; NaN leaves it out.

    Returns:
        `mean ± standard error`; `-` for a NaN.

    Example:
        >>> measured("test_error", 0.25, 0.01), measured("test_loss", 0.25)
        ('25.0 ± 1.0', '0.250')
        >>> measured("test_mse", 0.00025, 0.00001)
        '0.000250 ± 0.000010'
    """
    if math.isnan(mean):
        return NONE
    numbers = [mean] if math.isnan(standard_error) else [mean, standard_error]
    return " ± ".join(_numbers(metric, numbers))


def _numbers(metric: str, values: Sequence[float], sign: str = "") -> list[str]:
    """Numbers that stand together, with the same decimals."""
    if is_share(metric):
        return [f"{100 * value:{sign}.1f}" for value in values]
    size = max((abs(value) for value in values if math.isfinite(value)), default=0)
    if size >= 1e6:
        return [f"{value:{sign}.4g}" for value in values]
    decimals = 2 - math.floor(math.log10(size)) if 0 < size < 0.01 else 3
    return [f"{value:{sign}.{decimals}f}" for value in values]


def metric_title(metric: str) -> str:
    """What a column of a metric is called.

    Args:
        metric: Its name.

    Returns:
        The name without `test_`, with a percent sign where values are in percent.

    Example:
        >>> metric_title("test_error"), metric_title("test_loss")
        ('error %', 'loss')
    """
    return short_name(metric) + (" %" if is_share(metric) else "")


def format_table(curves: Sequence[LearningCurve], baseline: str = "random") -> str:
    """A table of a metric by number of labels, with the labels saved where it is equally good.

    For each heuristic and row, the labels saved are those that the baseline needs, beyond the
    row's, to become as good as the heuristic is there; `>` where it never does, `≤` where it was
    better from its first point on.

    Args:
        curves: From `learning_curves`.
        baseline: The heuristic to compare with; without it the table has the metric only.

    Returns:
        A Markdown table; mean ± standard error, errors and other shares in percent.

    Raises:
        InvalidArgumentError: There are no curves, or they are of several metrics.

    Example:
        >>> values, labels = np.array([[0.4], [0.6]]), np.array([10])
        >>> print(format_table([LearningCurve("random", "test_error", (0, 1), labels, values)]))
        | labels | random error % |
        |-------:|---------------:|
        |     10 |    50.0 ± 10.0 |
    """
    base = find_baseline(curves, baseline)
    metric = curves[0].metric
    header = ["labels", *(f"{curve.heuristic} {metric_title(metric)}" for curve in curves)]
    compared = [] if base is None else [curve for curve in curves if curve is not base]
    header += [f"labels {curve.heuristic} saves" for curve in compared]
    rows = []
    for n in sorted({int(n) for curve in curves for n in curve.labels}):
        row = [str(n), *(_value_at(curve, n) for curve in curves)]
        rows.append(row + [_saved_at(curve, base, n) for curve in compared if base is not None])
    return markdown_table(header, rows)


def _value_at(curve: LearningCurve, n: int) -> str:
    at = np.flatnonzero(curve.labels == n)
    if not len(at):
        return NONE
    return measured(curve.metric, float(curve.mean[at[0]]), float(curve.standard_error[at[0]]))


def _saved_at(curve: LearningCurve, base: LearningCurve, n: int) -> str:
    at = np.flatnonzero(curve.labels == n)
    value = float(curve.mean[at[0]]) if len(at) else float("nan")
    if math.isnan(value):
        return NONE
    better = bool(base.higher_is_better)
    needed = float(labels_at_target(base.labels, base.mean, value, higher_is_better=better))
    if math.isinf(needed):
        return f"> {int(base.labels[-1]) - n}"
    # As good from its first point on, the baseline may have reached it earlier still.
    first = float(base.mean[0])
    bound = "≤ " if (first > value if better else first < value) else ""
    return f"{bound}{round(needed - n):d}"


def summary_table(summary: Summary) -> str:
    """A table with one row a heuristic: how good, how many labels, how sure.

    Args:
        summary: From `summarize`.

    Returns:
        A Markdown table: the metric at the end and its mean over the labels (the area under the
        curve), ± standard error; labels needed for the target and labels saved, with bootstrap
        intervals (`> n`: not within n labels, `≤ n`, `≥ n`: one of them from its first point on,
        `∞`, `-∞`: the baseline, or the heuristic, never in that draw); the gain of area with its t
        interval, positive where the heuristic is better; and p values by the paired t-test, the
        sign-flip test, and the t-test corrected by Holm. `-` where nothing can be said. Without a
        baseline the columns that compare are left out.

    Example:
        >>> from baal.experiments.summary import summarize
        >>> values, labels = np.array([[0.6, 0.2], [0.6, 0.4]]), np.array([10, 20])
        >>> curve = LearningCurve("bald", "loss", (0, 1), labels, values)
        >>> print(summary_table(summarize([curve], target=0.5)))
        | heuristic | seeds | loss at 20 labels | area: mean loss, 10 to 20 | labels to loss 0.500 |
        |:----------|------:|------------------:|--------------------------:|---------------------:|
        | bald      |     2 |     0.300 ± 0.100 |             0.450 ± 0.050 |          13 [12, 15] |
    """
    title, target = metric_title(summary.metric), summary.target
    header = ["heuristic", "seeds", f"{title} at {summary.high} labels"]
    header += [f"area: mean {title}, {summary.low} to {summary.high}"]
    if target is not None:
        unit = " %" if is_share(summary.metric) else ""
        name = short_name(summary.metric)
        header += [f"labels to {name} {_numbers(summary.metric, [target])[0]}{unit}"]
    if summary.baseline is not None:
        header += ["labels saved"] if target is not None else []
        header += [f"gain of area [{100 * summary.confidence:g} % interval]"]
        header += ["p (t)", "p (sign flip)", "p (t, Holm)"]
    return markdown_table(header, [_row(summary, row) for row in summary.rows], align="lr")


def _row(summary: Summary, row: SummaryRow) -> list[str]:
    cells = [row.curve.heuristic, str(len(row.curve.seeds))]
    cells += [
        measured(summary.metric, value.mean, value.standard_error)
        for value in (row.final, row.area)
    ]
    if summary.target is not None:
        cells.append(_needed(row.needed, row.curve))
    if summary.baseline is not None:
        if summary.target is not None:
            cells.append(_saved(row, summary))
        cells += [_gain(summary.metric, row.gain)]
        p_values = [float("nan")] * 2
        if row.gain is not None:
            p_values = [row.gain.p_t, row.gain.p_sign_flip]
        cells += [_p(value) for value in [*p_values, row.p_holm]]
    return cells


def _needed(needed: Estimate, curve: LearningCurve) -> str:
    value, low, high = (_labels(n, curve) for n in (needed.value, needed.low, needed.high))
    return value if math.isnan(needed.low) or low == value == high else f"{value} [{low}, {high}]"


def _labels(needed: float, curve: LearningCurve) -> str:
    if math.isinf(needed):
        return f"> {curve.labels[-1]}"
    bound = "≤ " if needed <= curve.labels[0] else ""
    return f"{bound}{needed:.0f}"


def _saved(row: SummaryRow, summary: Summary) -> str:
    saved = row.saved
    if saved is None or math.isnan(saved.value):
        return NONE
    base = next(other for other in summary.rows if other.curve is summary.baseline)
    if math.isinf(saved.value):  # one of the two never reached it, so the saving is a bound
        bound = "> " if saved.value > 0 else "< "
        theirs, ours = _at_most(base), _at_most(row)
        return f"{bound}{theirs - ours:.0f}" + _ends(saved)
    # Who is there from the start may have been there with fewer labels.
    ours, theirs = (one.needed.value <= one.curve.labels[0] for one in (row, base))
    bound = "" if ours == theirs else "≥ " if ours else "≤ "
    return f"{bound}{saved.value:.0f}" + _ends(saved)


def _at_most(row: SummaryRow) -> float:
    return min(row.needed.value, float(row.curve.labels[-1]))


def _ends(saved: Estimate) -> str:
    if math.isnan(saved.low):
        return ""
    return f" [{saved.low:.0f}, {saved.high:.0f}]".replace("inf", "∞")


def _gain(metric: str, gain: PairedTest | None) -> str:
    if gain is None or math.isnan(gain.mean):
        return NONE
    mean, low, high = _numbers(metric, [gain.mean, gain.low, gain.high], "+")
    return mean if math.isnan(gain.low) else f"{mean} [{low}, {high}]"


def _p(value: float) -> str:
    if math.isnan(value):
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
