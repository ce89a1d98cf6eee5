"""A child that labels is killed at random moments; what it was told is stored, is.

Run as a script, with the number of kills, the seed and a folder: alone in its process, so that a
child is a fork, which takes a millisecond. Each child goes on with the store of the one before.
"""

import json
import os
import random
import signal
import sqlite3
import sys
import time
from pathlib import Path

import numpy as np

from baal.active.dataset.numpy import ActiveNumpyArray
from baal.active.label_store import LabelStore

N = 3000
IDS = [f"{index}.png" for index in range(N)]


def make(path):
    arrays = np.arange(N), np.zeros(N, dtype=np.int64)
    store = LabelStore(path, source="child")
    return ActiveNumpyArray(arrays, item_ids=IDS, validation_split=0.2, random_state=1, store=store)


def plan(rng, known):
    """One call: what is done to which items, with which values."""
    labelled = sorted(known)
    kind = rng.choice(["label"] * 3 + ["relabel", "unlabel"]) if len(labelled) > 20 else "label"
    size = rng.choice([1, 1, 5, 200 if kind == "label" and len(known) < N // 2 else 5])
    if kind != "label":
        items = rng.sample(labelled, min(size, len(labelled)))
    else:
        items = [index for index in rng.sample(range(N), size) if index not in known]
    return kind, items, [rng.randrange(1, 10**6) for _ in items]


def after(known, kind, items, values):
    """What each labelled item has after a call, by dataset index."""
    known = dict(known)
    for index, value in zip(items, values, strict=True):
        if kind == "unlabel":
            del known[index]
        else:
            known[index] = value
    return known


def child(path, pipe, seed, known):
    """Say what comes, do it, say that it is done; until killed."""
    rng = random.Random(seed)
    os.write(pipe, b'"up"\n')
    dataset = make(path)
    while True:
        kind, items, values = plan(rng, known)
        os.write(pipe, json.dumps([kind, items, values]).encode() + b"\n")
        if kind == "unlabel":
            dataset.unlabel_dataset_indices(items)
        elif kind == "relabel":
            dataset.relabel_dataset_indices(items, values)
        else:
            dataset.label_items([IDS[index] for index in items], values)
        os.write(pipe, b'"done"\n')
        known = after(known, kind, items, values)


def kill_one(path, rng, known):
    """What two futures there may be: without the last call, or with it."""
    reading, writing = os.pipe()
    seed, delay = rng.random(), rng.random() ** 2 * 0.06
    # Every other child gets to do something first, however busy the machine is.
    n_calls = rng.randrange(2, 9) if rng.random() < 0.5 else 0
    pid = os.fork()
    if pid == 0:
        try:
            child(path, writing, seed, known)
        finally:
            os._exit(3)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        pipe.readline()
        lines = [pipe.readline() for _ in range(2 * n_calls)]  # what comes, and that it is done
        time.sleep(delay)
        os.kill(pid, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1]), "the child failed by itself"
        lines += pipe.read().splitlines()
    futures, n_done = [known], 0
    for line in lines:
        call = json.loads(line)
        if call == "done":
            futures, n_done = futures[-1:], n_done + 1
        else:
            futures.append(after(futures[-1], *call))
    return futures, n_done


def check(path, futures):
    """The one that it is; the rows themselves are counted too."""
    dataset = make(path)
    found = {i: int(dataset.get_raw(i)[1]) for i in np.flatnonzero(dataset.labelled).tolist()}
    assert found in futures, "a label is lost, or there is one that nobody gave"
    dataset.store.close()
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    alternate = "SELECT dataset_index, kind FROM events WHERE kind <> 'relabel' ORDER BY seq"
    labelled = set()
    for index, kind in database.execute(alternate):
        assert (index in labelled) == (kind == "unlabel"), "labelled twice"
        labelled ^= {index}
    assert labelled == set(found)
    view = database.execute("SELECT dataset_index, value FROM labels").fetchall()
    assert {index: int(value) for index, value in view} == found
    database.close()
    return found


def main(n_kills, seed, folder):
    rng, known, n_calls = random.Random(seed), {}, 0
    path = Path(folder, "labels.db")
    for kill in range(n_kills):
        if kill % 25 == 24:  # a new store, so that its making is killed as well
            path, known = Path(folder, f"labels{kill}.db"), {}
        futures, n_done = kill_one(path, rng, known)
        known = check(path, futures)
        n_calls += n_done
    print(n_kills, n_calls)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
