"""Equal labels share a digest, others do not."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baal.active.dataset.values import UNKNOWN, value_digest, value_digests

SCALARS = st.one_of(
    st.none(), st.integers(), st.floats(allow_nan=False), st.text(max_size=4), st.binary(max_size=4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(VALUES, VALUES)
def test_digests_are_equal_where_python_says_so(first, second):
    assert (value_digest(first) == value_digest(second)) == (first == second)
    assert UNKNOWN not in (value_digest(first), value_digest(second))


@pytest.mark.parametrize(
    "same",
    [
        [1, 1.0, True, np.int8(1), np.float32(1), np.array(1), torch.tensor(1), torch.tensor(1.0)],
        [0.5, np.float16(0.5), torch.tensor(0.5, dtype=torch.float64)],
        [math.nan, np.float32("nan"), -math.nan],
        ["cat", np.str_("cat"), np.array("cat")],
        [[1, "a"], (1, "a"), [np.int64(1), "a"]],
        [{"a": 1, "b": 2}, {"b": 2.0, "a": 1}],
        [np.array([[1, 2]]), torch.tensor([[1, 2]], dtype=torch.int8), np.array([[1, 2]], ">u2")],
        [np.array([0.0, np.nan]), np.array([-0.0, -np.nan], np.float32)],
        [np.array(["a", "b"]), np.array(["a", "b"], dtype=object)],
        [np.asfortranarray(np.eye(3, 4)), np.eye(3, 4)],
    ],
)
def test_the_same_label_in_other_types(same):
    assert len({value_digest(one) for one in same}) == 1


def test_others():
    others = ["1", b"1", 1, 1.5, [1], [[1]], [1, 1], np.array([1]), np.array([[1]]), {}, [], "",
              np.array([1.0]), np.array([1, 1]), np.array([-1]),
              np.array([2**64 - 1], np.uint64), None, math.inf, -math.inf, math.nan]  # fmt: skip
    assert len({value_digest(one) for one in others}) == len(others)


def test_what_only_its_class_can_compare():
    assert value_digest(object()) == value_digest([1, {"a": {1, 2}}]) == UNKNOWN
    assert value_digest(torch.ones(2, dtype=torch.bfloat16)) == UNKNOWN
    assert value_digest([torch.eye(2).to_sparse()]) == UNKNOWN
    assert value_digests([1, object()], 2).tolist() == [value_digest(1), UNKNOWN]
    mixed = ["1", 1, True, 1.0, "1", 0, False, "", "\ud800", np.int64(1), [1]]
    assert value_digests(mixed, 11).tolist() == [value_digest(one) for one in mixed]
    assert value_digests(None, 2).tolist() == [UNKNOWN] * 2


def test_digests_stay_the_same_for_files():
    # blake2b of the tag, the length and the digits, worked out by hand.
    import hashlib

    form = b"n" + (2).to_bytes(8, "little") + b"42"
    expected = int.from_bytes(hashlib.blake2b(form, digest_size=8).digest(), "little")
    assert value_digest(42) == expected
