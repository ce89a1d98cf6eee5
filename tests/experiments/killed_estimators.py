"""As `killed_run.py`, which runs it: small experiments with estimators of scikit-learn and skorch.

Kinds: a "forest" behind a scaler, whose seeds come from NumPy's global state; "seeded" bags of a
random state of their own; and a "net" of skorch, with dropout and torch's generator.
"""

import random

import numpy as np
import skorch
import torch
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from baal.active.dataset import ActiveNumpyArray
from baal.active.heuristics import PowerBALD
from baal.active.stopping_criteria import LabellingBudgetStoppingCriterion
from baal.bayesian.dropout import Dropout
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.estimators import SklearnAdapter
from baal.experiments.plain_state import digest_of, plain_random_states, to_plain


class Net(nn.Module):
    """Three classes, behind a dropout that stays on."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), Dropout(0.3), nn.Linear(8, 3))

    def forward(self, x):
        return self.layers(x)


def trainer(kind):
    if kind == "forest":
        return make_pipeline(StandardScaler(), RandomForestClassifier(6, max_depth=3))
    if kind == "seeded":
        return SklearnAdapter(BaggingClassifier(n_estimators=4, max_features=2), seed=9)
    return skorch.NeuralNetClassifier(
        Net, criterion=nn.CrossEntropyLoss, max_epochs=2, train_split=None, verbose=0,
        optimizer=torch.optim.Adam, batch_size=8,
    )  # fmt: skip


def run(folder, kind):
    """Records without their seconds, and a digest of everything else in the end."""
    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    rng = np.random.default_rng(4)
    y = rng.integers(3, size=80)
    x = (rng.standard_normal((80, 4)) + y[:, None]).astype(np.float32)
    dataset = ActiveNumpyArray((x[:60], y[:60]), random_state=5)
    dataset.label_randomly(12)
    criterion = LabellingBudgetStoppingCriterion(dataset, 21)
    experiment = ActiveLearningExperiment(
        trainer(kind), dataset, (x[60:], y[60:]), PowerBALD(query_size=5, seed=8), query_size=5,
        iterations=5, pool_size=30, criterion=criterion, folder=folder, ece=True, verbose=False,
    )  # fmt: skip
    records = experiment.start()
    for record in records:
        del record["seconds"]
    state = {
        "dataset": dataset.state_dict(),
        "criterion": criterion.state_dict(),
        "seeds": experiment.adapter.random_parts(),
        "random states": plain_random_states(),
    }
    state["seeds"] = [one and one.get_state(legacy=True)[1] for one in state["seeds"]]
    return {"records": records, "digest": digest_of(to_plain(state))}
