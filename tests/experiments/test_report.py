import sys

import numpy as np
import pytest

from baal.exceptions import InvalidArgumentError, MissingExtraError
from baal.experiments.report import (
    LearningCurve,
    format_table,
    labels_at_error,
    learning_curves,
    plot_learning_curves,
)


def records(heuristic, errors_by_seed, labels=(10, 20, 30)):
    return [
        {"heuristic": heuristic, "seed": seed, "labels": n, "metrics": {"error": error}}
        for seed, errors in enumerate(errors_by_seed)
        for n, error in zip(labels, errors, strict=True)
    ]


RECORDS = records("bald", [[0.5, 0.2, 0.1], [0.7, 0.4, 0.1]]) + records(
    "random", [[0.5, 0.4, 0.2], [0.7, 0.4, 0.2]]
)


def test_mean_and_standard_error_by_hand():
    bald, random = learning_curves(RECORDS)
    assert (bald.heuristic, random.heuristic) == ("bald", "random")
    assert bald.labels.tolist() == [10, 20, 30]
    np.testing.assert_allclose(bald.mean, [0.6, 0.3, 0.1])
    # Two values: the standard deviation with n - 1 is |a - b| / sqrt(2), over sqrt(2).
    np.testing.assert_allclose(bald.standard_error, [0.1, 0.1, 0.0], atol=1e-12)
    assert bald.n_seeds.tolist() == [2, 2, 2]


def test_one_seed_has_no_standard_error():
    (curve,) = learning_curves(records("bald", [[0.5, 0.2, 0.1]]))
    assert np.isnan(curve.standard_error).all()


def test_no_records():
    with pytest.raises(InvalidArgumentError, match="at least one record"):
        learning_curves([])


def curve(mean, labels=(10, 20, 30)):
    mean = np.array(mean)
    return LearningCurve("x", np.array(labels), mean, mean * 0, np.array([1] * len(mean)))


@pytest.mark.parametrize(
    ("error", "needed"),
    [(0.7, 10), (0.6, 10), (0.5, 15), (0.4, 20), (0.3, 25), (0.2, 30), (0.1, np.inf)],
)
def test_labels_at_an_error_are_interpolated(error, needed):
    assert labels_at_error(curve([0.6, 0.4, 0.2]), error) == pytest.approx(needed)


def test_the_first_crossing_counts():
    assert labels_at_error(curve([0.6, 0.2, 0.5]), 0.2) == 20


def test_the_table():
    assert format_table(learning_curves(RECORDS)).splitlines() == [
        "| labels | bald error % | random error % | labels bald saves |",
        "|-------:|-------------:|---------------:|------------------:|",
        "|     10 |  60.0 ± 10.0 |    60.0 ± 10.0 |                 0 |",
        "|     20 |  30.0 ± 10.0 |     40.0 ± 0.0 |                 5 |",
        "|     30 |   10.0 ± 0.0 |     20.0 ± 0.0 |               > 0 |",
    ]


def test_the_table_without_the_baseline_and_with_uneven_runs():
    rows = records("bald", [[0.5, 0.2, 0.1]]) + records("entropy", [[0.5]], labels=(10,))
    assert format_table(learning_curves(rows)).splitlines() == [
        "| labels | bald error % | entropy error % |",
        "|-------:|-------------:|----------------:|",
        "|     10 |         50.0 |            50.0 |",
        "|     20 |         20.0 |               - |",
        "|     30 |         10.0 |               - |",
    ]


def test_uneven_runs_beside_the_baseline():
    rows = records("bald", [[0.5]], labels=(10,)) + records("random", [[0.5, 0.4, 0.3]])
    last = format_table(learning_curves(rows)).splitlines()[-1]
    assert last.split("|")[2].strip() == "-"
    assert last.split("|")[4].strip() == "-"


def test_the_plot_has_a_line_and_a_band_for_each(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (drawn.append(self), save(self, *a, **k))
    )
    path = tmp_path / "curve.png"
    plot_learning_curves(learning_curves(RECORDS), path, title="digits")
    (axes,) = drawn[0].axes
    assert axes.get_title() == "digits"
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["bald (2 seeds)", "random (2 seeds)"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [60, 30, 10])
    band = axes.collections[0].get_paths()[0].vertices
    assert {70.0, 50.0} <= {round(float(y), 6) for y in band[:, 1]}
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match="extra `plot`"):
        plot_learning_curves(learning_curves(RECORDS), tmp_path / "curve.png")


def test_a_baseline_better_from_its_first_point_on_gives_a_bound():
    rows = records("bald", [[0.6, 0.5, 0.4]]) + records("random", [[0.5, 0.4, 0.3]])
    saved = [
        line.split("|")[4].strip() for line in format_table(learning_curves(rows)).splitlines()
    ]
    assert saved[2:] == ["≤ 0", "-10", "-10"]
