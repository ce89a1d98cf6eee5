from collections import OrderedDict, UserDict, deque
from types import MappingProxyType
from typing import NamedTuple

import pytest
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
    for whole in ("text", "", bytearray(b"b"), range(3), memoryview(b"m"), 3, None, 1.5):
        assert map_on_tensor(len, whole) is whole
        assert map_on_tensor(len, [whole]) == [whole]


@pytest.mark.parametrize("empty", [[], (), {}, [[], {}, ()]])
def test_empty_ones_stay_empty(empty):
    mapped = map_on_tensor(len, empty)
    assert mapped == empty
    assert type(mapped) is type(empty)


def test_deep_ones_are_walked_through_and_not_changed():
    x = torch.ones(2)
    batch = {"a": [{"b": (Pair([x], {"c": x}), "text")}], "d": deque([x])}
    mapped = map_on_tensor(lambda t: t * 3, batch)
    pair, text = mapped["a"][0]["b"]
    assert isinstance(pair, Pair)
    assert text == "text"
    assert pair.a[0].tolist() == pair.b["c"].tolist() == mapped["d"][0].tolist() == [3, 3]
    assert batch["a"][0]["b"][0].a[0] is x
    assert x.tolist() == [1, 1]


def test_mappings_of_all_kinds_become_dicts():
    for kind in (OrderedDict, UserDict, MappingProxyType):
        assert map_on_tensor(len, kind({"x": torch.ones(2)})) == {"x": 2}


def test_a_tensor_alone_and_a_size():
    assert map_on_tensor(len, torch.ones(4, 2)) == 4
    assert map_on_tensor(len, torch.Size([2, 3])) == (2, 3)
