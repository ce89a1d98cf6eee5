import sys

import numpy as np
import pytest

from baal.exceptions import InvalidArgumentError, MissingExtraError
from baal.experiments.curves import learning_curves
from baal.experiments.plots import gain_panel, learning_panel, plot_gains, plot_learning_curves
from tests.experiments.test_curves import RECORDS, records
from tests.experiments.test_panels import drawn  # noqa: F401

CURVES = learning_curves(RECORDS)


def test_the_plot_has_a_line_and_a_band_for_each(tmp_path, drawn):  # noqa: F811
    path = tmp_path / "curve.png"
    plot_learning_curves(CURVES, path, title="digits")
    (axes,) = drawn[0].axes
    assert axes.get_title() == "digits"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("labels", "test error (%)")
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["bald (2 seeds)", "random (2 seeds)"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [60, 30, 10])
    band = axes.collections[0].get_paths()[0].vertices
    assert {70.0, 50.0} <= {round(float(y), 6) for y in band[:, 1]}
    assert axes.get_ylim()[0] == 0
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_gains_are_those_over_the_baseline(tmp_path, drawn):  # noqa: F811
    plot_gains(CURVES, tmp_path / "gain.png", title="gain")
    (axes,) = drawn[0].axes
    zero, line = axes.lines
    assert list(zero.get_ydata()) == [0, 0]
    np.testing.assert_allclose(line.get_ydata(), [0, 10, 10])
    assert axes.get_ylabel() == "gain over random, test error (points)"
    # Gains at 20 labels are 20 and 0 points: their standard error is 10.
    band = axes.collections[0].get_paths()[0].vertices
    assert {20.0, 0.0} <= {round(float(y), 6) for y in band[band[:, 0] == 20, 1]}


def test_what_is_no_share_keeps_its_unit():
    rows = records("bald", [[3, 2, 1]], metric="test_loss")
    rows += records("random", [[3, 3, 3]], metric="test_loss")
    curves = learning_curves(rows, "test_loss")
    panel = learning_panel(curves, ylabel="nats")
    assert (panel.ylabel, panel.from_zero) == ("nats", True)
    assert panel.lines[0].y.tolist() == [3, 2, 1]
    gains = gain_panel(curves)
    assert (gains.ylabel, gains.lines[0].y.tolist()) == ("gain over random, test loss", [0, 1, 2])
    assert gain_panel(curves, ylabel="nats").ylabel == "nats"


def test_higher_is_better_does_not_start_at_zero():
    curves = learning_curves(records("bald", [[0.8, 0.9, 0.95]], metric="f1"), "f1")
    assert not learning_panel(curves).from_zero


def test_a_baseline_that_is_not_there():
    with pytest.raises(InvalidArgumentError, match=r"\['bald'\], but got 'random'"):
        gain_panel(CURVES[:1])


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match="extra `plot`"):
        plot_learning_curves(CURVES, tmp_path / "curve.png")
