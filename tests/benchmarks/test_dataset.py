"""The benchmark of the dataset: that it runs, and prints what is asked for."""

import runpy
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "experiments" / "benchmarks" / "dataset.py"


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("dataset_benchmark", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_prints_three_tables(script, capsys):
    assert script.main(["--items", "60000", "--repeats", "1", "--accesses", "10"]) == 0
    out = capsys.readouterr().out
    on_linux = Path("/proc/self/status").exists()
    assert out.count("| 60,000 |") == 3 + 3 + 6 * on_linux
    assert ("`pool` allocates" in out) is on_linux


def test_differences_are_medians_of_pairs(script, monkeypatch):
    # The machine is slower in the last round: the median does not notice.
    times = iter([2.0, 1.0, 2.5, 1.0, 90.0, 30.0])
    monkeypatch.setattr(script, "microseconds", lambda read, indices: next(times))
    assert script.beyond_raw(int, 10, script.Numbers(10), 3, 5) == 1.5


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux's view of memory")
def test_memory_is_that_of_the_dataset(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--memory-of", "10000000", "0.5", "0"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(SCRIPT), run_name="__main__")
    in_use, views, _ = map(float, capsys.readouterr().out.split())
    # 4 bytes an index, 4 a step, 4 to read the pool, of each of the labelled half; then 1, 4, and 8
    # for each in the pool. Other tests may have left free memory that is used again.
    assert in_use < 7
    assert views < 16
