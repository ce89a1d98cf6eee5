import warnings

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, TensorDataset

from baal.active.dataset import ActiveLearningDataset
from baal.active.heuristics import Random
from baal.experiments.adapters import FrameworkAdapter
from baal.experiments.base import ActiveLearningExperiment
from baal.utils.random_states import RandomStates


class Constant(FrameworkAdapter):
    def train(self, dataset):
        return {}

    def evaluate(self, dataset, average_predictions):
        return {}

    def predict(self, dataset, iterations):
        return np.zeros((len(dataset), 2, iterations))

    def state_dict(self):
        return {}

    def load_state_dict(self, state_dict):
        pass


def build(folder, data, eval_data=None, target=None):
    dataset = ActiveLearningDataset(data, random_state=1)
    dataset.label([0])
    return ActiveLearningExperiment(
        Constant("none"), dataset, data if eval_data is None else eval_data, Random(seed=1), 2,
        target_dataset=target, folder=folder, verbose=False,
    )  # fmt: skip


X = torch.arange(7.0)
OTHERS = [X.flip(0), X + (X == 0), X + (X == 3), X + (X == 6)]


@pytest.mark.parametrize("which", ["data", "eval_data", "target"])
@pytest.mark.parametrize("other", OTHERS)
def test_other_data_or_another_order_warns(tmp_path, which, other):
    parts = {name: TensorDataset(X) for name in ("data", "eval_data", "target")}
    build(tmp_path, **parts).start()
    with pytest.warns(UserWarning, match="Some items of the datasets are not those"):
        build(tmp_path, **{**parts, which: TensorDataset(other)}).start()
    build(tmp_path, **parts).start()  # warnings are errors


class Noisy(Dataset):
    """Items that are other ones at each read, by a generator that no seed reaches."""

    def __init__(self):
        self.rng = np.random.default_rng()

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return index + self.rng.random()


class Augmented(Noisy):
    def __getitem__(self, index):
        return index + torch.rand(1) + np.random.rand()


@pytest.mark.parametrize("data", [Noisy, Augmented])
def test_items_that_differ_by_the_read_are_no_other_data(tmp_path, data):
    before = RandomStates.current()
    experiment = build(tmp_path, [1, 2, 3], data())
    assert not before.torch_changed()
    assert not before.host_changed()
    experiment.start()
    torch.rand(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(tmp_path, [1, 2, 3], data()).start()


class Columns:
    """Has a length and no items by position, as a table has."""

    def __len__(self):
        return 3

    def __getitem__(self, key):
        raise KeyError(key)


def test_what_has_no_items_by_position_is_not_looked_at(tmp_path):
    records = build(tmp_path, [1, 2, 3], Columns()).start()
    assert build(tmp_path, [1, 2, 3], Columns()).start() == records
