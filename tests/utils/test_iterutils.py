from typing import NamedTuple

import torch

from baal.utils.iterutils import map_on_tensor


class Pair(NamedTuple):
    a: object
    b: object


def test_keeps_the_structure():
    batch = {"x": torch.ones(2), "more": [torch.ones(3), (torch.ones(4), "text")], "n": 5}
    assert map_on_tensor(len, batch) == {"x": 2, "more": [3, (4, "text")], "n": 5}


def test_named_tuples_stay_named():
    mapped = map_on_tensor(len, Pair(torch.ones(2), None))
    assert mapped == Pair(2, None)
    assert isinstance(mapped, Pair)


def test_other_values_are_left_alone():
    marker = object()
    assert map_on_tensor(len, marker) is marker
    assert map_on_tensor(len, b"bytes") == b"bytes"
