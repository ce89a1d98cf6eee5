import sys

import numpy as np
import pytest
import torch

from baal.exceptions import InvalidArgumentError, MissingExtraError
from baal.utils.metrics import ECE, ECE_PerCLs
from baal.utils.metrics.reliability import Reliability, plot_reliability


@pytest.fixture
def half():
    """Two bins: nothing in the first, four items in the second, three of them true."""
    return Reliability.of(torch.tensor([[0.0, 4.0], [0.0, 3.0], [0.0, 3.2]], dtype=torch.double))


def test_means_of_bins(half):
    np.testing.assert_equal(half.items, [0, 4])
    np.testing.assert_equal(half.frequency, [np.nan, 0.75])
    np.testing.assert_allclose(half.confidence, [np.nan, 0.8])
    assert half.error == pytest.approx(0.05)
    assert np.isnan(Reliability.of(torch.zeros(3, 2)).error)


def test_bars_are_frequencies_and_gaps_to_the_confidence(half):
    figure = plot_reliability([half])
    upper, lower = figure.axes
    frequency, gap = upper.containers
    assert [bar.get_height() for bar in frequency] == [0, 0.75]
    assert [bar.get_x() for bar in frequency] == [0, 0.5]
    assert [bar.get_width() for bar in frequency] == [0.5, 0.5]
    assert gap[1].get_y() == 0.75
    assert gap[1].get_height() == pytest.approx(0.05)
    assert [bar.get_height() for bar in lower.containers[0]] == [0, 1]
    assert upper.get_lines()[0].get_xydata().tolist() == [[0, 0], [1, 1]]
    assert (lower.get_xlabel(), upper.get_ylabel()) == ("confidence", "accuracy")


def test_classes_have_a_diagram_each_in_rows_of_four(half):
    figure = plot_reliability([half] * 6)
    upper = figure.axes[::2]
    assert len(upper) == 6
    tops = [round(axes.get_position().y1, 2) for axes in upper]
    assert tops[0] == tops[3] > tops[4] == tops[5]
    below = [axes.get_xlabel() for axes in figure.axes[1::2]]
    assert below == ["", ""] + ["probability"] * 4  # the lowest of each column


def test_without_items():
    assert ECE().plot().axes[0].get_title() == "no items"
    assert ECE_PerCLs(2).plot().axes[2].get_title() == "class 1, no items"
    with pytest.raises(InvalidArgumentError, match="at least one, but got none"):
        plot_reliability([])


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_pictures_are_written(half, tmp_path, ending):
    path = tmp_path / f"diagram.{ending}"
    plot_reliability([half], str(path))
    start = path.read_bytes()[:5]
    assert start in {b"\x89PNG\r", b"<?xml", b"%PDF-"}


def test_pyplot_is_left_alone(half):
    before = "matplotlib.pyplot" in sys.modules
    plot_reliability([half])
    assert ("matplotlib.pyplot" in sys.modules) is before


def test_without_matplotlib(half, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match="extra `plot`"):
        plot_reliability([half])
