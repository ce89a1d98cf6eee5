"""The example on film reviews: a table of its rounds, the same when it is called again."""

import bz2
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "experiments" / "rotten_tomatoes.py"
spec = importlib.util.spec_from_file_location("rotten_tomatoes", SCRIPT)
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


@pytest.fixture
def options(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["category,filename,text,movie_name", "plot,f,A story,m"]
    for number in range(60):
        words = rng.choice(["film", "actor", "scene"], 3).tolist()
        words[1] = ["Bad", "Good"][number % 2]
        lines.append(f"{['rotten', 'fresh'][number % 2]},f,{' '.join(words)},m")
    data = tmp_path / "data.csv.bz2"
    data.write_bytes(bz2.compress("\n".join(lines).encode()))
    out = ["--data", str(data), "--out", str(tmp_path / "out"), "--threads", "1"]
    sizes = ["--test", "20", "--initial", "8", "--query-size", "8", "--rounds", "2"]
    return [*out, *sizes, "--epochs", "1", "--iterations", "3"]


def test_rows_are_reviews_only(options):
    rows = script.read_rows(Path(options[1]))
    assert len(rows) == 60
    assert all(row["label"] == int("good" in row["sentence"]) for row in rows)


def test_a_table_of_rounds(options, capsys):
    assert script.main(options) == 0
    printed = capsys.readouterr().out
    assert re.findall(r"^\| (\d+) \|", printed, re.MULTILINE) == ["8", "16"] * 2
    assert script.main(options) == 0
    assert capsys.readouterr().out == printed


def test_embeddings_that_were_computed_before(options, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    x = np.random.default_rng(0).standard_normal((60, 5)).astype(np.float32)
    np.savez(tmp_path / "out" / "minilm.npz", embeddings=x)
    assert script.main([*options, "--minilm", "--heuristics", "random"]) == 0
    assert re.findall(r"^\| (\d+) \|", capsys.readouterr().out, re.MULTILINE) == ["8", "16"]


def test_what_is_missing_is_named(capsys):
    with pytest.raises(script.InvalidArgumentError, match="pip install --no-deps not-there"):
        script.file_in("not_there", "file")
    assert script.main(["--data", "nowhere.bz2"]) == 2
    assert "nowhere.bz2" in capsys.readouterr().err
