"""The story told from the map and the revisions."""

import numpy as np
import pytest

from baal.active.dataset.history import History
from baal.active.dataset.label_map import LabelMap
from baal.exceptions import InvalidArgumentError


@pytest.fixture
def story():
    """Labels 4 and 1, re-labels 4, un-labels both, labels 1 and 0, un-labels 1."""
    labels = LabelMap([0] * 5).label(np.array([4, 1]))
    history = History().record("relabel", np.array([4]), labels)
    history = history.record("unlabel", np.array([4, 1]), labels)
    labels = labels.unlabel(np.array([4, 1])).label(np.array([1, 0]))
    history = history.record("unlabel", np.array([1]), labels)
    return history, labels.unlabel(np.array([1]))


EVENTS = [
    (1, "label", [1, 4]),
    (1, "relabel", [4]),
    (1, "unlabel", [1, 4]),
    (2, "label", [0, 1]),
    (2, "unlabel", [1]),
]


def test_events(story):
    history, labels = story
    assert history.events(labels) == EVENTS
    assert History().events(LabelMap([0, 0])) == []
    assert History().events(LabelMap([0, 2, 1, 2])) == [(1, "label", [2]), (2, "label", [1, 3])]


def test_plain_and_back(story):
    history, labels = story
    plain = history.to_plain()
    twin = History.from_plain(plain, 5)
    plain["indices"][:] = 0
    assert twin.events(labels) == EVENTS
    assert History.from_plain(History().to_plain(), 5).events(labels) == [(2, "label", [0])]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": [7, 0, 0]}, "to be a saved history"),
        ({"step": None}, "to be a saved history"),
        ({"step": [1]}, "to tell of the 5 items"),
        ({"length": [1, 1, 1]}, "to tell of the 5 items"),
        ({"indices": [4, 1, 4, 5]}, "to tell of the 5 items"),
        ({"labelled_at": [1]}, "to tell of the 5 items"),
    ],
)
def test_refused_states(story, change, message):
    with pytest.raises(InvalidArgumentError, match=message):
        History.from_plain({**story[0].to_plain(), **change}, 5)
