"""Scripts in the idiom of BaaL 2.1 that train and test with early stopping, unchanged."""

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset

from baal import ActiveLearningDataset, ModelWrapper
from baal.active import ActiveLearningLoop, get_heuristic
from baal.bayesian.dropout import patch_module
from baal.modelwrapper import TrainingArgs


@pytest.fixture
def blobs():
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(3, (120,), generator=generator)
    x = torch.randn(120, 4, generator=generator) + 3 * nn.functional.one_hot(y, 4)
    return TensorDataset(x[:80], y[:80]), TensorDataset(x[80:], y[80:])


def make(epoch, **kwargs):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    model = patch_module(model)
    return ModelWrapper(
        model,
        TrainingArgs(
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1), batch_size=8, epoch=epoch,
            use_cuda=False, workers=0, criterion=nn.CrossEntropyLoss(), **kwargs,
        ),
    )  # fmt: skip


def test_the_best_weights_of_each_round(blobs):
    train, test = blobs
    active_set = ActiveLearningDataset(train, random_state=1337)
    active_set.label_randomly(10)
    wrapper = make(epoch=12)
    loop = ActiveLearningLoop(
        active_set, wrapper.predict_on_dataset, get_heuristic("bald"), query_size=10,
        iterations=5, verbose=False,
    )  # fmt: skip
    for _ in range(2):
        history, weights = wrapper.train_and_test_on_datasets(
            active_set, test, return_best_weights=True, patience=3, min_epoch_for_es=4,
            skip_epochs=2,
        )  # fmt: skip
        assert 1 <= len(history) <= 7
        best = min(row["test_loss"] for row in history)
        wrapper.load_state_dict(weights)
        assert wrapper.get_metrics("test")["test_loss"] == history[-1]["test_loss"]
        assert {row["dataset_size"] for row in history} == {len(active_set)}
        assert best <= history[0]["test_loss"]
        assert loop.step()
    assert sorted(wrapper.active_learning_metrics) == [10, 20]


def test_the_history_alone(blobs):
    train, test = blobs
    history = make(epoch=3).train_and_test_on_datasets(train, test)
    assert [set(row) for row in history] == [{"train_loss", "test_loss", "dataset_size"}] * 3
    assert history[-1]["train_loss"] < history[0]["train_loss"]


def test_a_regularizer_and_items_of_more_than_two(blobs):
    class Triples(Dataset):
        def __len__(self):
            return len(blobs[0])

        def __getitem__(self, index):
            return (*blobs[0][index], f"item {index}")

    calls = []
    wrapper = make(epoch=2, regularizer=lambda: calls.append(1) or torch.zeros(()))
    assert len(wrapper.train_on_dataset(Triples())) == 2
    assert len(calls) == 20
