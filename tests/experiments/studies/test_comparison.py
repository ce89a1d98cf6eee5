import json

import pytest

from baal.experiments.studies import comparison
from baal.experiments.studies.comparison import run_comparison
from baal.experiments.studies.parser import study_parser
from baal.experiments.studies.study import Study

pytestmark = pytest.mark.usefixtures("clouds_as_digits")


def carry_out(out, *options):
    argv = ["--dataset", "mnist5k", "--seeds", "0", "1", "--heuristics", "entropy"]
    argv += ["--out", str(out), *map(str, options)]
    return run_comparison(Study.parse(study_parser("A comparison.", out="runs"), argv))


def records(out):
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_tables_figures_and_records(tmp_path, capsys):
    assert carry_out(tmp_path) == 0
    out = capsys.readouterr().out
    assert "| labels | entropy error % | random error % | labels entropy saves |" in out
    assert "mean ± standard error over seeds" in out
    assert "| heuristic | seeds | error % at 35 labels" in out
    assert (tmp_path / "report.md").read_text() in out
    rows = records(tmp_path)
    assert [(r["heuristic"], r["n_labelled"]) for r in rows if r["seed"] == 1] == [
        (name, n) for name in ("entropy", "random") for n in (10, 20, 30, 35)
    ]
    # By hand: the mean error of the table's last row.
    last = [r["test_error"] for r in rows if r["n_labelled"] == 35 and r["heuristic"] == "random"]
    row = next(line for line in out.splitlines() if line.startswith("|     35"))
    assert row.split("|")[3].split()[0] == f"{50 * sum(last):.1f}"
    # The same in the paper's form, with the loss.
    table = next(line for line in out.splitlines() if line.startswith("| mnist5k | random"))
    loss = [r["test_loss"] for r in rows if r["n_labelled"] == 35 and r["heuristic"] == "random"]
    deviation = abs(loss[0] - loss[1]) / 2**0.5
    assert f" {sum(loss) / 2:.3f} ± {deviation:.3f} " in table
    for name in ("learning_curves.png", "gains.png"):
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"


def test_a_report_has_what_was_asked_for_and_is_there(tmp_path, capsys, monkeypatch):
    carry_out(tmp_path)
    for file in (tmp_path / "runs" / "random-1").iterdir():
        file.unlink()
    monkeypatch.setattr(comparison, "compare", None)  # nothing is trained
    capsys.readouterr()
    assert carry_out(tmp_path, "--report") == 0
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if "|" in line]
    seeds = {row[1].strip(): row[2].strip() for row in rows if len(row) > 7}
    assert (seeds["entropy"], seeds["random"]) == ("2", "1")
    assert carry_out(tmp_path, "--report", "--seeds", 1) == 0
    assert "random error" not in capsys.readouterr().out
    assert carry_out(tmp_path, "--report", "--seeds", 7) == 2
    assert "error: Expected --out to hold a comparison" in capsys.readouterr().err


def test_random_alone_has_a_curve_and_no_gains(tmp_path, capsys):
    assert carry_out(tmp_path, "--heuristics", "random", "--seeds", 0) == 0
    assert (tmp_path / "learning_curves.png").exists()
    assert not (tmp_path / "gains.png").exists()


def test_errors_are_said_before_anything_changes(tmp_path, capsys):
    carry_out(tmp_path)
    before = (tmp_path / "results.jsonl").read_bytes()
    assert carry_out(tmp_path, "--overwrite", "--label-counts", 121) == 2
    assert "the size of the pool" in capsys.readouterr().err
    assert (tmp_path / "results.jsonl").read_bytes() == before
    assert (tmp_path / "runs" / "entropy-0").exists()
    assert carry_out(tmp_path, "--overwrite", "--seeds", 3) == 0
    assert {row["seed"] for row in records(tmp_path)} == {3}
    assert not (tmp_path / "runs" / "entropy-0").exists()
