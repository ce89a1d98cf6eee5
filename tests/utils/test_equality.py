"""Deep comparison: lengths, types, NaN, devices; and values that must be there."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baal.exceptions import InvalidArgumentError
from baal.utils.equality import assert_not_none, deep_check

NAN = float("nan")


class Pair(NamedTuple):
    a: object
    b: object


class Other(NamedTuple):
    a: object
    b: object


@dataclass
class Item:
    image: object
    seen: int = field(default=0, compare=False)


class Opaque:
    pass


class Series:
    """Compares one by one, as the columns of tables do."""

    def __init__(self, *values):
        self.values = np.array(values)

    __hash__ = None

    def __eq__(self, other):
        return self.values == other.values

    def __ne__(self, other):
        return self.values != other.values


def structures():
    plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
    arrays = st.lists(st.floats(width=32), max_size=3).map(np.array)
    return st.recursive(
        plain | arrays | arrays.map(torch.from_numpy),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(st.text(max_size=2), inner, max_size=3)
            | st.builds(Pair, inner, inner)
            | st.builds(Item, inner)
        ),
        max_leaves=8,
    )


def rebuilt(x):
    """The same structure, of new objects wherever there can be any."""
    if isinstance(x, torch.Tensor):
        return x.clone()
    if isinstance(x, np.ndarray):
        return x.copy()
    if isinstance(x, dict):
        return {key: rebuilt(value) for key, value in reversed(x.items())}
    if isinstance(x, Pair):
        return Pair(*map(rebuilt, x))
    if isinstance(x, list | tuple):
        return type(x)(map(rebuilt, x))
    if isinstance(x, Item):
        return Item(rebuilt(x.image), seen=9)
    return float(repr(x)) if isinstance(x, float) else x


@given(structures())
def test_a_copy_is_the_same(x):
    assert deep_check(x, rebuilt(x)) is True
    assert deep_check(x, rebuilt(x), unknown=True) is True


@given(structures())
def test_what_is_around_it_counts(x):
    assert not deep_check([x], [x, x])
    assert not deep_check([x, x], [x])
    assert not deep_check([x], (x,))
    assert not deep_check({"a": x}, {"b": x})
    assert not deep_check({"a": x}, {"a": x, "b": x})
    assert not deep_check({"a": [x, 0]}, {"a": [x, 1]})


@given(structures(), structures())
def test_the_order_of_the_two_is_no_matter(x, y):
    assert deep_check(x, y) is deep_check(y, x)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (NAN, float("nan")),
        (np.float32("nan"), np.float32("nan")),
        (torch.tensor([1.0, NAN]), torch.tensor([1.0, NAN])),
        (torch.ones(2), torch.ones(2, requires_grad=True)),
        (torch.ones(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.bfloat16)),
        (torch.eye(2).to_sparse(), torch.eye(2).to_sparse()),
        (torch.empty(0, 3), torch.empty(0, 3)),
        (torch.ones(2, device="meta"), torch.ones(2, device="meta")),
        (np.array([1.0, NAN]), np.array([1.0, NAN])),
        (np.array(["a", "b"]), np.array(["a", "b"])),
        (np.array([None, torch.ones(2)], object), np.array([None, torch.ones(2)], object)),
        (np.array("NaT", "datetime64[s]"), np.array("NaT", "datetime64[s]")),
        ({1, 2}, {2, 1}),
        (frozenset("ab"), frozenset("ba")),
        ({"x": 1, "y": 2}, {"y": 2, "x": 1}),
        ([], []),
        ((), ()),
        ({}, {}),
        (Pair(torch.ones(1), [NAN]), Pair(torch.ones(1), [NAN])),
        (Item(torch.ones(2), seen=1), Item(torch.ones(2), seen=2)),
        (Series(1, 2), Series(1, 2)),
        ("text" * 9, "text" * int("9")),
    ],
)
def test_the_same(a, b):
    assert deep_check(a, b) is True


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (1, True),
        (0.0, NAN),
        ("a", b"a"),
        ("a", ["a"]),
        (torch.ones(2), torch.ones(3)),
        (torch.ones(2), torch.ones(1, 2)),  # broadcasting would say yes
        (torch.ones(2), torch.ones(2, dtype=torch.float64)),
        (torch.ones(2), torch.ones(2).numpy()),
        (torch.zeros(2), torch.tensor([0.0, NAN])),
        (torch.ones(2), torch.ones(2, device="meta")),
        (torch.eye(2).to_sparse(), 2 * torch.eye(2).to_sparse()),
        (np.zeros(1), np.zeros(2)),
        (np.zeros(2), np.zeros(2, np.float32)),
        (np.array([None, torch.ones(2)], object), np.array([None, torch.zeros(2)], object)),
        ({1, 2}, {1, 3}),
        ({1}, frozenset({1})),
        ({"x": 1}, OrderedDict(x=1)),
        (Pair(1, 2), Other(1, 2)),
        (Pair(1, 2), (1, 2)),
        (Item(torch.ones(2)), Item(torch.zeros(2))),
        (Series(1, 2), Series(1, 3)),
        (None, 0),
        (int, float),
        (Item, Pair),
    ],
)
def test_not_the_same(a, b):
    assert deep_check(a, b) is False


def test_objects_that_define_no_equality():
    one = Opaque()
    assert deep_check({"x": one}, {"x": one})
    for wrap in (list, tuple, lambda x: {"a": x[0]}, lambda x: Item(x[0])):
        assert deep_check(wrap([one]), wrap([Opaque()])) is False
        assert deep_check(wrap([one]), wrap([Opaque()]), unknown=True) is True
    assert deep_check(np.array([one]), np.array([Opaque()]), unknown=True) is True


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_where_a_tensor_lies_is_no_matter():
    assert deep_check(torch.ones(2), torch.ones(2, device="cuda"))
    assert not deep_check(torch.ones(2, device="cuda"), torch.zeros(2))


@pytest.mark.parametrize("value", [0, "", [], False, NAN])
def test_what_is_there_comes_back(value):
    assert assert_not_none(value) is value


def test_none_is_an_error():
    with pytest.raises(InvalidArgumentError, match="but got None"):
        assert_not_none(None)
