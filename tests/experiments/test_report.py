import math

import numpy as np
import pytest

from baal.experiments.curves import LearningCurve, learning_curves
from baal.experiments.report import format_table, measured, summary_table
from baal.experiments.summary import summarize
from tests.experiments.test_curves import RECORDS, records


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


def test_a_baseline_better_from_its_first_point_on_gives_a_bound():
    rows = records("bald", [[0.6, 0.5, 0.4]]) + records("random", [[0.5, 0.4, 0.3]])
    saved = [
        line.split("|")[4].strip() for line in format_table(learning_curves(rows)).splitlines()
    ]
    assert saved[2:] == ["≤ 0", "-10", "-10"]


def test_another_metric_has_its_own_name_and_unit():
    rows = records("bald", [[0.5, 0.25, 0.125], [1.5, 1.25, 1.125]], metric="test_loss")
    assert format_table(learning_curves(rows, "test_loss")).splitlines() == [
        "| labels |     bald loss |",
        "|-------:|--------------:|",
        "|     10 | 1.000 ± 0.500 |",
        "|     20 | 0.750 ± 0.500 |",
        "|     30 | 0.625 ± 0.500 |",
    ]
    rows = records("bald", [[0.4, 0.5, 0.6]], metric="f1") + records(
        "random", [[0.2, 0.4, 0.5]], metric="f1"
    )
    lines = format_table(learning_curves(rows, "f1")).splitlines()
    assert lines[0] == "| labels | bald f1 % | random f1 % | labels bald saves |"
    assert [line.split("|")[4].strip() for line in lines[2:]] == ["10", "10", "> 0"]


def test_a_round_without_a_value_has_a_dash():
    rows = records("bald", [[0.5, None, 0.3]]) + records("random", [[0.5, 0.4, 0.3]])
    line = format_table(learning_curves(rows)).splitlines()[3]
    assert [cell.strip() for cell in line.split("|")[1:-1]] == ["20", "-", "40.0", "-"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("test_error", 0.12345), "12.3"),
        (("test_accuracy", 0.5, 0.01), "50.0 ± 1.0"),
        (("test_loss", 1.23456, 0.1), "1.235 ± 0.100"),
        (("test_error", math.nan, math.nan), "-"),
    ],
)
def test_measured(arguments, text):
    assert measured(*arguments) == text


def cells(table):
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    return lines[0], {line[0]: line[1:] for line in lines[2:]}


def test_the_summary_by_hand():
    header, rows = cells(summary_table(summarize(learning_curves(RECORDS))))
    assert header == [
        "heuristic", "seeds", "error % at 30 labels", "area: mean error %, 10 to 30",
        "labels to error 20.0 %", "labels saved", "gain of area [95 % interval]", "p (t)",
        "p (sign flip)", "p (t, Holm)",
    ]  # fmt: skip
    # Areas: bald (0.5 / 2 + 0.2 + 0.1 / 2) / 2 = 0.25 and 0.4; random 0.375 and 0.425. Their mean
    # difference is 0.075, its standard error 0.05, t = 1.5 on one degree of freedom, p = 2/pi
    # atan(1/1.5) = 0.374, and the interval 0.075 ± 12.706 * 0.05. Labels: bald's mean comes to 0.2
    # half way from 20 to 30; alone its seeds do at 20 and at 26.7.
    assert rows["bald"] == [
        "2", "10.0 ± 0.0", "32.5 ± 7.5", "25 [20, 27]", "5 [3, 10]", "+7.5 [-56.0, +71.0]",
        "0.374", "0.500", "0.374",
    ]  # fmt: skip
    assert rows["random"] == ["2", "20.0 ± 0.0", "40.0 ± 2.5", "30", *"-----"]


def test_bounds_where_a_target_is_never_or_always_reached():
    curves = learning_curves(
        records("good", [[0.3, 0.2, 0.1]] * 2)
        + records("bad", [[0.6, 0.6, 0.5]] * 2)
        + records("random", [[0.6, 0.5, 0.3]] * 2)
    )
    _, rows = cells(summary_table(summarize(curves, target=0.4)))
    assert [row[3] for row in rows.values()] == ["≤ 10", "> 30", "25"]
    assert [row[4] for row in rows.values()] == ["≥ 15 [15, 15]", "< -5 [-∞, -∞]", "-"]
    _, rows = cells(summary_table(summarize(curves, target=0.2)))
    assert [row[3] for row in rows.values()] == ["20", "> 30", "> 30"]
    assert [row[4] for row in rows.values()] == ["> 10 [∞, ∞]", "-", "-"]
    _, rows = cells(summary_table(summarize(curves, baseline="good", target=0.3)))
    assert rows["random"][4] == "≤ -20 [-20, -20]"
    assert rows["bad"][4] == "< -20 [-∞, -∞]"


