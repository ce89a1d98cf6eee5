"""The benchmark of import times: its arithmetic, and that it runs."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "experiments" / "benchmarks" / "import_time.py"


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("import_time", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_ratios_are_medians_of_pairs(script):
    # The machine is three times slower in the last repeat: the ratios do not notice.
    repeats = [
        {script.BARE: 10 * slow, script.BAAL: 20 * slow, script.TORCH: 1000 * slow}
        for slow in (1, 1, 3)
    ]
    assert script.format_table(repeats).splitlines()[2:] == [
        "| (bare interpreter) | 10 | 0 | 1.00 | 0.010 |",
        "| `import baal` | 20 | 10 | 2.00 | 0.020 |",
        "| `import torch` | 1000 | 990 | 100.00 | 1.000 |",
    ]


def test_each_repeat_runs_every_statement_and_the_first_round_is_dropped(script, monkeypatch):
    ran = []
    monkeypatch.setattr(script, "run_once", lambda code: float(ran.append(code) or len(ran)))
    assert script.measure(["a", "b"], repeats=2) == [{"a": 3, "b": 4}, {"a": 5, "b": 6}]
    assert ran == ["a", "b"] * 3


def test_the_command_prints_a_table(script, capsys):
    assert script.main(["--repeats", "1"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n| ") == len(script.STATEMENTS)
    assert "asked for: under 100 ms" in out


def test_a_failing_import_is_an_error(script):
    with pytest.raises(subprocess.CalledProcessError):
        script.run_once("import sys; sys.exit(3)")


@pytest.mark.parametrize("repeats", ["0", "-1", "many"])
def test_repeats_that_are_none(repeats):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--repeats", repeats],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"expected a whole number of at least 1, but got {repeats!r}" in done.stderr
