import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baal.experiments.watching import (
    Predictor,
    Stopwatch,
    calibration,
    headline,
    plain_metrics,
)

RNG = np.random.default_rng(0)
SAME = np.repeat(RNG.random((3, 2, 1)), 5, axis=2)
OTHER = SAME + 0.01 * RNG.random((3, 2, 5))


def predictor(predictions, iterations=5):
    adapter = SimpleNamespace(predict=lambda dataset, k: predictions, samples_are_joint=True)
    return Predictor(adapter, iterations)


@pytest.mark.parametrize(
    ("predictions", "collapsed"),
    [
        (SAME, True),
        (OTHER, False),
        (SAME.astype(np.float32) * (1 + np.float32(1e-7) * np.arange(5, dtype=np.float32)), True),
        ([SAME, OTHER], False),
        ([SAME, SAME], True),
        ({"a": SAME, "b": OTHER}, False),
        (torch.from_numpy(OTHER), False),
        (torch.from_numpy(OTHER).requires_grad_(), False),
        ([torch.from_numpy(SAME).bfloat16()], True),
        (np.where(OTHER > 0.5, np.nan, OTHER), False),
        (np.concatenate([SAME, np.full_like(SAME, np.nan)]), True),  # padding says nothing
        (np.concatenate([OTHER, np.full_like(SAME, np.nan)]), False),
        (np.full_like(SAME, np.nan), False),
    ],
)
def test_collapse(predictions, collapsed):
    predict = predictor(predictions)
    assert predict(None) is predictions
    assert predict.samples_are_joint is True
    assert predict.collapsed(warn=False) is collapsed
    assert predict.collapsed(warn=False) is None  # nothing predicted since


def test_batches_are_looked_at_in_passing():
    predict = predictor(iter([SAME, OTHER, SAME]))
    batches = predict(None)
    assert predict.disagree is None
    assert [b is SAME for b in batches] == [True, False, True]
    assert predict.collapsed(warn=True) is False


def test_one_sample_tells_nothing_and_collapse_warns():
    predict = predictor(SAME[..., :1], iterations=1)
    predict(None)
    assert predict.collapsed(warn=True) is None
    predict = predictor([SAME[..., :1]])  # of an estimator without members, whatever is asked for
    predict(None)
    assert predict.collapsed(warn=True) is None
    predict = predictor(SAME)
    predict(None)
    with pytest.warns(UserWarning, match="The 5 posterior samples of every item are the same"):
        assert predict.collapsed(warn=True) is True


def test_calibration_reads_the_targets():
    data = [("x", torch.tensor(0)), ("x", torch.tensor(1)), ("x", 1)]
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])[..., None]
    assert calibration(lambda _: p, data) == pytest.approx((0.1 + 0.2 + 0.7) / 3)


def test_calibration_asks_which_columns_the_targets_are():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])[..., None]
    pair = np.zeros((3, 1)), np.array(["a", "b", "c"])
    columns = {"a": 0, "b": 1, "c": 2}
    found = calibration(lambda _: p, pair, lambda y: np.array([columns[one] for one in y.tolist()]))
    assert found == pytest.approx((0.1 + 0.2 + 0.7) / 3)


def test_seconds_add_up(monkeypatch):
    now = iter([0.0, 1.5, 10.0, 12.0, 20.0, 20.25])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    watch = Stopwatch()
    for stage in ("train", "score", "train"):
        with watch(stage):
            pass
    assert watch.seconds == {"train": 1.75, "score": 2.0}


def test_metrics_as_json_has_them():
    metrics = {
        "a": np.float32(0.5), "b": torch.tensor([1.0, float("inf")]), "c": float("nan"),
        "d": {"x": (1, True)}, "e": None, "f": "text", "g": 1j,
    }  # fmt: skip
    assert plain_metrics(metrics) == {
        "a": 0.5, "b": [1.0, None], "c": None, "d": {"x": [1, True]}, "e": None, "f": "text",
        "g": "1j",
    }  # fmt: skip
    assert headline({"loss": 1234.56, "n": 3, "acc": 0.98765}) == {
        "loss": "1.23e+03",
        "acc": "0.988",
    }
