"""What a study has shown, as figures by variant or by heuristic."""

from collections.abc import Sequence
from dataclasses import replace

from baal.experiments.curves import find_baseline, learning_curves
from baal.experiments.panels import Line, Panel
from baal.experiments.plots import gain_panel, learning_panel
from baal.experiments.records import Record
from baal.experiments.studies.tables import BASELINE, named_by, variants_in, with_baseline

__all__ = ["curve_panels", "gain_panels", "variant_panels"]


def curve_panels(
    records: Sequence[Record], metric: str = "test_error", baseline: str = "random"
) -> list[Panel]:
    """Learning curves, one panel a variant, each with the baseline.

    Args:
        records: Of a study.
        metric: What is drawn.
        baseline: As in `gain_table`.

    Returns:
        Panels for `plot_panels`.

    Example:
        >>> rows = [{"variant": "errors=0", "heuristic": "bald", "seed": 0, "n_labelled": 20}]
        >>> curve_panels([{**rows[0], "test_error": 0.1}])[0].title
        'errors=0'
    """
    return [
        learning_panel(
            learning_curves(with_baseline(records, variant, baseline), metric), title=variant
        )
        for variant in variants_in(records)
    ]


def variant_panels(
    records: Sequence[Record], metric: str = "test_error", baseline: str = "random"
) -> list[Panel]:
    """Learning curves, one panel a heuristic, one line a variant, with the baseline.

    Args:
        records: Of a study.
        metric: What is drawn.
        baseline: As in `gain_table`.

    Returns:
        Panels for `plot_panels`.

    Example:
        >>> row = {"heuristic": "bald", "n_labelled": 20, "seed": 0, "test_error": 0.1}
        >>> panels = variant_panels([{**row, "variant": f"query={n}"} for n in (50, 500)])
        >>> panels[0].title, [line.name for line in panels[0].lines]
        ('bald', ['query=50 (1 seed)', 'query=500 (1 seed)'])
    """

    def panel(heuristic: str) -> Panel:
        def name(row: Record) -> str:
            if row["variant"] == BASELINE:
                return baseline if row["heuristic"] == baseline else ""
            return row["variant"] if row["heuristic"] == heuristic else ""

        return learning_panel(learning_curves(named_by(records, name), metric), title=heuristic)

    found = dict.fromkeys(row["heuristic"] for row in records if row["variant"] != BASELINE)
    return [panel(heuristic) for heuristic in found if heuristic != baseline]


def gain_panels(
    records: Sequence[Record], metric: str = "test_error", baseline: str = "random"
) -> list[Panel]:
    """The active gain over the number of labels, one panel a heuristic, one line a variant.

    Args:
        records: Of a study.
        metric: What the gain is in.
        baseline: As in `gain_table`.

    Returns:
        Panels for `plot_panels`; those of variants without the baseline are left out.

    Example:
        >>> row = {"variant": "epochs=5", "n_labelled": 20, "seed": 0}
        >>> rows = [{**row, "heuristic": "bald", "test_error": 0.1}]
        >>> rows += [{**row, "heuristic": "random", "test_error": 0.3}]
        >>> gain_panels(rows)[0].lines[0].name
        'epochs=5 (1 seed)'
    """
    lines: dict[str, list[Line]] = {}
    ylabel = ""
    for variant in variants_in(records):
        curves = learning_curves(with_baseline(records, variant, baseline), metric)
        base = find_baseline(curves, baseline)
        for curve in curves:
            if base is not None and curve is not base:
                panel = gain_panel([replace(curve, heuristic=variant), base], baseline=baseline)
                lines.setdefault(curve.heuristic, []).extend(panel.lines)
                ylabel = panel.ylabel
    return [
        Panel(of_heuristic, title=name, ylabel=ylabel, zero_line=True)
        for name, of_heuristic in lines.items()
    ]
