import enum
import functools
import json
import os
import pathlib
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from baal.active.dataset import ActiveLearningDataset
from baal.active.heuristics import Random
from baal.bayesian.dropout import patch_module
from baal.experiments.configuration import describe, differences


class Color(enum.Enum):
    RED = 1


def loss(a, b):
    return a


class Thing:
    def __init__(self):
        self.public, self._private, self.rng = 3, 4, np.random.RandomState(0)
        self.python_rng = random.Random(0)


def test_values_of_all_kinds():
    model = nn.Linear(1, 2)
    described = describe(
        {
            "n": np.int64(3), "dtype": torch.float16, "enum": Color.RED, "set": {2, 1},
            "array": np.zeros(3), "tensor": torch.ones(2, dtype=torch.bfloat16), "function": loss,
            "partial": functools.partial(loss, 1, b=2), "model": model, "data": [1, (2, None)],
            "dataset": torch.utils.data.TensorDataset(torch.zeros(5)), "thing": Thing(),
            "optimizer": torch.optim.SGD(model.parameters(), lr=0.5),
            "active": ActiveLearningDataset([1, 2], labelled=[0, 1]),
        }
    )  # fmt: skip
    json.dumps(described)
    assert described["n"] == 3
    assert described["dtype"] == "torch.float16"
    assert described["enum"] == "Color.RED"
    assert described["set"] == [1, 2]
    assert described["array"].startswith("float64[3] ")
    assert described["function"].endswith("test_configuration.loss")
    assert described["partial"]["args"] == [[1], {"b": 2}]
    assert described["model"]["layers"] == ["Linear(in_features=1, out_features=2, bias=True)"]
    assert described["data"] == [1, [2, None]]
    assert described["dataset"] == {"class": "TensorDataset", "items": 5}
    assert described["thing"] == {"class": "Thing", "public": 3}
    assert described["optimizer"]["groups"][0]["lr"] == 0.5
    assert described["active"] == {"class": "ActiveLearningDataset", "items": 2}


def test_a_thing_that_holds_itself():
    thing = Thing()
    thing.me = thing
    thing.partial = functools.partial(loss, thing)
    thing.list = [thing]
    thing.list.append(thing.list)
    json.dumps(describe(thing))


class WithFunction(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def extra_repr(self):
        return repr(self.function)


# What a script may hold, of which nothing stays where it is from process to process.
SCRIPT = """
import functools, json, pathlib
import numpy as np, torch
from tests.experiments.test_configuration import Thing, WithFunction, describe, loss
junk = [object() for _ in range(int(__import__("os").environ["N_JUNK"]))]
print(json.dumps(describe({
    "set": {"a", "b", "c", "d", "e"}, "set of tuples": {("x", 1), ("y", 2), ("z", 3)},
    "module": WithFunction(lambda x: x), "keys": {loss: 1, Thing: 2}, "partial":
    functools.partial(loss, {"p", "q", "r"}), "objects": np.array([Thing(), None, "x"]),
    "lambda": lambda x: x, "slots": object(), "bound": Thing().__init__,
    "generator": torch.Generator(), "path": pathlib.Path("x"),
})))
"""


def test_two_processes_say_the_same():
    root = pathlib.Path(__file__).parents[2]
    said = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True, cwd=root,
            env=os.environ | {"PYTHONHASHSEED": seed, "N_JUNK": seed, "PYTHONPATH": str(root)},
        ).stdout
        for seed in ("1", "20000")
    ]  # fmt: skip
    assert differences(*map(json.loads, said)) == []
    assert "0x" not in said[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.1)),
        (nn.Sequential(nn.BCELoss()), nn.Sequential(nn.BCELoss(reduction="sum"))),
        (pathlib.Path("a"), pathlib.Path("b")),
        (torch.tensor([2**24]), torch.tensor([2**24 + 1])),
        (torch.tensor([1.0], dtype=torch.float64), torch.tensor([1 + 1e-12], dtype=torch.float64)),
        (np.array(["a", None], dtype=object), np.array(["b", None], dtype=object)),
        ({1}, {"1"}),
        (slice(1), slice(2)),
    ],
)
def test_what_differs_is_told_apart(one, other):
    assert describe(one) != describe(other)


def test_a_model_in_another_mode_is_the_same():
    assert describe(nn.Dropout(0.5)) == describe(nn.Dropout(0.5).eval())


def test_no_address_and_no_seed_shows():
    assert describe(Random(seed=1)) == describe(Random(seed=2))
    assert describe(np.zeros(2)) != describe(np.ones(2))


def test_differences_are_named():
    before = {"a": {"b": [1, 2]}, "c": [1], "same": None}
    now = {"a": {"b": [1, 3]}, "c": [1, 2], "d": "x", "same": None}
    assert differences(before, now) == [
        "a.b[1]: 2 before, 3 now",
        "c: [1] before, [1, 2] now",
        'd: nothing before, "x" now',
    ]
    assert differences(before, before) == []
    assert differences({"a": (1, 2)}, {"a": [1, 2]}) == []  # as JSON has them


def test_a_layer_of_the_same_name_is_another():
    plain, patched = nn.Sequential(nn.Dropout(0.5)), nn.Sequential(nn.Dropout(0.5))
    patch_module(patched)
    (line,) = differences(describe(plain), describe(patched))
    assert line.startswith('classes.0: "torch.nn.modules.dropout.Dropout" before, "baal.')
