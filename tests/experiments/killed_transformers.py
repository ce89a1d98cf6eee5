"""The experiment of `test_transformers.py`, run in children that are killed.

As a script: `killed_transformers.py FOLDER KIND ...`. For each kind it starts children that work in
FOLDER/KIND until one of them ends by itself. Each of the others is killed by SIGKILL at a random
place: where a batch is made, to train, to test or to predict, or at a write. A child that nobody
kills works in FOLDER/KIND-whole.
"""

import json
import os
import random
import signal
import sys
import threading
import traceback
from pathlib import Path

import torch
from tqdm import tqdm

from baal.experiments import checkpoint
from baal.experiments.plain_state import digest_of, plain_random_states, to_plain
from tests.experiments.test_transformers import experiment

MOST_KILLS = 5


def child(folder, kind, kill_at):
    """Run, and die at the nth place if it is not 0."""
    left = [kill_at]

    def place():
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    made, wrapper = experiment(folder / "run", kind)
    collate, replacing = wrapper.data_collator, checkpoint.replacing

    def collate_and_count(items):
        place()
        return collate(items)

    def replace_and_count(path):
        place()
        return replacing(path)

    wrapper.data_collator, checkpoint.replacing = collate_and_count, replace_and_count
    records = made.start()
    for record in records:
        del record["seconds"]
    state = [made.adapter.state_dict(), made.al_dataset.state_dict(), plain_random_states()]
    result = {"records": records, "digest": digest_of(to_plain(state)), "places": kill_at - left[0]}
    (folder / "result.json").write_text(json.dumps(result))


def in_a_child(folder, kind, kill_at):
    """Whether it was killed."""
    pid = os.fork()
    if pid == 0:
        try:
            child(folder, kind, kill_at)
        except BaseException:  # noqa: BLE001 - a child ends here
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def main(parent, kinds):
    for kind in kinds:
        whole, killed = parent / f"{kind}-whole", parent / kind
        whole.mkdir(parents=True)
        killed.mkdir()
        in_a_child(whole, kind, 0)
        places = json.loads((whole / "result.json").read_text())["places"]
        rng, kills = random.Random(kind), 0
        while in_a_child(killed, kind, rng.randint(1, places // 2) if kills < MOST_KILLS else 0):
            kills += 1
        (parent / f"{kind}-kills.json").write_text(json.dumps(kills))


if __name__ == "__main__":
    torch.set_num_threads(1)
    tqdm.set_lock(threading.RLock())  # not one that forked children share
    main(Path(sys.argv[1]), sys.argv[2:])
