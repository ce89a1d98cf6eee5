"""What a study has shown, as tables in the form of the paper's."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from baal.experiments.curves import LearningCurve, active_gain, find_baseline, learning_curves
from baal.experiments.markdown import markdown_table
from baal.experiments.records import Record
from baal.experiments.report import measured, metric_title
from baal.utils.metric_names import higher_is_better, short_name

__all__ = [
    "BASELINE",
    "gain_table",
    "named_by",
    "outcome_table",
    "study_tables",
    "variants_in",
    "with_baseline",
]

BASELINE = "baseline"


def variants_in(records: Sequence[Record]) -> list[str]:
    """The variants that have records, in the order in which they first appear.

    Args:
        records: Of a study.

    Returns:
        Their names; a variant that is only there to be compared with is not among them.

    Example:
        >>> variants_in([{"variant": "epochs=5"}, {"variant": "baseline"}])
        ['epochs=5']
    """
    return list(dict.fromkeys(row["variant"] for row in records if row["variant"] != BASELINE))


def named_by(records: Sequence[Record], name: Callable[[Record], str]) -> list[Record]:
    """Records whose heuristic is called by another name, such as one with the variant in it.

    Args:
        records: Of a study.
        name: Called with a record.

    Returns:
        Copies; one that gets an empty name is left out.

    Example:
        >>> rows = [{"variant": "query=50", "heuristic": "bald"}]
        >>> named_by(rows, lambda row: f"{row['heuristic']}, {row['variant']}")[0]["heuristic"]
        'bald, query=50'
    """
    named = ({**row, "heuristic": name(row)} for row in records)
    return [row for row in named if row["heuristic"]]


def study_tables(
    records: Sequence[Record],
    label_counts: Sequence[int],
    metrics: Sequence[str] = ("test_loss", "test_error"),
    baseline: str = "random",
) -> str:
    """The tables of a study, each with a line before it that says what it shows.

    Args:
        records: Of a study.
        label_counts: The numbers of labels.
        metrics: As in `outcome_table`; the gain is in the last of them.
        baseline: As in `gain_table`.

    Returns:
        Markdown: `outcome_table`, and `gain_table` unless that is empty.

    Example:
        >>> row = {"variant": "errors=0", "heuristic": "bald", "n_labelled": 20, "seed": 0}
        >>> print(study_tables([{**row, "test_error": 0.25}], [20], ["test_error"]))
        Error on the test set, by number of labels: mean ± standard deviation over seeds.
        <BLANKLINE>
        | variant  | heuristic | error % at 20 |
        |:---------|:----------|--------------:|
        | errors=0 | bald      |          25.0 |
    """
    names = [short_name(metric).replace("_", " ") for metric in metrics]
    what = f"{' and '.join(names)} on the test set, by number of labels"
    gain = "how much lower" if not higher_is_better(metrics[-1]) else "how much higher"
    blocks = {
        f"{what[0].upper()}{what[1:]}: mean ± standard deviation over seeds.":
            outcome_table(records, label_counts, metrics),
        f"Gain: {gain} the {names[-1]} is than that of {baseline} on the same seed; "
        "mean ± standard error over seeds.":
            gain_table(records, label_counts, baseline, metrics[-1]),
    }  # fmt: skip
    return "\n\n".join(f"{title}\n\n{table}" for title, table in blocks.items() if table)


def outcome_table(
    records: Sequence[Record],
    label_counts: Sequence[int],
    metrics: Sequence[str] = ("test_loss", "test_error"),
) -> str:
    """Metrics at some numbers of labels, by variant and heuristic: mean ± deviation over seeds.

    Args:
        records: Of a study.
        label_counts: The numbers of labels.
        metrics: Names of the metrics.

    Returns:
        A table in Markdown; `-` where there is no value yet.

    Example:
        >>> row = {"variant": "errors=0", "heuristic": "bald", "n_labelled": 20}
        >>> rows = [{**row, "seed": s, "test_error": e} for s, e in ((0, 0.1), (1, 0.3))]
        >>> print(outcome_table(rows, [20], ["test_error"]))
        | variant  | heuristic | error % at 20 |
        |:---------|:----------|--------------:|
        | errors=0 | bald      |   20.0 ± 14.1 |
    """
    header = ["variant", "heuristic"]
    header += [f"{metric_title(metric)} at {n:,}" for metric in metrics for n in label_counts]
    rows = [
        [variant, heuristic] + [_value_at(curve, n) for curve in curves for n in label_counts]
        for variant, heuristic, curves in _by_variant(records, metrics)
    ]
    return markdown_table(header, rows, align="llr")


def _by_variant(
    records: Sequence[Record], metrics: Sequence[str]
) -> Iterator[tuple[str, str, list[LearningCurve]]]:
    for variant in dict.fromkeys(row["variant"] for row in records):
        of_variant = [row for row in records if row["variant"] == variant]
        curves = [learning_curves(of_variant, metric) for metric in metrics]
        for same in zip(*curves, strict=True):
            yield variant, same[0].heuristic, list(same)


def _value_at(curve: LearningCurve, n_labels: int) -> str:
    values = curve.at(n_labels)
    values = values[np.isfinite(values)]
    mean = float(values.mean()) if len(values) else math.nan
    deviation = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return measured(curve.metric, mean, deviation)


def gain_table(
    records: Sequence[Record],
    label_counts: Sequence[int],
    baseline: str = "random",
    metric: str = "test_error",
) -> str:
    """The active gain at some numbers of labels: mean ± standard error over seeds, paired.

    Args:
        records: Of a study; where a variant has no runs of the baseline, those of the variant
            `baseline` stand for them.
        label_counts: The numbers of labels.
        baseline: The heuristic that the others are held against.
        metric: What the gain is in.

    Returns:
        A table in Markdown, positive where a heuristic is better than the baseline; empty where the
        baseline has no records.

    Example:
        >>> row = {"variant": "errors=0", "n_labelled": 20, "seed": 0}
        >>> rows = [{**row, "heuristic": "bald", "test_error": 0.1}]
        >>> rows += [{**row, "heuristic": "random", "test_error": 0.3}]
        >>> print(gain_table(rows, [20]))
        | variant  | heuristic | gain in error % at 20 |
        |:---------|:----------|----------------------:|
        | errors=0 | bald      |                  20.0 |
    """
    rows = []
    for variant in variants_in(records):
        curves = learning_curves(with_baseline(records, variant, baseline), metric)
        base = find_baseline(curves, baseline)
        for curve in curves:
            if base is not None and curve is not base:
                gain = active_gain(curve, base)
                rows.append([variant, curve.heuristic, *(_gain_at(gain, n) for n in label_counts)])
    title = metric_title(metric)
    header = ["variant", "heuristic", *(f"gain in {title} at {n:,}" for n in label_counts)]
    return markdown_table(header, rows, align="llr") if rows else ""


def _gain_at(gain: LearningCurve, n_labels: int) -> str:
    where = np.flatnonzero(gain.labels == n_labels)
    if not len(where):
        return measured(gain.metric, math.nan)
    return measured(gain.metric, float(gain.mean[where[0]]), float(gain.standard_error[where[0]]))


def with_baseline(records: Sequence[Record], variant: str, baseline: str) -> list[Record]:
    """The records of one variant, with those of the baseline.

    Args:
        records: Of a study.
        variant: Name of the variant.
        baseline: Name of the heuristic. If the variant has no runs of it, those of the variant
            `baseline` stand for them.

    Returns:
        Records.

    Example:
        >>> rows = [{"variant": "query=50", "heuristic": "bald"}]
        >>> rows += [{"variant": "baseline", "heuristic": "random"}]
        >>> len(with_baseline(rows, "query=50", "random"))
        2
    """
    found = [row for row in records if row["variant"] == variant]
    if all(row["heuristic"] != baseline for row in found):
        found += [
            row for row in records
            if row["variant"] == BASELINE and row["heuristic"] == baseline
        ]  # fmt: skip
    return found
