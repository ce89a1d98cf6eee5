"""The room is NumPy's and SciPy's: it works where torch cannot be imported."""

import subprocess
import sys

BLOCKED = """
import sys
import numpy as np

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoTorch())
try:
    import torch
except ModuleNotFoundError:
    print("torch is blocked")

import baal.active.heuristics as heuristics
from baal.active import get_heuristic
from baal.active.heuristics import functional, heuristics as old_path

items = np.array([[[1.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])
for name in heuristics.available_heuristics():
    heuristic = get_heuristic(name)
    if not heuristic.is_random:
        given = items if heuristic.min_dims > 1 else np.array([0.5, 0.1])
        more = {"target_predictions": items} if heuristic.needs_target_predictions else {}
        if heuristic.needs_embeddings:
            more["embeddings"] = items[:, :, 0]
        if heuristic.needs_gradient_embeddings:
            more["gradient_embeddings"] = (items[:, :, 0] - 0.5, items[:, :, 1])
        print(name, heuristic(given, **more).tolist(), heuristic(iter([given]), **more).tolist())
"""


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_ranks_where_torch_cannot_be_imported():
    lines = run(BLOCKED)
    assert lines[0] == "torch is blocked"
    # The second item is the one on which the samples disagree.
    disagreeing = {"bald", "entropy", "margin", "certainty", "variance", "variation_ratio"}
    disagreeing |= {"consensus_kl", "mean_std", "multilabel_bald", "precomputed", "vote_entropy"}
    assert {f"{name} [1, 0] [1, 0]" for name in disagreeing} <= set(lines)


def test_torch_is_left_alone_where_it_is_there():
    code = "import sys, baal.active.heuristics; print('torch' in sys.modules)"
    assert run(code) == ["False"]
