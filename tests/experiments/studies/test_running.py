import json
import re
import sys
from dataclasses import replace

import pytest

from baal.exceptions import InvalidArgumentError, StateError
from baal.experiments.studies import running
from baal.experiments.studies.parser import study_parser
from baal.experiments.studies.protocol import protocol_for
from baal.experiments.studies.running import check_protocol, finish, make_way, run_study
from baal.experiments.studies.study import Study, Variant
from baal.utils.locks import locked

pytestmark = pytest.mark.usefixtures("clouds_as_digits")


def study_of(out, *options):
    argv = ["--dataset", "mnist5k", "--seeds", "0", "--heuristics", "bald", "--out", str(out)]
    return Study.parse(study_parser("A study.", out="runs"), [*argv, *map(str, options)])


def variants_of(study, sizes=(10, 15)):
    return [
        Variant(f"query={n}", replace(study.protocol, query_size=n), study.heuristics)
        for n in sizes
    ]


def carry_out(out, *options, sizes=(10, 15)):
    """The status, and the records that the report was made of."""
    study, seen = study_of(out, *options), []

    def report(records):
        seen.extend(records)
        return f"{len(records)} records"

    return run_study(study, lambda: variants_of(study, sizes), report), seen


def results(out):
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def without_seconds(rows):
    return [{**row, "seconds": None} for row in rows]


def files_in(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_records_of_all_variants_are_kept_printed_and_reported(tmp_path, capsys):
    status, seen = carry_out(tmp_path)
    assert status == 0
    assert [(r["variant"], r["heuristic"], r["n_labelled"]) for r in seen] == [
        (variant, heuristic, n)
        for variant, labels in (("query=10", [10, 20, 30, 35]), ("query=15", [10, 20, 35]))
        for heuristic in ("bald", "random")
        for n in labels
    ]
    assert results(tmp_path) == seen
    assert (tmp_path / "report.md").read_text() == "14 records\n"
    out = capsys.readouterr().out
    assert out.startswith("14 records\n\n")
    assert out.endswith(f"Tables and figures: {tmp_path}\n")


def test_the_same_again_trains_nothing_and_more_seeds_join(tmp_path, capsys):
    _, first = carry_out(tmp_path)
    status, again = carry_out(tmp_path)
    assert (status, again) == (0, first)  # the seconds too
    status, more = carry_out(tmp_path, "--seeds", 0, 1)
    assert status == 0
    assert [row for row in more if row["seed"] == 0] == first
    assert len(more) == 2 * len(first)


def test_a_report_of_what_is_there_by_now(tmp_path, capsys, monkeypatch):
    _, all_of_it = carry_out(tmp_path)
    (tmp_path / "results.jsonl").unlink()
    records = tmp_path / "runs" / "query=15" / "random-0" / "records.jsonl"
    text = records.read_text()
    records.write_text(text[: text.rindex("\n", 0, -1) + 9])  # killed while it wrote the last line
    for folder in (tmp_path / "runs" / "query=15").glob("bald-*"):
        for file in folder.iterdir():
            file.unlink()
    monkeypatch.setattr(running, "execute_all", None)  # nothing is trained
    before = files_in(tmp_path)
    capsys.readouterr()
    status, seen = carry_out(tmp_path, "--report", "--seeds", 0, 1)
    assert status == 0
    assert seen == [
        row for row in all_of_it
        if row["variant"] == "query=10" or (row["heuristic"] == "random" and row["n_labelled"] < 35)
    ]  # fmt: skip
    assert capsys.readouterr().out == "10 records\n"
    assert files_in(tmp_path) == before | {tmp_path / "report.md": b"10 records\n"}


def test_a_report_has_what_was_asked_for_only(tmp_path, capsys):
    carry_out(tmp_path, "--seeds", 0, 1)
    _, seen = carry_out(tmp_path, "--report", "--seeds", 1, "--heuristics", "random", sizes=(15,))
    assert {(row["variant"], row["heuristic"], row["seed"]) for row in seen} == {
        ("query=15", "random", 1)
    }


def test_a_report_of_nothing(tmp_path, capsys):
    status, _ = carry_out(tmp_path / "none", "--report")
    assert status == 2
    assert "error: Expected --out to hold runs of this study, but got" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_overwrite_begins_anew_and_leaves_other_files(tmp_path, capsys):
    _, first = carry_out(tmp_path, "--epochs", 1)
    (tmp_path / "notes.txt").write_text("mine")
    status, _ = carry_out(tmp_path)
    assert status == 2  # other settings
    assert results(tmp_path) == first
    status, second = carry_out(tmp_path, "--overwrite", sizes=(15,))
    assert status == 0
    assert results(tmp_path) == second != first
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["query=15"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_nothing_is_removed_while_somebody_is_at_work(tmp_path, capsys):
    carry_out(tmp_path)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    with locked(tmp_path / "runs" / "query=15" / "random-0" / "lock"):
        assert carry_out(tmp_path, "--overwrite")[0] == 2
    assert "one that this process holds" in capsys.readouterr().err
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before
    assert carry_out(tmp_path, "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--label-counts", 121],
            "--label-counts <= 120, the size of the pool, but got 10 and",
        ),
        (["--label-counts", 8, 30], "--initial-labels <= --label-counts .*but got 10 and 8 30"),
        (["--iterations", 1], "--iterations to be at least 2, since bald compares"),
    ],
)
def test_what_cannot_be_met_is_said_before_anything_changes(tmp_path, capsys, options, message):
    carry_out(tmp_path)
    before = files_in(tmp_path)
    capsys.readouterr()
    status, seen = carry_out(tmp_path, "--overwrite", *options)
    assert (status, seen) == (2, [])
    assert files_in(tmp_path) == before
    assert re.match(f"error: Expected .*{message}", capsys.readouterr().err)
    assert carry_out(tmp_path / "new", *options)[0] == 2
    assert not (tmp_path / "new").exists()


def test_an_error_in_any_variant_stops_all_of_them(tmp_path, capsys):
    study = study_of(tmp_path / "new")
    bad = replace(study.protocol, rare_classes=4)
    variants = [*variants_of(study), Variant("rare=4", bad, study.heuristics)]
    assert run_study(study, lambda: variants, str) == 2
    assert "Expected `n_classes` to be from 0 to 3, but got 4" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_where_nothing_can_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert carry_out(out)[0] == 2
        message = f"error: Expected --out to be a folder that can be written, but got {out}: "
        assert message in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"
    with pytest.raises(StateError):
        make_way(study_of(tmp_path / "file"))


def test_an_error_of_the_report_is_printed_and_no_report_is_kept(tmp_path, capsys):
    study = study_of(tmp_path)

    def fails():
        raise StateError("Expected more.")

    assert finish(study, fails) == 2
    assert capsys.readouterr().err == "error: Expected more.\n"
    assert not (tmp_path / "report.md").exists()


def test_an_interruption_has_a_message_and_a_status_of_its_own(tmp_path, capsys):
    def interrupted():
        raise KeyboardInterrupt

    assert finish(study_of(tmp_path), interrupted) == 130
    assert "interrupted; the same command without --overwrite goes on" in capsys.readouterr().err


def test_a_missing_extra_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert carry_out(tmp_path / "new")[0] == 2
    assert "extra `plot`" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("heuristic", ["entropy", "random", "margin"])
def test_one_sample_is_enough_for_some(heuristic):
    check_protocol(protocol_for("mnist5k", iterations=1), [heuristic])
    with pytest.raises(InvalidArgumentError, match="since bald compares"):
        check_protocol(protocol_for("mnist5k", iterations=1), [heuristic, "bald"])
