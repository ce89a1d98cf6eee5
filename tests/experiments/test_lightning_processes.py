"""Several processes that train together go through the rounds of one experiment."""

import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from torch.utils.data import DataLoader

from tests.tiny_lightning import active_blobs, blobs, framework, module, trainer

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked"),
]


def run(strategy, folder):
    """One experiment; where each process runs the script, each of them prints its rounds."""
    from baal.active.heuristics import BALD
    from baal.experiments.base import ActiveLearningExperiment
    from baal.experiments.lightning import LightningAdapter

    pl = framework("lightning.pytorch")
    adapter = LightningAdapter(
        partial(trainer, pl, devices=2, strategy=strategy),
        module(pl),
        make_loader=partial(DataLoader, batch_size=4),
    )
    records = ActiveLearningExperiment(
        adapter, active_blobs(labelled=8), blobs(12, 2), BALD(), query_size=8, iterations=4,
        folder=folder, verbose=False,
    ).start()  # fmt: skip
    chosen = json.dumps([[r["n_labelled"], r["chosen"]] for r in records])
    steps = adapter.trainer.fit_loop.epoch_loop.total_batch_idx + 1
    sys.stdout.write(f"<{chosen}|{steps}>\n")
    sys.stdout.flush()


@pytest.mark.parametrize("strategy", ["ddp", "ddp_fork"])
def test_two_processes(strategy, tmp_path):
    folder = [] if strategy == "ddp" else [str(tmp_path)]  # each process would want it
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), strategy, *folder],
        capture_output=True, text=True, cwd=ROOT, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    found = re.findall(r"<(.*?)\|(\d+)>", done.stdout)
    assert len(found) == (2 if strategy == "ddp" else 1), done.stderr
    assert len(set(found)) == 1  # all choose the same
    rounds = json.loads(found[0][0])
    assert [n for n, _ in rounds] == [8, 16, 24, 30]
    assert sum(len(chosen) for _, chosen in rounds) == 22
    if strategy == "ddp":
        assert int(found[0][1]) == 2 * 4  # 30 items, 15 for each process, in 2 epochs
    else:
        assert len((tmp_path / "records.jsonl").read_text().splitlines()) == 4


if __name__ == "__main__":
    run(sys.argv[1], *(sys.argv[2:] or [None]))
