"""A training script in the idiom of BaaL 2.1, from the dataset to the loop, unchanged."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal import ActiveLearningDataset, ModelWrapper
from baal.active import ActiveLearningLoop, get_heuristic
from baal.active.heuristics import BALD, AbstractHeuristic, requireprobs
from baal.bayesian.dropout import MCDropoutModule, patch_module, unpatch_module
from baal.modelwrapper import TrainingArgs
from baal.utils.metrics import Accuracy


@pytest.fixture
def blobs():
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(3, (120,), generator=generator)
    x = torch.randn(120, 4, generator=generator) + 3 * nn.functional.one_hot(y, 4)
    return TensorDataset(x[:80], y[:80]), TensorDataset(x[80:], y[80:])


def test_the_main_script(blobs):
    torch.manual_seed(0)
    train, test = blobs
    active_set = ActiveLearningDataset(train, random_state=1337)
    active_set.label_randomly(10)

    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 3))
    model = patch_module(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    args = TrainingArgs(
        optimizer=optimizer, criterion=nn.CrossEntropyLoss(), epoch=20, batch_size=8, workers=0,
        use_cuda=False,
    )  # fmt: skip
    wrapper = ModelWrapper(model, args)
    wrapper.add_metric("accuracy", Accuracy)
    loop = ActiveLearningLoop(
        active_set, wrapper.predict_on_dataset, heuristic=BALD(), query_size=10, iterations=5,
        verbose=False,
    )  # fmt: skip
    initial = deepcopy(wrapper.state_dict())
    sizes = []
    for _ in range(4):
        wrapper.load_state_dict(initial)
        wrapper.train_on_dataset(active_set)
        wrapper.test_on_dataset(test)
        sizes.append(len(active_set))
        if not loop.step():
            break
    assert sizes == [10, 20, 30, 40]
    assert wrapper.get_metrics("test")["test_accuracy"] > 0.9
    assert active_set.n_unlabelled == 30


def test_a_heuristic_and_a_stochastic_model_by_hand(blobs):
    class MyHeuristic(AbstractHeuristic):
        def __init__(self):
            super().__init__(reverse=True)

        @requireprobs
        def compute_score(self, predictions):
            return 1 - predictions.mean(-1).max(1)

    train, _ = blobs
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3))
    with MCDropoutModule(model) as sampler:
        wrapper = ModelWrapper(sampler, TrainingArgs(workers=0, use_cuda=False))
        predictions = wrapper.predict_on_dataset(train, iterations=10, verbose=False)
    ranks, scores = MyHeuristic().get_ranks(predictions)
    assert scores[ranks[0]] == pytest.approx(scores.max(), abs=1e-9)
    assert np.array_equal(np.sort(MyHeuristic()(predictions)), np.arange(80))
    with pytest.warns(UserWarning, match="No layer was modified"):
        unpatch_module(model)


def test_names_of_heuristics():
    for name in ("random", "certainty", "entropy", "margin", "bald", "variance", "precomputed"):
        assert isinstance(get_heuristic(name, shuffle_prop=0.0), AbstractHeuristic)
