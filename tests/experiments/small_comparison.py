"""A small comparison; what spawned children need is at the top of this module.

As a script: `small_comparison.py FOLDER JOBS`. Every round lingers, and every process that is at
work holds a lock on a file of its own in FOLDER/alive, so that others can tell when it is gone.
"""

import fcntl
import os
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.active.dataset import ActiveLearningDataset
from baal.bayesian.dropout import patch_module
from baal.experiments.compare import Setup, compare
from baal.modelwrapper import ModelWrapper, TrainingArgs
from baal.utils.metrics import Accuracy

N = 40
SETTINGS = {
    "heuristics": ["bald", "power_bald"], "seeds": [0, 1], "initial_labels": 8, "query_size": 5,
    "labelling_budget": 12, "iterations": 3, "mode": "logits", "verbose": False,
}  # fmt: skip
LABELS = [8, 13, 18, 20]

held = []  # files that this process has locked


def blobs(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    x = rng.standard_normal((n, 2)) + np.array([[0, 2], [2, 0], [0, 0]])[y]
    return TensorDataset(torch.tensor(x, dtype=torch.float32), torch.tensor(y))


def make(seed, wrapper=ModelWrapper):
    """Weights come from torch's generator, as the order of items does."""
    model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Dropout(0.4), nn.Linear(32, 3))
    model = patch_module(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    args = TrainingArgs(
        optimizer, epoch=2, batch_size=4, workers=0, criterion=nn.CrossEntropyLoss()
    )
    trainer = wrapper(model, args)
    trainer.add_metric("accuracy", Accuracy)
    dataset = ActiveLearningDataset(blobs(N, seed=5), random_state=seed)
    return Setup(trainer, dataset, blobs(30, seed=6))


class BrokenError(Exception):
    """An error of a user."""


def make_but_for_seed_1(seed):
    if seed == 1:
        raise BrokenError("no data for seed", seed)
    return make(seed)


def linger(folder, seconds, record):
    """A callback: says that this process is alive, and takes its time."""
    if not held:
        folder.mkdir(parents=True, exist_ok=True)
        held.append((folder / str(os.getpid())).open("w"))
        fcntl.flock(held[0], fcntl.LOCK_EX)
    time.sleep(seconds)


def all_gone(folder):
    """Whether no process is left that has lingered there; the lock of a dead one is free."""
    for path in folder.iterdir():
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
    return True


def compare_small(make=make, **changes):
    return compare(make, **{**SETTINGS, **changes})


def without_seconds(records):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in records]


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    callbacks = [partial(linger, folder / "alive", 0.1)]
    compare_small(folder=folder, jobs=int(sys.argv[2]), callbacks=callbacks)
