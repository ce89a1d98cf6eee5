import numpy as np

from baal.experiments.studies.figures import curve_panels, gain_panels, variant_panels
from tests.experiments.studies.test_tables import STUDY, rows


def lines_of(panels):
    return {panel.title: {line.name: np.array(line.y) for line in panel.lines} for panel in panels}


def test_learning_curves_by_variant():
    panels = curve_panels(STUDY)
    found = lines_of(panels)
    assert {title: [*lines] for title, lines in found.items()} == {
        "x=1": ["bald (3 seeds)", "random (3 seeds)"], "x=2": ["bald (1 seed)"],
    }  # fmt: skip
    np.testing.assert_allclose(found["x=1"]["bald (3 seeds)"], [50, 30])
    np.testing.assert_allclose(panels[0].lines[0].band, [0, 100 * np.std([0.1, 0.2, 0.6]) / 2**0.5])
    assert panels[0].ylabel == panels[1].ylabel == "test error (%)"


ONCE = (
    rows("query=50", "bald", [[0.5, 0.1]])
    + rows("query=50", "entropy", [[0.5, 0.2]])
    + rows("query=10", "bald", [[0.5, 0.3]])
    + rows("baseline", "random", [[0.6, 0.4]])
)


def test_the_baseline_is_in_the_panel_of_every_variant():
    found = lines_of(curve_panels(ONCE))
    assert [*found["query=50"]] == ["bald (1 seed)", "entropy (1 seed)", "random (1 seed)"]
    assert [*found["query=10"]] == ["bald (1 seed)", "random (1 seed)"]
    np.testing.assert_allclose(found["query=10"]["random (1 seed)"], [60, 40])


def test_one_panel_a_heuristic_and_one_line_a_variant():
    found = lines_of(variant_panels(ONCE))
    assert {title: [*lines] for title, lines in found.items()} == {
        "bald": ["query=50 (1 seed)", "query=10 (1 seed)", "random (1 seed)"],
        "entropy": ["query=50 (1 seed)", "random (1 seed)"],
    }
    np.testing.assert_allclose(found["bald"]["query=10 (1 seed)"], [50, 30])
    np.testing.assert_allclose(found["entropy"]["random (1 seed)"], [60, 40])


def test_gains_by_variant():
    panels = gain_panels(STUDY)
    assert [panel.title for panel in panels] == ["bald"]
    assert [line.name for line in panels[0].lines] == ["x=1 (3 seeds)"]  # x=2 has no random
    np.testing.assert_allclose(panels[0].lines[0].y, [10, 20 / 3])
    assert panels[0].zero_line
    assert panels[0].ylabel == "gain over random, test error (points)"
    assert [*lines_of(gain_panels(ONCE))["bald"]] == ["query=50 (1 seed)", "query=10 (1 seed)"]


def test_without_the_baseline_there_are_no_gains():
    assert gain_panels(rows("x=1", "bald", [[0.5, 0.1]])) == []
    assert gain_panels(rows("x=1", "random", [[0.5, 0.1]])) == []
