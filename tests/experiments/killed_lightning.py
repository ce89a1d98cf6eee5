"""A small experiment with a Lightning module, run in children that are killed.

As a script: `killed_lightning.py FOLDER KIND SEED ...`. For each seed it starts children that work
in FOLDER/SEED/KIND until one of them ends by itself; with a seed other than 0 each is killed by
SIGKILL at a random place: in a training step, in a test step, between batches of predictions, or at
a write.
"""

import json
import os
import random
import signal
import sys
import threading
import traceback
import warnings
from functools import partial
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from baal.active.heuristics import PowerBALD
from baal.bayesian import consistent_dropout
from baal.experiments import checkpoint
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.lightning import LightningAdapter
from baal.experiments.plain_state import digest_of, plain_random_states, to_plain
from tests.tiny_lightning import active_blobs, blobs, module, trainer, validation_step

PLACES = 70  # a whole run has 106


def val_dataloader(self):
    return DataLoader(blobs(12, 5), 6)


def make(folder, kind, place):
    """The experiment, from seeds alone; `place` is called wherever a child may be killed."""
    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    active = active_blobs()

    def inputs(batch):
        place()
        return batch[0]

    net = module(
        pl, patch=consistent_dropout.patch_module, validation_step=validation_step,
        val_dataloader=val_dataloader, on_train_batch_end=lambda self, *_: place(),
        on_test_batch_end=lambda self, *_: place(),
    )  # fmt: skip
    stopping = pl.callbacks.EarlyStopping("val_loss", patience=1)
    options = {"max_epochs": 4, "callbacks": [stopping]}
    made = partial(trainer, pl, **options) if kind == "factory" else trainer(pl, **options)
    loader = partial(DataLoader, batch_size=4)
    return ActiveLearningExperiment(
        LightningAdapter(made, net, make_loader=loader, inputs=inputs), active, blobs(12, 2),
        PowerBALD(query_size=6, seed=8), query_size=6, iterations=4, folder=folder,
        callbacks=[lambda record: place()], warm_start=kind == "warm", verbose=False,
    )  # fmt: skip


def child(folder, kill_at):
    left = [kill_at]

    def place():
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    replacing = checkpoint.replacing

    def seen(path):
        place()
        return replacing(path)

    checkpoint.replacing = seen
    run = make(folder, folder.name, place)
    records = run.start()
    for record in records:
        del record["seconds"]
    state = [run.adapter.state_dict(), run.al_dataset.state_dict(), plain_random_states()]
    result = {"records": records, "digest": digest_of(to_plain(state)), "places": kill_at - left[0]}
    (folder / "result.json").write_text(json.dumps(result))


def main(parent, kind, seed):
    folder = parent / kind
    folder.mkdir(parents=True)
    rng = random.Random(seed)
    kills = 0
    while not (folder / "result.json").exists():
        pid = os.fork()
        if pid == 0:
            try:
                child(folder, rng.randint(1, PLACES) if seed and kills < 10 else 0)
            except BaseException:  # noqa: BLE001 - a child ends here
                traceback.print_exc()
            os._exit(1)
        status = os.waitpid(pid, 0)[1]
        rng.random()
        if not os.WIFSIGNALED(status):
            break
        kills += 1
    (folder / "kills.json").write_text(json.dumps(kills))


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", message=".*does not have many workers")
    tqdm.set_lock(threading.RLock())  # not one that forked children share
    for seed in sys.argv[3:]:
        main(Path(sys.argv[1]) / seed, sys.argv[2], int(seed))
