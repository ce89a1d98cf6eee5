import pytest

from baal.exceptions import InvalidArgumentError
from baal.experiments.markdown import markdown_table


def test_cells_are_padded_and_aligned_by_column():
    rows = [["bald", "1", "x"], ["b", "1000", "a long one"]]
    assert markdown_table(["name", "n", "note"], rows, align="lrc").splitlines() == [
        "| name |    n |    note    |",
        "|:-----|-----:|:----------:|",
        "| bald |    1 |     x      |",
        "| b    | 1000 | a long one |",
    ]


@pytest.mark.parametrize(
    ("align", "rule"),
    [("", "|--:|--:|--:|"), ("l", "|:--|:--|:--|"), ("lr", "|:--|--:|--:|")],
)
def test_the_last_letter_goes_for_the_rest(align, rule):
    assert markdown_table(["a", "b", "c"], [], align).splitlines()[1] == rule


def test_a_bar_in_a_cell_is_no_border():
    lines = markdown_table(["a|b"], [["c"]], "l").splitlines()
    assert lines == [r"| a\|b |", "|:-----|", "| c    |"]


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"2 cells each, but got 1: \['x'\]"):
        markdown_table(["a", "b"], [["x"]])
    with pytest.raises(InvalidArgumentError, match="letters l, c and r, but got 'lx'"):
        markdown_table(["a", "b"], [], "lx")
    with pytest.raises(InvalidArgumentError, match="at most 1 of the letters"):
        markdown_table(["a"], [], "lr")
