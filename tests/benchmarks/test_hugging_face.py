"""The benchmark of Hugging Face: all sides run, and give samples of the same shape."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "experiments" / "benchmarks" / "hugging_face.py"


def test_a_table_of_ratios(monkeypatch, capsys):
    spec = spec_from_file_location("hugging_face_benchmark", SCRIPT)
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    sizes = ["--items", "4", "--length", "5", "--batch", "2", "--samples", "3", "--repeats", "1"]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *sizes])
    script.main()
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line[:2] == "| "]
    assert [row[1].strip() for row in rows[1:]] == ["K predictions", "loop", "baal"]
    assert rows[-1][3].strip() == "1.00"
