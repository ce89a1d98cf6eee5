import subprocess
import sys

import numpy as np
import pytest

from baal.exceptions import InvalidArgumentError
from baal.experiments.panels import Line, Panel, plot_panels

X = [10, 20, 30]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved."""
    from matplotlib.figure import Figure

    figures = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k))
    )
    return figures


def line(name, y=(3, 2, 1), band=None):
    return Line(name, X, y, band)


def look(artist):
    return artist.get_color(), artist.get_marker(), artist.get_linestyle()


def test_lines_of_a_name_look_the_same_in_all_panels_and_share_a_legend(tmp_path, drawn):
    panels = [Panel([line("a"), line("b")], "one"), Panel([line("b"), line("c")], "two")]
    plot_panels(panels, tmp_path / "x.png", title="both")
    (figure,) = drawn
    one, two = figure.axes
    assert (one.get_title(), two.get_title(), figure.get_suptitle()) == ("one", "two", "both")
    assert look(one.lines[1]) == look(two.lines[0])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"]
    assert one.get_legend() is None


def test_ten_lines_look_different_by_colour_and_without(tmp_path, drawn):
    plot_panels([Panel([line(str(i)) for i in range(10)])], tmp_path / "x.png")
    looks = [look(one) for one in drawn[0].axes[0].lines]
    assert len(set(looks)) == 10
    assert len({(marker, dashes) for _, marker, dashes in looks}) == 10
    assert len({colour for colour, _, _ in looks[:7]}) == 7


@pytest.mark.parametrize(
    ("count", "columns", "grid"),
    [(1, None, (1, 1)), (2, None, (1, 2)), (3, None, (1, 3)), (4, None, (2, 2)), (5, None, (2, 3)),
     (3, 1, (3, 1)), (2, 4, (1, 2)), (5, 4, (2, 4))],
)  # fmt: skip
def test_the_grid(tmp_path, drawn, count, columns, grid):
    plot_panels([Panel([line("a")])] * count, tmp_path / "x.png", columns=columns)
    axes = drawn[0].axes
    assert len(axes) == count
    assert axes[0].get_gridspec().get_geometry() == grid


def test_panels_of_the_same_thing_share_its_axis(tmp_path, drawn):
    error, far = Panel([line("a")], ylabel="error"), Panel([line("a", (9, 8, 7))], ylabel="error")
    plot_panels([error, far, Panel([line("a")], ylabel="loss")], tmp_path / "x.png")
    one, two, three = drawn[0].axes
    assert one.get_ylim() == two.get_ylim()
    assert one.get_ylim()[1] > 9
    assert three.get_ylim() != one.get_ylim()
    assert [axes.get_ylabel() for axes in drawn[0].axes] == ["error", "", "loss"]
    plot_panels([error, far], tmp_path / "x.png", columns=1)  # below each other, both say it
    assert [axes.get_ylabel() for axes in drawn[1].axes] == ["error", "error"]


def test_a_shared_axis_from_zero_has_room_for_all_panels(tmp_path, drawn):
    panels = [Panel([line("a", y)], ylabel="y", from_zero=True) for y in ((3, 2, 1), (9, 8, 7))]
    plot_panels(panels, tmp_path / "x.png")
    for axes in drawn[0].axes:
        assert axes.get_ylim()[0] == 0
        assert 9 < axes.get_ylim()[1] < 10


def test_what_is_missing_is_passed_over_and_has_no_band(tmp_path, drawn):
    gaps = line("a", (3, np.nan, 1), (0.5, 1, np.nan))
    plot_panels([Panel([gaps], from_zero=True, zero_line=True)], tmp_path / "x.svg")
    (axes,) = drawn[0].axes
    assert axes.lines[1].get_xydata().tolist() == [[10, 3], [30, 1]]
    corners = {tuple(map(float, v)) for v in axes.collections[0].get_paths()[0].vertices}
    assert corners == {(10, 2.5), (10, 3.5), (30, 1)}
    assert axes.get_ylim()[0] == 0


def test_many_points_have_few_markers(tmp_path, drawn):
    x = np.arange(100)
    plot_panels([Panel([Line("a", x, x), Line("b", [], [])])], tmp_path / "x.png")
    assert drawn[0].axes[0].lines[0].get_markevery() == 7


def test_what_cannot_be_drawn(tmp_path):
    with pytest.raises(InvalidArgumentError, match="at least one panel, but got none"):
        plot_panels([], tmp_path / "x.png")
    with pytest.raises(InvalidArgumentError, match="`columns` to be at least 1, but got 0"):
        plot_panels([Panel([line("a")])], tmp_path / "x.png", columns=0)


def test_pyplot_stays_out_of_it(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from baal.experiments.panels import Line, Panel, plot_panels\n"
        f"plot_panels([Panel([Line('a', [1, 2], [1, 2])])], Path({str(tmp_path / 'x.png')!r}))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
