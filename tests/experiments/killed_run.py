"""A small experiment with all that is random in it, run in children that are killed.

As a script: `killed_run.py FOLDER JOB ...`, with jobs such as `7-line-cold` of a seed, what kills
("line", "moment", or "nothing") and the kind: whether rounds start "cold" or "warm", or cold with
"workers" that load the data, or a kind of `killed_estimators.py`. For each of them it starts
children that work in FOLDER/JOB/KIND until one of them ends by itself, and kills each at a random
line or moment. The workers of a child that was killed live on for a while.
"""

import json
import os
import random
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset
from tqdm import tqdm

import baal.experiments
import baal.utils.files
from baal.active.dataset import ActiveLearningDataset
from baal.active.heuristics import PowerBALD
from baal.active.stopping_criteria import (
    AnyStoppingCriterion,
    EarlyStoppingCriterion,
    LabellingBudgetStoppingCriterion,
    StabilizingPredictionsStoppingCriterion,
)
from baal.bayesian import consistent_dropout
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.plain_state import digest_of, plain_random_states, to_plain
from baal.modelwrapper import ModelWrapper, TrainingArgs
from baal.utils.metrics import Accuracy

TRACED = (str(Path(baal.experiments.__file__).parent), baal.utils.files.__file__)
MOST_KILLS = 30
# Kills come before so many lines, or seconds, of a child's life: about half of a whole run.
LINES = 90_000
SECONDS = {"cold": 0.5, "warm": 0.5, "workers": 2.0, "forest": 0.1, "seeded": 0.1, "net": 0.15}
ESTIMATORS = {"forest", "seeded", "net"}


class Noisy(Dataset):
    """Two blobs, seen through noise from all three global generators."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.y = rng.integers(2, size=n)
        self.noise = 0.1
        self.x = (rng.standard_normal((n, 4)) + self.y[:, None]).astype(np.float32)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, index):
        noise = self.noise * (random.random() + np.random.rand() + float(torch.rand(())))
        return torch.from_numpy(self.x[index]) + noise, int(self.y[index])


class WithScheduler(ModelWrapper):
    def __init__(self, model, args):
        super().__init__(model, args)
        self.scheduler = torch.optim.lr_scheduler.MultiStepLR(args.optimizer, [2, 3], 0.5)

    def train_on_batch(self, data, target):
        if len(target) == 1:  # too few for BatchNorm
            data, target = data.repeat(2, 1), target.repeat(2)
        loss = super().train_on_batch(data, target)
        self.scheduler.step()
        return loss


def make(folder, kind):
    """The experiment, from seeds alone, and its parts."""
    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    dataset = ActiveLearningDataset(
        Noisy(60, seed=4), random_state=5, validation_split=0.1, pool_specifics={"noise": 0.0}
    )
    dataset.label_randomly(8)
    model = nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2)
    )
    consistent_dropout.patch_module(model)  # its seed is drawn from torch's generator
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    args = TrainingArgs(
        optimizer, batch_size=4, epoch=1, workers=0, criterion=nn.CrossEntropyLoss()
    )
    budget = 21
    if kind == "workers":  # several epochs with the same workers; fewer rounds, since they are slow
        args.workers, args.epoch, budget = 2, 2, 7
    wrapper = WithScheduler(model, args)
    wrapper.add_metric("accuracy", Accuracy)
    criterion = AnyStoppingCriterion(
        LabellingBudgetStoppingCriterion(dataset, budget),
        EarlyStoppingCriterion(dataset, "test_loss", patience=9),
        StabilizingPredictionsStoppingCriterion(dataset, Noisy(10, seed=6), threshold=2.0),
    )
    experiment = ActiveLearningExperiment(
        wrapper, dataset, Noisy(12, seed=7), PowerBALD(query_size=4, seed=8), query_size=4,
        iterations=4, pool_size=30, criterion=criterion, folder=folder,
        ece=kind != "workers",
        warm_start=kind == "warm", verbose=False,
    )  # fmt: skip
    return experiment, dataset, wrapper, criterion


def run(folder, kind):
    """Records without their seconds, and a digest of everything else in the end."""
    experiment, dataset, wrapper, criterion = make(folder, kind)
    records = experiment.start()
    for record in records:
        del record["seconds"]
    state = {
        "dataset": dataset.state_dict(),
        "weights": wrapper.state_dict(),
        "optimizer": wrapper.args.optimizer.state_dict(),
        "scheduler": wrapper.scheduler.state_dict(),
        "criterion": criterion.state_dict(),
        "random states": plain_random_states(),
    }
    return {"records": records, "digest": digest_of(to_plain(state))}


def run_of(kind):
    """What runs an experiment of this kind."""
    if kind not in ESTIMATORS:
        return run
    import killed_estimators  # it needs an extra

    return killed_estimators.run


def kill_at_line(number):
    """Have this process killed at the nth line that it runs in the code of experiments."""
    left = [number]

    def trace(frame, event, arg):
        if event == "call":
            return trace if frame.f_code.co_filename.startswith(TRACED) else None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    return left


def child(folder, line):
    counter = kill_at_line(line) if line else None
    result = run_of(folder.name)(folder, folder.name)
    sys.settrace(None)
    if counter:
        result["lines"] = line - counter[0]
    (folder / "result.json").write_text(json.dumps(result))


def run_until_it_ends(folder, seed, by):
    """Kill children at work in the folder until one of them ends by itself."""
    rng = random.Random(seed)
    kills, most = 0, {"line": LINES, "moment": SECONDS[folder.name], "nothing": 0}[by]
    while True:
        by = by if kills < MOST_KILLS else "nothing"
        at = rng.uniform(0, most)
        pid = os.fork()
        if pid == 0:
            try:
                child(folder, int(at) + 1 if by == "line" else 0)
            except BaseException:  # noqa: BLE001 - a child ends here
                traceback.print_exc()
            os._exit(0 if (folder / "result.json").exists() else 1)
        if by == "moment":
            time.sleep(at)
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        if not os.WIFSIGNALED(status) or (folder / "result.json").exists():
            return kills
        kills += 1


def main(parent, jobs):
    for kind in {job.split("-")[2] for job in jobs}:
        # What torch and others do but once would take most of a child's short life.
        run_of(kind)(None, "cold" if kind == "workers" else kind)
    for job in jobs:
        seed, by, kind = job.split("-")
        folder = parent / job / kind
        folder.mkdir(parents=True)
        kills = run_until_it_ends(folder, int(seed), by)
        (parent / job / "kills.json").write_text(json.dumps(kills))


if __name__ == "__main__":
    torch.set_num_threads(1)
    # By default tqdm has a lock that forked children share: one killed while it holds it would stop
    # all that come after it.
    tqdm.set_lock(threading.RLock())
    main(Path(sys.argv[1]), sys.argv[2:])
