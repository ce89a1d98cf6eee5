"""The benchmark of the pointwise scores: that it compares the same things, and that it runs."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "experiments" / "benchmarks" / "heuristics.py"


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("heuristics_benchmark", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", ["pool", "images"])
def test_both_sides_compute_the_same(script, kind):
    p = script.draw(script.SHAPES["small"][kind])
    for _, plain, heuristic, _ in script.CASES:
        np.testing.assert_allclose(heuristic().get_uncertainties(p), plain(p), atol=2e-6)


def test_the_command_prints_a_table(script, capsys):
    assert script.main(["--small", "--repeats", "1", "--only", "pointwise"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n| ") == 1 + 2 * len(script.CASES)
    assert "[500, 10, 20]" in out


@pytest.mark.parametrize("repeats", ["0", "many"])
def test_repeats_that_are_none(script, repeats, capsys):
    with pytest.raises(SystemExit):
        script.main(["--repeats", repeats])
    assert f"expected a whole number of at least 1, but got {repeats!r}" in capsys.readouterr().err
