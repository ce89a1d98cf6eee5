"""Ids and the way back."""

import hashlib
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baal.active.dataset import item_ids
from baal.active.dataset.item_ids import ItemIds
from baal.exceptions import InvalidArgumentError, InvalidIndexError, InvalidTypeError

IDS = st.lists(st.one_of(st.text(max_size=3), st.integers(-(2**70), 2**70)), unique=True)


@given(IDS, st.data())
def test_the_way_back(ids, data):
    known = ItemIds(ids)
    assert list(known) == ids == [known[i] for i in range(len(known))]
    asked = data.draw(st.lists(st.sampled_from(ids)) if ids else st.just([]))
    assert known.positions(asked).tolist() == [ids.index(one) for one in asked]
    assert known.take(known.positions(asked)) == asked


@given(st.lists(st.sampled_from([3, 14, 25, "a", "b"]), unique=True))
def test_ids_that_share_a_hash(ids):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(item_ids, "_hash", lambda ids: np.array([len(str(i)) for i in ids], int))
        known = ItemIds(ids)
        assert known.positions(ids).tolist() == list(range(len(ids)))
        assert "none" not in known
        assert 7 not in known
        with pytest.raises(InvalidArgumentError, match="to be all different, but got 25 twice"):
            ItemIds([14, 25, 3, 25])


def test_forms():
    for ids in (("b", "a"), np.array(["b", "a"]), iter(["b", "a"]), ItemIds(["b", "a"])):
        known = ItemIds(ids, 2)
        assert list(known) == ["b", "a"]
        assert all(type(one) is str for one in known)
    assert list(ItemIds([np.str_("x"), np.int64(3)])) == ["x", 3]
    known = ItemIds(range(5, 8))
    assert known.positions(np.int64(6)).tolist() == [1]
    assert known.positions(np.array([7, 5])).tolist() == known.positions((7, 5)).tolist() == [2, 0]
    assert known.positions(np.array(7)).tolist() == [2]
    assert known[1:] == [6, 7]
    assert 6 in known
    assert "6" not in known
    assert None not in known


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        (["a", "b", "a"], InvalidArgumentError, "to be all different, but got 'a' twice"),
        (["a"], InvalidArgumentError, "one id for each of the 3 items, but got 1"),
        ("abc", InvalidTypeError, "a sequence of strings or integers, but got 'abc' of type str"),
        ({"a": 1}, InvalidTypeError, "of type dict"),
        ({"a", "b", "c"}, InvalidTypeError, "of type set"),
        (frozenset("abc"), InvalidTypeError, "of type frozenset"),
        (7, InvalidTypeError, "of type int"),
        (["a", True, "b"], InvalidTypeError, "a string or an integer, but got True"),
        (["a", 1.0, "b"], InvalidTypeError, "but got 1.0 of type float"),
    ],
)
def test_refused(ids, error, message):
    with pytest.raises(error) as caught:
        ItemIds(ids, 3)
    assert message in str(caught.value)


def test_unknown_ids_are_named():
    known = ItemIds(["a", "b"])
    with pytest.raises(InvalidIndexError, match=r"of this dataset, but got \['c', 1\]$"):
        known.positions(["a", "c", 1])
    with pytest.raises(InvalidIndexError, match=r"\[0, 1, 2, 3, 4, \.\.\.\] \(9 in all\)"):
        known.positions(range(9))
    with pytest.raises(InvalidTypeError, match="of type set"):
        known.positions({"a", "b"})  # in any order, while values have one


def test_another_process_has_other_hashes():
    known = ItemIds(["a", "b", 7])
    twin = pickle.loads(pickle.dumps(known))
    assert list(twin) == list(known)
    assert twin.positions(["b"]).tolist() == [1]
    assert len(pickle.dumps(ItemIds(range(1000)))) < 5_000  # the ids alone


def test_the_fingerprint_knows_ids_and_order():
    fingerprint = ItemIds(["a", "b"]).fingerprint
    assert fingerprint == ItemIds(("a", "b")).fingerprint
    others = {ItemIds(ids).fingerprint for ids in (["b", "a"], ["a", "c"], ["a"])}
    assert len(others | {fingerprint}) == 4
    assert ItemIds([1, 2]).fingerprint != ItemIds(["1", "2"]).fingerprint
    # The same in another year: it is written into files.
    assert fingerprint == hashlib.sha256(b'["a", "b"]').hexdigest()
