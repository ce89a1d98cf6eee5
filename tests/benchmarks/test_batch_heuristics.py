"""The benchmark of batches: its transcriptions are right, and it runs."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from tests.active.heuristics.test_epig import literal
from tests.active.heuristics.test_greedy import exact_greedy
from tests.active.heuristics.test_joint_entropy import draw, exact_information

SCRIPT = Path(__file__).parents[2] / "experiments" / "benchmarks" / "batch_heuristics.py"


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("batch_heuristics", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_transcriptions_are_the_formulas(script):
    pool = draw((12, 3, 5))
    assert script.plain_batch_bald(pool, 3, 27) == exact_greedy(pool, 3)[0]
    np.testing.assert_allclose(script.plain_epig(pool, pool[:5]), literal(pool, pool[:5]))


def test_the_transcription_also_draws(script):
    pool = draw((12, 3, 5))
    batch = script.plain_batch_bald(pool, 4, 2000)
    drawn = script.plain_batch_bald(pool, 4, 26)
    assert len(set(drawn)) == 4
    assert exact_information(pool[drawn]) >= 0.9 * exact_information(pool[batch])


def test_the_estimate_of_joint_information(script):
    items = draw((4, 3, 5))
    mean, error = script.joint_information(items, 20_000, seed=0)
    assert abs(mean - exact_information(items)) < 4 * error
    assert error < 0.01


def test_the_command_prints_its_tables(script, capsys, monkeypatch):
    monkeypatch.setattr(script, "dropout_head", lambda n, **_: draw((n // 20, 4, 5), 1))
    monkeypatch.setattr(script, "POOLS", {"small": lambda n: draw((n, 4, 5))})
    arguments = "--items 20 30 --sizes 2 3 --plain-up-to 20 --draws 100 --repeats 1"
    assert script.main([*arguments.split(), "--configurations", "20"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n| small |") == 2
    assert "EPIG" in out
