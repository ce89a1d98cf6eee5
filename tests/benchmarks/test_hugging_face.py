"""The benchmark of Hugging Face: all sides run, and give samples of the same shape."""

import sys
from argparse import Namespace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "experiments" / "benchmarks" / "hugging_face.py"


def load():
    spec = spec_from_file_location("hugging_face_benchmark", SCRIPT)
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_a_table_of_ratios(monkeypatch, capsys):
    script = load()
    sizes = ["--items", "4", "--length", "5", "--batch", "2", "--samples", "3", "--repeats", "1"]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *sizes])
    script.main()
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line[:2] == "| "]
    cells = [[cell.strip() for cell in row[1:-1]] for row in rows[1:]]
    sides = ["K predictions", "loop", "baal"]
    assert [row[:2] for row in cells] == [
        *(
            ["everywhere", side]
            for side in ["K predictions", "K predictions, attention on", *sides[1:]]
        ),
        *([case, side] for case in ("all but attention", "the head") for side in sides),
    ]
    assert [row[3] for row in cells if row[1] == "baal"] == ["1.00"] * 3


def test_attention_drops_while_it_is_in_training(tmp_path):
    script = load()
    args = Namespace(samples=3, items=2, length=5, batch=2, seed=0, device="cpu")
    trainer, items = script.make(
        args, str(tmp_path), hidden_dropout_prob=0.0, classifier_dropout=0.0
    )

    def differs():
        first, second = (trainer.predict(items).predictions for _ in range(2))
        return (first != second).any()

    assert not differs()
    with script.attention_in_training(trainer):
        assert differs()
    assert not differs()
