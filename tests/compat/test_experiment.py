"""An experiment in the idiom of BaaL 2.1, unchanged."""

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.active.dataset import ActiveLearningDataset
from baal.active.heuristics import BALD
from baal.active.stopping_criteria import EarlyStoppingCriterion, LabellingBudgetStoppingCriterion
from baal.bayesian.dropout import MCDropoutModule
from baal.experiments.base import ActiveLearningExperiment
from baal.modelwrapper import ModelWrapper, TrainingArgs


def parts():
    torch.manual_seed(0)
    x = torch.randn(60, 4)
    data = TensorDataset(x, (x[:, 0] > 0).long())
    model = MCDropoutModule(nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2)))
    wrapper = ModelWrapper(
        model,
        args=TrainingArgs(
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
            criterion=nn.CrossEntropyLoss(), epoch=2, batch_size=8, workers=0, use_cuda=False,
        ),
    )  # fmt: skip
    return wrapper, ActiveLearningDataset(data, random_state=1), data


def test_an_experiment_with_a_budget():
    wrapper, al_dataset, test = parts()
    al_dataset.label_randomly(10)
    experiment = ActiveLearningExperiment(
        trainer=wrapper,
        al_dataset=al_dataset,
        eval_dataset=test,
        heuristic=BALD(),
        query_size=4,
        iterations=5,
        pool_size=20,
        criterion=LabellingBudgetStoppingCriterion(al_dataset, labelling_budget=5),
    )
    metrics = experiment.start()
    assert [row["dataset_size"] for row in metrics] == [10, 14, 15]
    assert all({"train_loss", "test_loss"} <= set(row) for row in metrics)
    assert len(al_dataset) == 15


def test_early_stopping():
    wrapper, al_dataset, test = parts()
    al_dataset.label_randomly(10)
    criterion = EarlyStoppingCriterion(al_dataset, metric_name="test_loss", patience=2, epsilon=9)
    experiment = ActiveLearningExperiment(
        wrapper, al_dataset, test, BALD(), 4, 5, criterion=criterion
    )
    assert len(experiment.start()) == 3


def test_nothing_labelled():
    wrapper, al_dataset, test = parts()
    with pytest.raises(ValueError, match="label_randomly"):
        ActiveLearningExperiment(wrapper, al_dataset, test, BALD(), 4, 5).start()
    with pytest.raises(ValueError, match="trainer"):
        ActiveLearningExperiment(object(), al_dataset, test, BALD())
