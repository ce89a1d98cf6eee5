import numpy as np

from baal.active.label_store.events import Events, code_of
from baal.active.label_store.schema import KINDS

ROWS = [
    (1, "label", 4, 1, None, 1, 0.5, "7", None),
    (2, "reset", None, 0, None, None, None, None, None),
    (3, "relabel", 5, 2, 1, None, None, '{"$array": "a0"}', b"npz"),
]


def test_columns():
    events = Events.of(ROWS, last=9)
    assert events.kinds.tolist() == [code_of("label"), code_of("reset"), code_of("relabel")]
    assert events.indices.tolist() == [4, -1, 5]
    assert events.labelled_at.tolist() == [0, 0, 1]
    assert events.validation.tolist() == [True, False, False]
    assert np.array_equal(events.scores, [0.5, np.nan, np.nan], equal_nan=True)
    assert events.values == [("7", None), None, ('{"$array": "a0"}', b"npz")]
    assert (events.last, len(events)) == (9, 3)


def test_what_is_left_after_a_reset():
    rest, was_reset = Events.of(ROWS, last=9).after_reset()
    assert was_reset
    assert (rest.last, rest.indices.tolist(), rest.values[0][1]) == (9, [5], b"npz")
    again, was_reset = rest.after_reset()
    assert again is rest
    assert not was_reset


def test_pieces_as_one():
    whole = Events.join([Events.of([row], last) for last, row in enumerate(ROWS)])
    assert (whole.last, whole.calls.tolist(), len(whole.values)) == (2, [1, 2, 3], 3)


def test_each_kind_has_a_number():
    assert [code_of(kind) for kind in KINDS] == list(range(len(KINDS)))
