"""The benchmark of diverse batches: what it measures by is right, and it runs."""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "experiments" / "benchmarks" / "diversity.py"


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("diversity", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_coverage_is_of_the_nearest_of_the_batch(script):
    x = np.array([[0.0], [1.0], [5.0], [9.0]])
    assert script.coverage(x, [0, 3]) == (4.0, 17 / 4)


def test_memory_is_what_is_allocated(script):
    assert script.peak_memory(lambda: np.ones(2**18)) == pytest.approx(2, rel=0.05)


def test_the_command_prints_its_tables(script, capsys, monkeypatch):
    monkeypatch.setattr(script, "find_spec", lambda name: None if name == "skactiveml" else True)
    arguments = "--items 100 --features 8 --chosen 5 --halves 1 --repeats 1"
    assert script.main(arguments.split()) == 0
    out = capsys.readouterr().out
    assert "\n| k_center | " in out
    assert "\n| k_means_plus_plus (BADGE) | " in out
    assert "scikit-activeml is not installed" in out
    assert "\n| TypiClust | " in out
    monkeypatch.setattr(script, "find_spec", lambda _: None)
    script.cold_start(None)
    assert "mlxtend is not installed" in capsys.readouterr().out


@pytest.mark.skipif(find_spec("skactiveml") is None, reason="scikit-activeml is not installed")
def test_the_table_beside_scikit_activeml(script, capsys):
    script.main(["--items", "50", "--chosen", "3", "--halves", "1", "--repeats", "1"])
    assert capsys.readouterr().out.count("\n| BADGE | ") == 1
