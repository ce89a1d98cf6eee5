from collections import OrderedDict
from typing import Any, NamedTuple

import pytest
import torch

from baal.bayesian.sampling.trees import (
    join_items,
    leaves_of,
    n_items,
    slice_items,
    with_leaves,
)
from baal.exceptions import StateError


class Pair(NamedTuple):
    first: Any
    second: Any


TREE = {"a": torch.arange(4), "b": [torch.ones(4, 2), ("text", 3, None)], "c": Pair(None, {})}


def test_leaves_come_in_order_and_go_back_in():
    leaves = leaves_of(TREE)
    assert [tuple(leaf.shape) for leaf in leaves] == [(4,), (4, 2)]
    new = [torch.zeros(1), torch.zeros(2)]
    tree = with_leaves(TREE, new)
    assert tree["a"] is new[0]
    assert tree["b"][0] is new[1]
    assert tree["b"][1] == ("text", 3, None)
    assert tree["c"] == Pair(None, {})
    assert isinstance(tree["c"], Pair)


@pytest.mark.parametrize("other", [None, "text", 3, b"bytes", {}, (), []])
def test_what_is_no_tensor_has_no_leaves(other):
    assert leaves_of(other) == []
    assert with_leaves(other, []) == other
    assert n_items(other) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (torch.ones(3, 2), 3),
        ((torch.tensor(1.0), torch.ones(5)), 5),
        ({"names": ["a", "b"], "x": torch.ones(2, 3)}, 2),
        (torch.tensor(1.0), None),
        (torch.ones(0, 3), 0),
    ],
)
def test_number_of_items(data, expected):
    assert n_items(data) == expected


def test_slicing_leaves_alone_what_does_not_belong_to_items():
    data = {"x": torch.arange(8).reshape(4, 2), "w": torch.ones(3), "t": torch.tensor(2.0), "n": 5}
    part = slice_items(data, slice(1, 3), 4)
    assert part["x"].tolist() == [[2, 3], [4, 5]]
    assert part["w"] is data["w"]
    assert part["t"] is data["t"]
    assert part["n"] == 5


def test_joining_is_the_inverse_of_slicing():
    data = OrderedDict(x=torch.arange(14).reshape(7, 2), y=(torch.arange(7.0)[:, None],))
    parts = [slice_items(data, slice(i, i + 3), 7) for i in range(0, 7, 3)]
    joined = join_items(parts, [3, 3, 1])
    assert torch.equal(joined["x"], data["x"])
    assert torch.equal(joined["y"][0], data["y"][0])


def test_parts_of_different_structure_are_refused():
    parts = [[torch.ones(1, 2)], [torch.ones(1, 2), torch.ones(1, 2)]]
    with pytest.raises(ValueError, match="zip"):
        join_items(parts, [1, 1])


@pytest.mark.parametrize("leaf", [torch.ones(5), torch.ones(3, 5)])
def test_what_is_not_one_for_each_item_cannot_be_joined(leaf):
    """The last axis is that of the samples: `[5]` are five samples of one number."""
    with pytest.raises(StateError, match="one for each item"):
        join_items([leaf, leaf], [2, 2])
