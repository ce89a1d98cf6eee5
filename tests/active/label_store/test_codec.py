"""Whatever is kept comes back exactly, and the rest is refused."""

import collections
import datetime as dt
import enum
import json
import sys
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from baal.active.label_store.codec import decode_value, encode_value
from baal.exceptions import InvalidArgumentError, InvalidTypeError

DTYPES = st.one_of(
    hnp.boolean_dtypes(), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(),
    hnp.floating_dtypes(), hnp.complex_number_dtypes(), hnp.unicode_string_dtypes(max_len=4),
    hnp.byte_string_dtypes(max_len=4), hnp.datetime64_dtypes(),
)  # fmt: skip
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
NUMPY_SCALARS = st.sampled_from(
    [np.bool_, np.int8, np.int64, np.uint64, np.float16, np.float32, np.float64]
).flatmap(lambda kind: hnp.from_dtype(np.dtype(kind)).map(kind))
# Of both halves of surrogate pairs too, which names of files may hold.
TEXT = st.text(st.characters(codec=None, exclude_categories=()))
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXT, st.binary(), NUMPY_SCALARS, ARRAYS
)
KEYS = st.one_of(TEXT, st.integers(), st.booleans(), st.tuples(st.integers(), TEXT), st.binary())
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(st.sampled_from(["$tuple", "$", "a"]), inner),
    ),
    max_leaves=12,
)


def same(one, other):
    """Equal, and of the same types all the way down; the sign of zero counts too."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same([*one], [*other]) and same([*one.values()], [*other.values()])
    if isinstance(one, (np.ndarray, np.generic)):
        is_number = one.dtype.kind in "fc"
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and np.array_equal(one, other, equal_nan=one.dtype.kind in "fcmM")
            and (not is_number or np.array_equal(np.signbit(one.real), np.signbit(other.real)))
        )
    if isinstance(one, float):
        return repr(one) == repr(other)
    return one == other


@given(VALUES)
@example("\ud83d\ude00")  # two halves, which JSON would join
@example({"$tuple": [1]})
@example({1: "a", "1": "b"})
@example(-0.0)
@example([np.float32("nan"), float("-inf")])
@example([np.str_("\ud800"), np.bytes_(b"a\0"), np.str_("7\0")])
@example(np.asfortranarray([[1, 2], [3, 4]]))
@example(np.array(">u2 after all", dtype=">U12"))
def test_what_comes_back_is_what_was_given(value):
    text, blob = encode_value(value)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    text.encode()
    got = decode_value(text, blob)
    nan_signs = "nan" in repr(value)
    assert same(got, value) or (nan_signs and repr(got) == repr(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (True, "true"),
        ("猫", '"猫"'),
        ([1.5, None], "[1.5, null]"),
        ((1, 2), '{"$tuple": [1, 2]}'),
        (b"a", '{"$bytes": "YQ=="}'),
        (float("nan"), '{"$float": "nan"}'),
        (np.int64(3), '{"$numpy": ["int64", 3]}'),
        (np.str_("cat"), '{"$numpy": ["str", "cat"]}'),
        (np.bytes_(b"a"), '{"$numpy": ["bytes", {"$bytes": "YQ=="}]}'),
        ({"$a": 1}, '{"$dict": [["$a", 1]]}'),
        ({"class": "cat"}, '{"class": "cat"}'),
        (2**70, str(2**70)),
    ],
)
def test_the_documented_form(value, text):
    assert encode_value(value) == (text, None)


def test_arrays_go_into_a_blob_without_pickle():
    text, blob = encode_value({"boxes": np.eye(2), "mask": np.zeros(3, dtype=np.uint8)})
    assert text == '{"boxes": {"$array": "a0"}, "mask": {"$array": "a1"}}'
    value = decode_value(text, blob)
    assert value["mask"].dtype == np.uint8
    value["boxes"][0] = 5  # writeable, as a label should be


def test_tensors_come_back_as_tensors():
    tensor = decode_value(*encode_value(torch.tensor([[1.5], [2.5]])))
    assert torch.equal(tensor, torch.tensor([[1.5], [2.5]]))
    assert decode_value(*encode_value(torch.tensor(3))).shape == ()


class Point(NamedTuple):
    x: int
    y: int


class Colour(enum.IntEnum):
    RED = 1


ITSELF = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    "value",
    [
        object(), {1, 2}, Point(1, 2), Colour.RED, collections.OrderedDict(a=1), 1j,
        dt.date(2020, 1, 1), np.timedelta64(5, "ns"), np.timedelta64(5, "s"), np.complex64(1),
        np.array([None]),
        np.ma.masked_array([1]), np.zeros(1, dtype=[("a", int)]), bytearray(b"a"), ITSELF,
        10**5000, torch.zeros(1, dtype=torch.bfloat16), torch.zeros(1, requires_grad=True),
        torch.nn.Parameter(torch.zeros(1)), [object()], {"a": {3, 4}}, {("a", object()): 1},
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_would_come_back_as_something_else_is_refused(value):
    with pytest.raises(InvalidTypeError, match="Expected `value`"):
        encode_value(value)


@pytest.mark.parametrize(
    ("text", "blob"),
    [
        ("cat", None), ("NaN", None), ("", None), ('{"$what": 1}', None),
        ('{"$array": "a0"}', None),
        ('{"$array": "a0"}', b"PK no zip"), ('{"$tuple": 1, "a": 2}', None),
    ],
)  # fmt: skip
def test_text_that_is_no_value(text, blob):
    with pytest.raises(InvalidArgumentError, match="in the form that the store writes"):
        decode_value(text, blob)


def test_a_tensor_where_torch_is_missing(monkeypatch):
    encoded = encode_value(torch.tensor(3))
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError):
        decode_value(*encoded)
