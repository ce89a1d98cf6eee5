"""What a comparison of heuristics has shown."""

import os
from dataclasses import dataclass
from pathlib import Path

from baal.exceptions import StateError
from baal.experiments.curves import LearningCurve, learning_curves
from baal.experiments.plots import plot_learning_curves
from baal.experiments.records import RESULTS, Record, read_records
from baal.experiments.report import format_table, summary_table
from baal.experiments.runs import RUNS, read_runs
from baal.experiments.summary import Summary, summarize

__all__ = ["Comparison"]


@dataclass(frozen=True)
class Comparison:
    """What a comparison has shown.

    Attributes:
        records: Of all rounds of all runs: those of `ActiveLearningExperiment`, each with
            `heuristic` and `seed`.
        baseline: The heuristic that the others are held against; None: there is none.

    Example:
        >>> row = {"seed": 0, "n_labelled": 20}
        >>> rows = [{**row, "heuristic": "bald", "test_error": 0.1}]
        >>> rows += [{**row, "heuristic": "random", "test_error": 0.3}]
        >>> print(Comparison(rows).table("test_error"))
        | labels | bald error % | random error % | labels bald saves |
        |-------:|-------------:|---------------:|------------------:|
        |     20 |         10.0 |           30.0 |               > 0 |
    """

    records: list[Record]
    baseline: str | None = "random"

    def curves(self, metric: str, higher_is_better: bool | None = None) -> list[LearningCurve]:
        """Values of a metric by heuristic, seed and number of labels.

        Args:
            metric: Name of the metric.
            higher_is_better: Which way is better; None goes by the name of the metric.

        Returns:
            One curve for each heuristic.
        """
        return learning_curves(self.records, metric, higher_is_better=higher_is_better)

    def summary(
        self, metric: str, target: float | None = None, *, higher_is_better: bool | None = None
    ) -> Summary:
        """Final values, areas under the curves, labels needed, and paired tests.

        Args:
            metric: Name of the metric.
            target: Its value for which to count the labels needed; None: what the baseline comes
                to in the end.
            higher_is_better: Which way is better; None goes by the name of the metric.

        Returns:
            One row for each heuristic; `summary_table` shows it.
        """
        curves = self.curves(metric, higher_is_better)
        return summarize(curves, baseline=self.baseline or "", target=target)

    def table(self, metric: str, *, higher_is_better: bool | None = None) -> str:
        """Means by number of labels, in Markdown.

        Args:
            metric: Name of the metric.
            higher_is_better: Which way is better; None goes by the name of the metric.

        Returns:
            A table, with the labels saved at equal values where there is a baseline.
        """
        return format_table(self.curves(metric, higher_is_better), self.baseline or "")

    def summary_table(
        self, metric: str, target: float | None = None, *, higher_is_better: bool | None = None
    ) -> str:
        """`summary` in Markdown.

        Args:
            metric: Name of the metric.
            target: As in `summary`.
            higher_is_better: Which way is better; None goes by the name of the metric.

        Returns:
            A table with one row for each heuristic.
        """
        return summary_table(self.summary(metric, target, higher_is_better=higher_is_better))

    def plot(self, path: str | os.PathLike[str], metric: str, title: str = "") -> None:
        """Draw learning curves with bands of one standard error.

        Args:
            path: The picture to write; its ending decides the format.
            metric: Name of the metric.
            title: Above the plot.
        """
        plot_learning_curves(self.curves(metric), Path(path), title=title)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], baseline: str | None = "random") -> "Comparison":
        """Read all that a folder has: runs of several calls, and of one that has not ended yet.

        Args:
            folder: The folder that `compare` was given.
            baseline: As in `compare`.

        Returns:
            The comparison: seed by seed, heuristics in the order of the last call that ended.

        Raises:
            StateError: There are no records in that folder, or they are damaged.
        """
        results = Path(folder, RESULTS)
        try:
            ended = read_records(results) if results.is_file() else []
        except ValueError as error:  # no JSON, or no UTF-8
            raise StateError(f"Expected {results} to hold records, but got {error}") from error
        # What the runs have is newer, if they were kept.
        records = read_runs(Path(folder, RUNS)) or ended
        if not records:
            raise StateError(f"Expected `folder` to hold a comparison, but got {folder} without")
        order = list(dict.fromkeys(row["heuristic"] for row in [*ended, *records]))
        records.sort(key=lambda row: (row["seed"], order.index(row["heuristic"])))
        return cls(records, baseline)
