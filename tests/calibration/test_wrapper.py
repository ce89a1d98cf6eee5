"""Behind a map: the posterior samples, each mapped alone, and what the engine shares."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
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
from baal.experiments.studies.wrapper import StudyWrapper
from baal.modelwrapper import ModelWrapper, TrainingArgs
from baal.utils.metrics import ECE, Accuracy
from baal.utils.metrics.calibration import expected_calibration_error

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


class Given:
    """The items are the posterior samples of their own outputs, `[B, C, ..., K]`."""

    def predict_on_batch(self, data, iterations=1):
        return data


class GivenPlain(Given, ModelWrapper):
    pass


class GivenStudy(Given, StudyWrapper):
    pass


def behind(kind, calibration, samples, targets, criterion):
    args = TrainingArgs(workers=0, batch_size=4, criterion=criterion)
    wrapper = CalibratedModelWrapper(kind(nn.Identity(), args), calibration)
    wrapper.add_metric("accuracy", Accuracy)
    wrapper.add_metric("ece", partial(ECE, 15))
    loss = wrapper.test_on_dataset(TensorDataset(samples, targets), samples.shape[-1])
    return loss, wrapper.get_metrics("test")


def of_probabilities(output, target):
    return nn.functional.nll_loss(output.log(), target)


@pytest.mark.parametrize(
    ("kind", "mode", "criterion"),
    [
        (GivenPlain, "logits", nn.CrossEntropyLoss()),
        (GivenStudy, "logits", nn.CrossEntropyLoss()),
        (GivenPlain, "probabilities", of_probabilities),
    ],
)
def test_the_mean_probability_of_mapped_samples_is_tested(kind, mode, criterion):
    rng = np.random.default_rng(0)
    logits, targets = 3 * rng.standard_normal((9, 3, 6)), rng.integers(3, size=9)
    calibration = TemperatureMap(mode)
    calibration.temperature.fill_(2.5)
    p = softmax(logits / 2.5, axis=1).mean(axis=-1)  # by hand: each sample alone, then the mean
    of_target = np.log(p[np.arange(9), targets])
    given = torch.tensor(logits)
    given = given.softmax(dim=1) if mode == "probabilities" else given
    loss, metrics = behind(kind, calibration, given, torch.tensor(targets), criterion)
    assert loss == pytest.approx(-of_target.mean(), rel=1e-5)
    assert metrics["test_accuracy"] == pytest.approx((p.argmax(axis=1) == targets).mean())
    assert metrics["test_ece"] == pytest.approx(expected_calibration_error(p, targets), rel=1e-5)


def test_of_a_single_output_the_mean_probability_is_tested_too():
    rng = np.random.default_rng(0)
    logits, targets = 3 * rng.standard_normal((9, 1, 6)), rng.integers(2, size=(9, 1))
    calibration = TemperatureMap()
    calibration.temperature.fill_(2.0)
    p = expit(logits / 2).mean(axis=-1)
    expected = -np.where(targets, np.log(p), np.log1p(-p)).mean()
    args = TrainingArgs(workers=0, criterion=nn.BCEWithLogitsLoss())
    wrapper = CalibratedModelWrapper(GivenPlain(nn.Identity(), args), calibration)
    data = TensorDataset(torch.tensor(logits), torch.tensor(targets).double())
    assert wrapper.test_on_dataset(data, 6) == pytest.approx(expected, rel=1e-5)


def test_an_ensemble_without_members_is_tested_as_its_model():
    args = TrainingArgs(workers=0, criterion=nn.CrossEntropyLoss(), use_cuda=False)
    ensemble = EnsembleModelWrapper(nn.Linear(4, 3), args)
    calibrated = CalibratedModelWrapper(ensemble, a_map())
    output = a_map()(ensemble.model(X)).detach()
    expected = float(nn.functional.cross_entropy(output, DATA.tensors[1]))
    assert calibrated.test_on_dataset(DATA) == pytest.approx(expected, rel=1e-5)
    ensemble.add_checkpoint()
    assert calibrated.test_on_dataset(DATA) == pytest.approx(expected, rel=1e-5)


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
