import numpy as np
import pytest

from baal.experiments.studies.tables import (
    gain_table,
    named_by,
    outcome_table,
    study_tables,
    variants_in,
    with_baseline,
)


def rows(variant, heuristic, values, labels=(10, 20), metric="test_error", seeds=None):
    """Records with the values `[S, R]` of a metric."""
    return [
        {"variant": variant, "heuristic": heuristic, "seed": seed, "n_labelled": n, metric: value}
        for seed, of_seed in zip(seeds or range(len(values)), values, strict=True)
        for n, value in zip(labels, of_seed, strict=True)
    ]


def cells(table):
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    return lines[0], lines[2:]


STUDY = (
    rows("x=1", "bald", [[0.5, 0.1], [0.5, 0.2], [0.5, 0.6]])
    + rows("x=1", "random", [[0.6, 0.3], [0.6, 0.3], [0.6, 0.5]])
    + rows("x=2", "bald", [[0.5, 0.4]])
)


def test_the_deviation_is_that_of_a_sample_of_seeds():
    header, body = cells(outcome_table(STUDY, [20], ["test_error"]))
    assert header == ["variant", "heuristic", "error % at 20"]
    # Of 10, 20, 60: mean 30, squares 400 + 100 + 900 = 1400 over two; of 30, 30, 50: 800/3 over 2.
    assert body == [
        ["x=1", "bald", f"30.0 ± {np.sqrt(700):.1f}"],
        ["x=1", "random", f"36.7 ± {np.sqrt(400 / 3):.1f}"],
        ["x=2", "bald", "40.0"],
    ]


def test_metrics_and_numbers_of_labels_side_by_side():
    loss = rows("x=1", "bald", [[2.0, 1.0], [4.0, 3.0]], metric="test_loss")
    error = rows("x=1", "bald", [[0.5, 0.1], [0.7, 0.1]])
    both = [{**a, **b} for a, b in zip(loss, error, strict=True)]
    header, body = cells(outcome_table(both, [10, 5_000]))
    assert header[2:] == ["loss at 10", "loss at 5,000", "error % at 10", "error % at 5,000"]
    assert body == [["x=1", "bald", "3.000 ± 1.414", "-", "60.0 ± 14.1", "-"]]


def test_a_seed_that_is_not_there_yet_is_left_out():
    half = rows("x=1", "bald", [[0.5, 0.1], [0.5, 0.3]]) + rows(
        "x=1", "bald", [[0.5]], labels=(10,), seeds=[2]
    )
    assert cells(outcome_table(half, [20], ["test_error"]))[1][0][2] == "20.0 ± 14.1"


def test_gains_are_paired_by_seed():
    header, body = cells(gain_table(STUDY, [10, 20]))
    assert header == ["variant", "heuristic", "gain in error % at 10", "gain in error % at 20"]
    # At 20 labels: 20, 10 and -10; mean 20/3, variance (1600 + 100 + 2500) / 9 / 2 = 233.3.
    assert body == [["x=1", "bald", "10.0 ± 0.0", f"6.7 ± {np.sqrt(700 / 3 / 3):.1f}"]]


def test_gains_over_seeds_that_both_have():
    study = rows("x=1", "bald", [[0.5, 0.1], [0.5, 0.2]], seeds=[0, 1]) + rows(
        "x=1", "random", [[0.5, 0.4], [0.5, 0.9]], seeds=[1, 2]
    )
    assert cells(gain_table(study, [20]))[1] == [["x=1", "bald", "20.0"]]
    assert cells(gain_table(study, [30]))[1] == [["x=1", "bald", "-"]]


def test_the_variant_baseline_stands_for_what_a_variant_has_not():
    study = (
        rows("x=1", "bald", [[0.5, 0.1]])
        + rows("x=2", "bald", [[0.5, 0.2]])
        + rows("x=2", "random", [[0.5, 0.25]])
        + rows("baseline", "random", [[0.6, 0.4]])
    )
    assert variants_in(study) == ["x=1", "x=2"]
    assert cells(gain_table(study, [20]))[1] == [["x=1", "bald", "30.0"], ["x=2", "bald", "5.0"]]
    assert [row[:2] for row in cells(outcome_table(study, [20], ["test_error"]))[1]] == [
        ["x=1", "bald"], ["x=2", "bald"], ["x=2", "random"], ["baseline", "random"],
    ]  # fmt: skip
    assert len(with_baseline(study, "x=1", "random")) == 4
    assert with_baseline(study, "x=2", "random") == study[2:6]


@pytest.mark.parametrize(("metric", "gain"), [("test_loss", "0.250"), ("test_f1_car", "-25.0")])
def test_the_gain_of_another_metric(metric, gain):
    study = rows("x", "bald", [[1, 0.5]], metric=metric) + rows(
        "x", "random", [[1, 0.75]], metric=metric
    )
    assert cells(gain_table(study, [20], metric=metric))[1] == [["x", "bald", gain]]


def test_without_the_baseline_there_are_no_gains():
    alone = rows("x", "bald", [[0.5, 0.25]])
    assert gain_table(alone, [20]) == ""
    assert gain_table([], [20]) == ""
    assert "Gain" not in study_tables(alone, [20], ["test_error"])
    assert study_tables(alone, [20], ["test_error"]).endswith("25.0 |")


def test_the_tables_say_what_they_show():
    text = study_tables(STUDY, [20], ["test_error"])
    lines = text.split("\n\n")
    assert lines[0] == (
        "Error on the test set, by number of labels: mean ± standard deviation over seeds."
    )
    assert lines[1] == outcome_table(STUDY, [20], ["test_error"])
    assert lines[2] == (
        "Gain: how much lower the error is than that of random on the same seed; "
        "mean ± standard error over seeds."
    )
    assert lines[3] == gain_table(STUDY, [20])
    f1 = rows("x", "bald", [[0, 1]], metric="test_f1_of_bus") + rows(
        "x", "random", [[0, 1]], metric="test_f1_of_bus"
    )
    assert "how much higher the f1 of bus is" in study_tables(f1, [20], ["test_f1_of_bus"])


def test_records_under_another_name():
    named = named_by(STUDY, lambda row: "" if row["heuristic"] == "random" else row["variant"])
    assert {row["heuristic"] for row in named} == {"x=1", "x=2"}
    assert len(named) == 8
    assert STUDY[0]["heuristic"] == "bald"  # it was not changed
