"""The benchmark of heuristics that look at the whole pool: it asks all of them, and it runs."""

from argparse import Namespace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from baal.active import heuristics

SCRIPT = Path(__file__).parents[2] / "experiments" / "benchmarks" / "pool_heuristics.py"


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("pool_heuristics", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_heuristic_of_the_pool_is_asked_for_a_batch_of_the_same_pool(script):
    calls = script.calls(Namespace(items=45, features=3, classes=2, chosen=4))
    public = [getattr(heuristics, name) for name in heuristics.__all__]
    classes = [c for c in public if isinstance(c, type) and issubclass(c, heuristics.PoolHeuristic)]
    needs = ("needs_embeddings", "needs_gradient_embeddings")
    of_the_pool = {c.__name__ for c in classes if any(getattr(c, need) for need in needs)}
    assert len(of_the_pool) > 9
    assert of_the_pool <= set(calls)
    for call in calls.values():
        ranks, scores = call()
        assert sorted(ranks) == list(range(45))
        assert np.isfinite(scores).all()


def test_the_command_prints_a_row_each(script, capsys):
    assert script.main(["--items", "45", "--features", "3", "--chosen", "4", "--repeats", "1"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n| ") == 1 + 13
    assert "\n| BAIT, binary | 0." in out
