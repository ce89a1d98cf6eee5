import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.calibration import TemperatureScaling, fit_temperature
from baal.modelwrapper import ModelWrapper, TrainingArgs

GENERATOR = torch.Generator().manual_seed(0)
Z = torch.randn(100, 3, generator=GENERATOR)
Y = Z.softmax(1).multinomial(1, generator=GENERATOR)[:, 0]


def make(**options):
    return TemperatureScaling(ModelWrapper(nn.Identity(), TrainingArgs(workers=0)), **options)


def test_as_the_function_on_arrays():
    calibrator = make()
    assert calibrator.temperature == 1
    history, weights = calibrator.calibrate(TensorDataset(5 * Z, Y))
    expected = fit_temperature(5 * Z[..., None], Y)
    assert calibrator.temperature == pytest.approx(expected, rel=1e-6)
    assert float(weights["calibration.temperature"]) == calibrator.temperature
    loss = calibrator.metrics["nll_after"]
    assert history == [{"train_loss": loss, "test_loss": loss}]
    assert loss == pytest.approx(float(nn.functional.cross_entropy(5 * Z / expected, Y)), rel=1e-5)


def test_the_first_class_stays_first():
    calibrator = make()
    calibrator.calibrate(TensorDataset(5 * Z, Y))
    mapped = calibrator.calibrated_wrapper.predict_on_batch(5 * Z)
    assert torch.equal(mapped.argmax(1)[:, 0], Z.argmax(1))


def test_a_single_output():
    calibrator = make()
    p = Z[:, :1].sigmoid()
    y = torch.bernoulli(p, generator=GENERATOR)
    calibrator.calibrate(TensorDataset(4 * Z[:, :1], y))
    own = fit_temperature(Z[:, :1, None], y)
    assert calibrator.temperature == pytest.approx(4 * own, rel=1e-5)
    assert calibrator.metrics["ece_after"] < calibrator.metrics["ece_before"]


def test_settings():
    expected = {"class": "TemperatureScaling", "iterations": 3, "seed": 2, "mode": "logits"}
    assert make(iterations=3, seed=2).settings() == expected
