"""What is shown, against lists."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from baal.active.dataset.shown import Shown


@given(st.dictionaries(st.integers(0, 40), st.integers(1, 5)), st.sets(st.integers(0, 40)))
def test_every_answer_follows_from_the_lists(steps, aside):
    labelled = sorted(steps)
    counter = max(steps.values(), default=0)
    shown = Shown(
        np.array(labelled, dtype=np.int32),
        np.array([steps[i] for i in labelled], dtype=np.int32),
        counter,
        np.array(sorted(aside), dtype=np.int64),
    )
    assert shown.validation_indices.tolist() == [i for i in labelled if i in aside]
    assert shown.n_aside == len(aside & set(labelled))
    for last in (-1, 1, 2, 9):
        expected = [
            i for i in labelled if i not in aside and (last == -1 or steps[i] > counter - last)
        ]
        assert shown.recent(last).tolist() == expected
        assert shown.count(last) == len(expected)
        assert [shown.item(place, last) for place in range(len(expected))] == expected
        assert not shown.recent(last).flags.writeable
