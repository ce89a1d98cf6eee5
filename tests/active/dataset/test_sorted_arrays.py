"""Ascending arrays against sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baal.active.dataset.sorted_arrays import find, gaps_before, is_in, merge, read_only

ITEMS = st.lists(st.integers(0, 50), unique=True)


@given(ITEMS, st.lists(st.integers(0, 50)), st.sampled_from([np.int32, np.int64]))
def test_find_counts_what_comes_before(there, asked, dtype):
    ascending = np.array(sorted(there), dtype=dtype)
    places, found = find(np.array(asked, dtype=np.int64), ascending)
    assert places.tolist() == [sum(one < index for one in there) for index in asked]
    assert found.tolist() == [index in there for index in asked]
    assert is_in(np.array(asked, dtype=np.int64), ascending).tolist() == found.tolist()


@given(ITEMS, st.lists(st.integers(0, 60)), st.sampled_from([np.int32, np.int64]))
def test_gaps_before_counts_what_is_left_out(there, positions, dtype):
    left_out = [number for number in range(200) if number not in there]
    expected = [sum(one < left_out[position] for one in there) for position in positions]
    ascending = np.array(sorted(there), dtype=dtype)
    assert gaps_before(np.array(positions, dtype=np.int64), ascending).tolist() == expected


@given(ITEMS, ITEMS)
def test_merge(first, second):
    new = [one for one in second if one not in first]
    merged = merge(np.array(sorted(first), dtype=np.int64), np.array(new, dtype=np.int64))
    assert merged.tolist() == sorted({*first, *second})


def test_read_only_for_good():
    array = read_only(np.flatnonzero([1, 0, 1]))
    assert array.tolist() == [0, 2]
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.flags.writeable = True
