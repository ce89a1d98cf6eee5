"""All at once gives what the calls gave one by one."""

import numpy as np
import pytest

from baal.active.dataset.history import History
from baal.active.dataset.label_map import LabelMap
from baal.active.dataset.labelling import Edit
from baal.active.dataset.replay import Ledger, replay
from baal.active.dataset.validation import ValidationSplit
from baal.active.dataset.values import value_digests
from baal.active.dataset.waiting import Waiting
from baal.active.label_store.codec import encode_value
from baal.active.label_store.events import Events

N = 30


def start(proportion=0.3):
    labels = LabelMap(np.zeros(N, int), digests=value_digests(None, 0))
    return Ledger(labels, History(), ValidationSplit(proportion, 4), Waiting())


def random_calls(n_calls, seed):
    """Rows of calls drawn at random, and the ledger after each, from the calls themselves."""
    rng, ledger = np.random.default_rng(seed), start()
    rows, ledgers = [], [ledger]
    for call in range(1, n_calls + 1):
        labelled = ledger.labels.labelled_indices.astype(np.int64)
        kind = rng.choice(["label", "label", "unlabel", "relabel"]) if len(labelled) else "label"
        among = np.setdiff1d(np.arange(N), labelled) if kind == "label" else labelled
        chosen = rng.permutation(among)[: rng.integers(1, 5)]
        if not len(chosen):
            ledgers.append(ledger)
            continue
        values = None if kind == "unlabel" else rng.integers(5, size=len(chosen)).tolist()
        edit = Edit(kind, chosen, values)
        entry = edit.entry(ledger, ledger := edit.change(ledger, digest=True), None)
        for place, index in enumerate(chosen.tolist()):
            at = None if entry.labelled_at is None else entry.labelled_at[place]
            aside = None if entry.validation is None else entry.validation[place]
            text = None if values is None else encode_value(values[place])[0]
            rows.append((call, kind, index, entry.step, at, aside, None, text, None))
        ledgers.append(ledger)
    return rows, ledgers


def facts(ledger):
    return (
        ledger.labels.steps.tolist(),
        ledger.labels.step,
        ledger.labels.digests.tolist(),
        [tuple(event) for event in ledger.history.events(ledger.labels)],
        {key: np.asarray(value).tolist() for key, value in ledger.validation.to_plain().items()},
        ledger.labels.shown.recent(-1).tolist(),
    )


@pytest.mark.parametrize("seed", range(12))
def test_from_any_point_on(seed):
    rows, ledgers = random_calls(25, seed)
    for split in (0, 1, 7, 24):
        events = Events.of([row for row in rows if row[0] > split], last=len(rows))
        after, indices, values = replay(ledgers[split], events)
        assert facts(after) == facts(ledgers[-1])
        assert after.seen == len(rows)
        digests = after.labels.digests[np.searchsorted(after.labels.labelled_indices, indices)]
        assert digests.tolist() == value_digests(values, len(values)).tolist()


def test_nothing_to_take_in():
    after, indices, values = replay(start(), Events.of([], last=3))
    assert (after.seen, len(indices), values) == (3, 0, [])
    assert facts(after) == facts(start())
