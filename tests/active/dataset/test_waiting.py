import numpy as np
import pytest

from baal.active.dataset.waiting import Waiting
from baal.exceptions import InvalidArgumentError, InvalidIndexError

NOBODY = np.zeros(10, dtype=bool)


def some():
    waiting = Waiting().propose(np.array([7, 3]), np.array([0.5, np.nan]))
    return waiting.rule_out(np.array([9, 1]))


def test_it_never_changes():
    waiting = some()
    waiting.without(np.array([7])).rule_out(np.array([3]))
    assert waiting.pending.tolist() == [3, 7]
    assert waiting.impossible.tolist() == [1, 9]
    assert len(waiting) == 4
    assert not len(Waiting())
    assert waiting.holds(np.array([0, 9, 3])).tolist() == [False, True, True]


def test_scores():
    scores = some().scores_of(np.array([7, 0, 3, 9]))
    assert np.array_equal(scores, [0.5, np.nan, np.nan, np.nan], equal_nan=True)


def test_what_is_pending_can_become_impossible():
    waiting = some().rule_out(np.array([7]))
    assert (waiting.pending.tolist(), waiting.impossible.tolist()) == ([3], [1, 7, 9])
    with pytest.raises(InvalidIndexError, match=r"\[7\] are pending already"):
        waiting.propose(np.array([5, 7]), np.zeros(2))


def test_to_plain_and_back():
    waiting = some()
    plain = waiting.to_plain()
    again = Waiting.from_plain(plain, NOBODY)
    plain["pending"][0] = 8
    assert again.pending.tolist() == [3, 7]
    assert np.array_equal(again.scores, [np.nan, 0.5], equal_nan=True)
    assert again.impossible.tolist() == [1, 9]


@pytest.mark.parametrize(
    "change",
    [
        {"pending": [3, 3]}, {"pending": [3, 9]}, {"pending": [3, 10]}, {"pending": [3, -1]},
        {"scores": [1.0]}, {"scores": "abc"}, {"impossible": None}, {"pending": [3, 4]},
    ],
)  # fmt: skip
def test_a_state_that_does_not_fit(change):
    labelled = NOBODY.copy()
    labelled[4] = True
    with pytest.raises(InvalidArgumentError, match="`waiting` in the state"):
        Waiting.from_plain({**some().to_plain(), **change}, labelled)
    state = some().to_plain()
    del state["scores"]
    with pytest.raises(InvalidArgumentError, match="saved proposals"):
        Waiting.from_plain(state, labelled)
