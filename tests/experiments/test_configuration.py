import enum
import functools
import json

import numpy as np
import torch
from torch import nn

from baal.active.dataset import ActiveLearningDataset
from baal.active.heuristics import Random
from baal.experiments.configuration import describe, differences


class Color(enum.Enum):
    RED = 1


def loss(a, b):
    return a


class Thing:
    def __init__(self):
        self.public, self._private, self.rng = 3, 4, np.random.RandomState(0)


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
    assert described["set"] == ["1", "2"]
    assert described["array"].startswith("float64[3] ")
    assert described["function"].endswith("test_configuration.loss")
    assert described["partial"]["args"] == [[1], {"b": 2}]
    assert described["model"] == ["Linear(in_features=1, out_features=2, bias=True)"]
    assert described["data"] == [1, [2, None]]
    assert described["dataset"] == {"class": "TensorDataset", "items": 5}
    assert described["thing"] == {"class": "Thing", "public": 3}
    assert described["optimizer"]["groups"][0]["lr"] == 0.5
    assert described["active"] == {"class": "ActiveLearningDataset", "items": 2}


def test_a_thing_that_holds_itself():
    thing = Thing()
    thing.me = thing
    json.dumps(describe(thing))


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
