"""New, the same again, or another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baal.active.dataset.answers import sort_answers
from baal.active.dataset.label_map import LabelMap
from baal.active.dataset.values import value_digests
from baal.exceptions import InvalidArgumentError

KEPT = {1: "cat", 3: "dog"}  # of four items
LABELS = LabelMap([0, 1, 0, 2], digests=value_digests(list(KEPT.values()), 2))


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["cat", "dog"]))))
def test_against_dicts(pairs):
    indices = np.array([index for index, _ in pairs], dtype=np.int64)
    values = [value for _, value in pairs]
    if any(value != dict(pairs)[index] for index, value in pairs):
        with pytest.raises(InvalidArgumentError, match="several that differ"):
            sort_answers(LABELS, indices, values, compare=True)
        return
    answers = sort_answers(LABELS, indices, values, compare=True)
    pairs = list(dict.fromkeys(pairs))
    new = [pair for pair in pairs if pair[0] not in KEPT]
    other = [pair for pair in pairs if KEPT.get(pair[0], pair[1]) != pair[1]]
    assert list(zip(answers.new.tolist(), answers.new_values, strict=True)) == new
    assert list(zip(answers.other.tolist(), answers.other_values, strict=True)) == other


def test_without_values_only_new_items_count():
    for values, compare in ((None, True), (["x", "y", "z"], False)):
        answers = sort_answers(LABELS, np.array([2, 1, 2]), values, compare=compare)
        assert (answers.new.tolist(), answers.other.tolist()) == ([2], [])
        assert answers.new_values == (values and ["x"])


def test_values_that_cannot_be_compared_may_be_others():
    thing = object()
    labels = LabelMap([1, 0], digests=value_digests([thing], 1))
    assert sort_answers(labels, np.array([0]), [thing], compare=True).other.tolist() == [0]
    with pytest.raises(InvalidArgumentError, match=r"dataset indices \[1\]"):
        sort_answers(labels, np.array([1, 1]), [thing, thing], compare=True)
    # Nor can those of a map that keeps none.
    assert sort_answers(LabelMap([1]), np.array([0]), [7], compare=True).other.tolist() == [0]
