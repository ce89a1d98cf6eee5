"""Behind a map: the posterior samples, each mapped alone, and what the engine shares."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.active import ActiveLearningLoop
from baal.active.dataset import ActiveLearningDataset
from baal.active.heuristics import BALD, BatchBALD
from baal.bayesian import consistent_dropout
from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import sample_posterior, samples_are_joint
from baal.calibration import (
    CalibratedModel,
    CalibratedModelWrapper,
    DirichletMap,
    TemperatureMap,
)
from baal.ensemble import EnsembleModelWrapper
from baal.modelwrapper import ModelWrapper, TrainingArgs

X = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
DATA = TensorDataset(X, torch.arange(12) % 3)


class Counting(nn.Linear):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


def a_net():
    torch.manual_seed(0)
    return nn.Sequential(Counting(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))


def a_map():
    calibration = DirichletMap(3)
    with torch.no_grad():
        calibration.weight += torch.tensor([[0.5, 0.2, 0.0], [0.0, -0.4, 0.0], [0.1, 0.0, 0.2]])
        calibration.bias += torch.tensor([1.0, -1.0, 0.0])
    return calibration


@pytest.mark.parametrize("way", ["vmap", "stack", "loop"])
def test_a_calibrated_model_is_sampled_as_the_model_is_and_then_mapped(way):
    net, calibration = a_net().eval(), a_map()
    consistent_dropout.patch_module(net, seed=0)  # the same samples each time
    model = CalibratedModel(net, calibration)
    expected = calibration(sample_posterior(net, X, 7, way)).detach()
    torch.testing.assert_close(sample_posterior(model, X, 7, way), expected, rtol=1e-4, atol=1e-5)
    assert samples_are_joint(model) is True
    wrapper = ModelWrapper(model, TrainingArgs(workers=0, use_cuda=False, sampling=way))
    torch.testing.assert_close(wrapper.predict_on_batch(X, 7), expected, rtol=1e-4, atol=1e-5)


def test_what_samples_have_in_common_is_still_computed_once():
    net = patch_module(a_net())
    model = CalibratedModel(net, a_map()).eval()
    wrapped = CalibratedModelWrapper(ModelWrapper(net, TrainingArgs(workers=0)), a_map())
    for predict in (
        lambda k: sample_posterior(model, X, k),
        lambda k: wrapped.predict_on_batch(X, k),
    ):
        predict(20)  # the way is found out on the first batch
        net[0].calls = 0
        assert len(predict(20).unique(dim=-1)[0, 0]) == 20
        assert net[0].calls == 1


def test_the_model_is_shared():
    net = a_net().eval()
    model = CalibratedModel(net, a_map())
    assert not model.training
    assert {id(p) for p in net.parameters()} < {id(p) for p in model.parameters()}
    assert set(model.state_dict()) == {
        "module.0.weight", "module.0.bias", "module.3.weight", "module.3.bias",
        "calibration.weight", "calibration.bias",
    }  # fmt: skip


def test_a_wrapper_predicts_tests_and_measures_behind_the_map():
    net, calibration = a_net(), TemperatureMap()
    calibration.temperature.fill_(3.0)
    args = TrainingArgs(workers=0, batch_size=5, criterion=nn.CrossEntropyLoss(), use_cuda=False)
    wrapper = ModelWrapper(net, args)
    calibrated = CalibratedModelWrapper(wrapper, calibration)
    plain = wrapper.predict_on_dataset(DATA, 1, verbose=False)
    np.testing.assert_allclose(
        calibrated.predict_on_dataset(DATA, 1, verbose=False), plain / 3, rtol=1e-6
    )
    loss = calibrated.test_on_dataset(DATA)
    expected = nn.functional.cross_entropy(torch.tensor(plain[..., 0]) / 3, DATA.tensors[1])
    assert loss == pytest.approx(float(expected), rel=1e-5)
    assert wrapper.get_metrics("test")["test_loss"] == loss
    assert net.training


def test_members_of_an_ensemble_are_mapped_one_by_one():
    wrapper = EnsembleModelWrapper(nn.Linear(4, 3), TrainingArgs(workers=0, use_cuda=False))
    for _ in range(5):
        wrapper.reset_all()
        wrapper.add_checkpoint()
    calibrated = CalibratedModelWrapper(wrapper, a_map())
    found = calibrated.predict_on_batch(X)
    torch.testing.assert_close(found, a_map()(wrapper.predict_on_batch(X)).detach())
    assert found.shape == (12, 3, 5)
    assert calibrated.samples_are_joint is True


def test_the_loop_scores_calibrated_predictions():
    net = consistent_dropout.patch_module(a_net(), seed=0)
    wrapper = ModelWrapper(net, TrainingArgs(workers=0, use_cuda=False))
    calibrated = CalibratedModelWrapper(wrapper, a_map())
    heuristic = BALD(mode="logits")

    def chosen(predict):
        dataset = ActiveLearningDataset(DATA, random_state=0)
        loop = ActiveLearningLoop(
            dataset, predict, heuristic, query_size=5, iterations=10, verbose=False
        )
        return loop.query()

    plain, mapped = chosen(wrapper.predict_on_dataset), chosen(calibrated.predict_on_dataset)
    samples = a_map()(wrapper.predict_on_batch(X, 10)).detach().numpy()
    ranks, scores = heuristic.get_ranks(samples)
    assert mapped.dataset_indices.tolist() == ranks[:5].tolist()
    np.testing.assert_allclose(mapped.scores, scores[ranks[:5]], rtol=1e-4, atol=1e-6)
    assert np.abs(mapped.scores - plain.scores).max() > 1e-3


def test_the_loop_knows_whether_samples_are_joint():
    wrapper = ModelWrapper(patch_module(a_net()), TrainingArgs(workers=0, use_cuda=False))
    calibrated = CalibratedModelWrapper(wrapper, a_map())
    loop = ActiveLearningLoop(
        ActiveLearningDataset(DATA), calibrated.predict_on_dataset, BatchBALD(2, seed=0), 2,
        iterations=10, verbose=False,
    )  # fmt: skip
    with pytest.warns(UserWarning, match="only defined on joint samples"):
        loop.query()


def test_what_belongs_to_training_is_shared():
    net = nn.Linear(4, 3)
    sgd = torch.optim.SGD(net.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.ExponentialLR(sgd, 0.1)
    args = TrainingArgs(
        sgd, epoch=1, workers=0, criterion=nn.CrossEntropyLoss(), scheduler=schedule
    )
    wrapper = ModelWrapper(net, args)
    wrapper.train_on_dataset(DATA)
    calibrated = CalibratedModelWrapper(wrapper, TemperatureMap())
    calibrated.test_on_dataset(DATA)
    assert calibrated.get_metrics("test") == wrapper.get_metrics("test")
    assert "test_loss" in wrapper.active_learning_metrics[12]
    calibrated.set_dataset_size(7)
    assert wrapper.get_metrics()["dataset_size"] == 7
    assert sgd.param_groups[0]["lr"] == pytest.approx(0.1)
    calibrated.reset_all()
    assert sgd.param_groups[0]["lr"] == 1.0
