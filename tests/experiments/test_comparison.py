"""What a comparison says, and how it is read from its folder at any time."""

import json

import pytest

from baal.exceptions import StateError
from baal.experiments.comparison import Comparison
from baal.experiments.curves import learning_curves
from baal.experiments.records import write_records
from baal.experiments.report import format_table, summary_table
from baal.experiments.runs import read_runs
from baal.experiments.summary import summarize
from tests.experiments.small_comparison import LABELS, compare_small


def rows(values, metric="test_error"):
    """Records from `{(heuristic, seed): values at 10, 20, ... labels}`."""
    return [
        {"heuristic": name, "seed": seed, "n_labelled": 10 * (n + 1), metric: value}
        for (name, seed), of_run in values.items()
        for n, value in enumerate(of_run)
    ]


VALUES = {
    ("bald", 0): [0.5, 0.2], ("random", 0): [0.5, 0.4],
    ("bald", 1): [0.6, 0.1], ("random", 1): [0.6, 0.3],
}  # fmt: skip


def test_the_summary_in_numbers():
    summary = Comparison(rows(VALUES)).summary("test_error")
    assert summary.target == pytest.approx(0.35)  # what Random comes to
    bald, random = summary.rows
    assert (bald.final.mean, random.final.mean) == pytest.approx((0.15, 0.35))
    assert bald.gain.mean == pytest.approx(0.1)  # half of 0.2, as an average over 10 labels
    assert random.gain is None


def test_tables_are_those_of_the_curves():
    records = rows(VALUES)
    comparison = Comparison(records)
    curves = learning_curves(records, "test_error")
    assert comparison.table("test_error") == format_table(curves)
    assert "labels bald saves" in comparison.table("test_error")
    expected = summary_table(summarize(curves, target=0.2))
    assert comparison.summary_table("test_error", 0.2) == expected


def test_without_a_baseline_nothing_is_held_against_another():
    comparison = Comparison(rows(VALUES), baseline=None)
    assert comparison.table("test_error") == format_table(
        learning_curves(rows(VALUES), "test_error"), baseline=""
    )
    assert "saves" not in comparison.table("test_error")
    summary = comparison.summary("test_error")
    assert summary.baseline is None
    assert [row.gain for row in summary.rows] == [None, None]


def test_which_way_is_better_can_be_said():
    comparison = Comparison(rows(VALUES, metric="test_price"))
    summaries = [comparison.summary("test_price", higher_is_better=way) for way in (True, False)]
    assert [summary.rows[0].gain.mean for summary in summaries] == pytest.approx([-0.1, 0.1])
    tables = {
        way: (
            comparison.table("test_price", higher_is_better=way),
            comparison.summary_table("test_price", 0.2, higher_is_better=way),
        )
        for way in (True, False)
    }
    curves = learning_curves(comparison.records, "test_price", higher_is_better=True)
    assert tables[True] == (format_table(curves), summary_table(summarize(curves, target=0.2)))
    assert tables[True][0] != tables[False][0]
    assert tables[True][1] != tables[False][1]


def test_a_plot(tmp_path):
    Comparison(rows(VALUES)).plot(str(tmp_path / "curves.png"), "test_error", title="t")
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_a_folder_without_a_comparison(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(StateError, match=r"`folder` to hold a comparison, but got .* without"):
            Comparison.load(folder)


def test_a_comparison_that_has_not_ended_yet(tmp_path):
    def interrupt(record):
        if len(read_runs(tmp_path / "runs")) == len(LABELS) + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_small(folder=tmp_path, seeds=[0], callbacks=[interrupt])
    half = Comparison.load(tmp_path, baseline=None)
    assert half.baseline is None
    assert [(row["heuristic"], row["n_labelled"]) for row in half.records] == [
        ("bald", 8), ("bald", 13), ("bald", 18), ("bald", 20), ("power_bald", 8),
    ]  # fmt: skip
    whole = compare_small(folder=tmp_path, seeds=[0])
    assert Comparison.load(tmp_path) == whole
    assert whole.records[: len(half.records)] == half.records


def test_what_was_added_since_the_last_end_is_read_too(tmp_path):
    first = compare_small(folder=tmp_path, heuristics=["random", "bald"], seeds=[1, 0])
    assert Comparison.load(tmp_path).records == sorted(first.records, key=lambda row: row["seed"])

    def interrupt_in_the_second_round(record):
        if record["round"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_small(
            folder=tmp_path, heuristics=["entropy", "random", "bald"], seeds=[0, 2],
            callbacks=[interrupt_in_the_second_round],
        )  # fmt: skip
    found = Comparison.load(tmp_path).records
    assert [row for row in found if row["heuristic"] != "entropy"] == sorted(
        first.records, key=lambda row: row["seed"]
    )
    assert [row["n_labelled"] for row in found if row["heuristic"] == "entropy"] == [8]
    # Seed by seed; heuristics as in the call that ended, and then the new one.
    runs = list(dict.fromkeys((row["seed"], row["heuristic"]) for row in found))
    assert runs == [(0, "random"), (0, "bald"), (0, "entropy"), (1, "random"), (1, "bald")]


def test_results_are_enough_where_the_runs_were_not_kept(tmp_path):
    records = rows(VALUES)
    write_records(tmp_path / "results.jsonl", records)
    assert Comparison.load(tmp_path).records == records
    assert json.loads((tmp_path / "results.jsonl").read_text().splitlines()[0]) == records[0]


@pytest.mark.parametrize("name", ["results.jsonl", "runs/bald-0/records.jsonl"])
@pytest.mark.parametrize("content", [b"{bad\n", b"\xff\xfe\n"])
def test_damaged_records_are_named(tmp_path, name, content):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(StateError, match=r"Expected .*\.jsonl to hold records, but got"):
        Comparison.load(tmp_path)