def test_one_seed_and_no_common_seed_have_no_interval_and_no_p():
    curves = learning_curves(records("bald", [[0.5, 0.3, 0.1]]) + records("random", [[0.5] * 3]))
    _, rows = cells(summary_table(summarize(curves, target=0.3)))
    assert rows["bald"] == ["1", "10.0", "30.0", "20", "> 10", "+20.0", "-", "-", "-"]
    alone = LearningCurve("bald", "test_error", (7,), curves[0].labels, curves[0].values)
    _, rows = cells(summary_table(summarize([alone, curves[1]], target=0.3)))
    assert rows["bald"] == ["1", "10.0", "30.0", "20", *"-----"]


def test_without_a_target_or_a_baseline_columns_are_left_out():
    curves = learning_curves(records("bald", [[0.5, 0.3, 0.1]] * 2))
    header, rows = cells(summary_table(summarize(curves)))
    assert header[2:] == ["error % at 30 labels", "area: mean error %, 10 to 30"]
    assert rows["bald"] == ["2", "10.0 ± 0.0", "30.0 ± 0.0"]


def test_no_baseline_at_the_last_common_number_of_labels_leaves_no_target():
    curves = learning_curves(
        records("bald", [[0.5, 0.3]] * 2, labels=(20, 30))
        + records("random", [[0.6, 0.5, 0.4]] * 2, labels=(10, 20, 40))
    )
    header, rows = cells(summary_table(summarize(curves)))
    assert header[4] == "gain of area [95 % interval]"
    assert rows["random"][1] == "-"
    assert rows["bald"][3:5] == ["+7.5 [+7.5, +7.5]", "< 0.001"]


def test_p_of_curves_that_are_the_same():
    rows = records("bald", [[0.5, 0.3, 0.1], [0.6, 0.2, 0.2]])
    same = rows + [{**row, "heuristic": "random"} for row in rows]
    _, cell = cells(summary_table(summarize(learning_curves(same))))
    assert cell["bald"][-4:] == ["+0.0 [+0.0, +0.0]", "1.000", "1.000", "1.000"]


def test_labels_of_the_table_are_those_of_the_mean_curve():
    (bald, _) = learning_curves(RECORDS)
    row = summarize([bald], target=0.3, resamples=10).rows[0]
    assert row.needed.value == pytest.approx(np.interp(-0.3, -bald.mean, bald.labels))


@pytest.mark.parametrize(
    ("mean", "error", "expected"),
    [
        (2.5e-4, 1e-5, "0.000250 ± 0.000010"),
        (1e-9, 0.5, "0.000 ± 0.500"),  # the larger of the two decides
        (0.01, 0.002, "0.010 ± 0.002"),
        (1.5e9, 2e6, "1.5e+09 ± 2e+06"),
        (0.0, 0.0, "0.000 ± 0.000"),
        (1e-5, float("nan"), "0.0000100"),
        (1.0, float("inf"), "1.000 ± inf"),
    ],
)
def test_numbers_of_any_size_can_be_read(mean, error, expected):
    assert measured("test_mse", mean, error) == expected


def test_a_heuristic_that_is_there_from_the_start_saves_at_least_so_many():
    rows = records("bald", [[0.3, 0.2, 0.1]] * 2) + records("random", [[0.5, 0.45, 0.4]] * 2)
    lines = summary_table(summarize(learning_curves(rows), target=0.4)).splitlines()
    assert lines[2].split("|")[6].strip() == "≥ 20 [20, 20]"
    rows = records("bald", [[0.5, 0.45, 0.4]] * 2) + records("random", [[0.3, 0.2, 0.1]] * 2)
    lines = summary_table(summarize(learning_curves(rows), target=0.4)).splitlines()
    assert lines[2].split("|")[6].strip() == "≤ -20 [-20, -20]"
