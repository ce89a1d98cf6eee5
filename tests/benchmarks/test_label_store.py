"""The benchmark of the label store: that it runs, and prints what is asked for."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "experiments" / "benchmarks" / "label_store.py"


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("label_store_benchmark", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_prints_three_tables(script, capsys, tmp_path):
    options = ["--labels", "500", "--calls", "2", "--repeats", "1", "--folder", str(tmp_path)]
    assert script.main(options) == 0
    out = capsys.readouterr().out
    for row in ("| 1 |", "| 1,000 |", "| 500 | integers |", "| 500 | strings", "| 50,000 |"):
        assert out.count(row) == 1
    assert not list(tmp_path.iterdir())


def test_labels_that_do_not_come_back_are_noticed(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script.Numbers, "label", lambda self, index, value: None)
    with pytest.raises(RuntimeError, match="Expected 5 labels"):
        script.read_back(tmp_path, 5, with_names=True)
