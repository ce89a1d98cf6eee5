import math

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.calibration import DirichletCalibrator, fit_dirichlet
from baal.exceptions import InvalidArgumentError
from baal.modelwrapper import ModelWrapper, TrainingArgs

GENERATOR = torch.Generator().manual_seed(0)
Z = 3 * torch.randn(100, 3, generator=GENERATOR)
DATA = TensorDataset(Z, torch.randint(3, (100,), generator=GENERATOR))


def a_wrapper(batch_size=16):
    return ModelWrapper(nn.Identity(), TrainingArgs(workers=0, batch_size=batch_size))


def make(**options):
    defaults = {"num_classes": 3, "lr": 0.05, "reg_factor": 0.1}
    return DirichletCalibrator(a_wrapper(), **{**defaults, **options})


def test_as_the_function_on_arrays():
    calibrator = make(mu=0.3, training_duration=7)
    history, _ = calibrator.calibrate(DATA, DATA, False)
    calibration, expected = fit_dirichlet(
        Z[..., None], DATA.tensors[1], reg_factor=0.1, mu=0.3, lr=0.05, epochs=7, batch_size=16
    )
    assert history == expected
    assert torch.equal(calibrator.calibration.weight, calibration.weight)
    assert torch.equal(calibrator.calibration.bias, calibration.bias)


def test_the_penalty_is_that_of_the_map_as_it_is():
    calibrator = make(mu=0.0)
    assert calibrator.l2_reg() == 0
    with torch.no_grad():
        calibrator.calibration.weight[0, 1] = 2.0
        calibrator.calibration.bias.fill_(5.0)
    penalty = calibrator.l2_reg()
    assert float(penalty.detach()) == pytest.approx(0.1 * 4 / 6)  # mu = 0 is heeded
    penalty.backward()
    assert calibrator.calibration.weight.grad[0, 1] == pytest.approx(0.1 * 2 * 2 / 6)
    assert make(reg_factor=0.4).mu == 0.4
    assert make(mu=0.5).mu == 0.5


def test_a_penalty_of_ones_own_is_taken():
    class Frozen(DirichletCalibrator):
        def l2_reg(self):
            weight, bias = self.calibration.weight, self.calibration.bias
            return 1e4 * ((weight - torch.eye(3)).abs().sum() + bias.abs().sum())

    options = {"num_classes": 3, "lr": 1e-4, "reg_factor": 0.0}
    frozen, free = Frozen(a_wrapper(), **options), DirichletCalibrator(a_wrapper(), **options)
    for calibrator in (frozen, free):
        calibrator.calibrate(DATA, DATA)
    assert torch.equal(frozen.calibration.weight, torch.eye(3))
    assert not torch.equal(free.calibration.weight, torch.eye(3))


def test_a_second_fit_with_a_tenth_of_the_learning_rate(monkeypatch):
    rates = []
    adam = torch.optim.Adam
    monkeypatch.setattr(torch.optim, "Adam", lambda p, lr: rates.append(lr) or adam(p, lr=lr))
    calibrator = make(training_duration=4)
    once, _ = calibrator.calibrate(DATA, DATA)
    twice, _ = calibrator.calibrate(DATA, DATA, double_fit=True)
    again, _ = calibrator.calibrate(DATA, DATA)
    assert rates == pytest.approx([0.05, 0.05, 0.005, 0.05])
    assert calibrator.lr == 0.05
    assert twice[:4] == once == again
    assert len(twice) == 8
    assert min(e["test_loss"] for e in twice[4:]) <= min(e["test_loss"] for e in once)


def test_options_of_the_fit():
    calibrator = make(lr=100.0, training_duration=6)
    assert len(calibrator.calibrate(DATA, DATA)[0]) == 6
    assert torch.equal(calibrator.calibration.weight, torch.eye(3))
    assert len(calibrator.calibrate(DATA, DATA, patience=1)[0]) == 1
    assert len(calibrator.calibrate(DATA, DATA, patience=1, min_epoch_for_es=3)[0]) == 3
    calibrator.calibrate(DATA, DATA, return_best_weights=False)
    assert not torch.equal(calibrator.calibration.weight, torch.eye(3))
    assert calibrator.metrics["nll_after"] > calibrator.metrics["nll_before"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 1}, "`num_classes` to be at least 2, but got 1"),
        ({"lr": 0.0}, "`lr` to be above 0, but got 0"),
        ({"lr": math.nan}, "`lr` to be above 0, but got nan"),
        ({"reg_factor": -0.1}, "`reg_factor` to be at least 0, but got -0.1"),
        ({"reg_factor": math.inf}, "`reg_factor` to be at least 0, but got inf"),
        ({"mu": -1.0}, "`mu` to be at least 0, but got -1"),
        ({"training_duration": 0}, "`training_duration` to be at least 1, but got 0"),
        ({"mode": "auto"}, "`mode` to be 'logits' or 'probabilities', but got 'auto'"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make(**options)


def test_another_number_of_classes():
    for n in (2, 4):
        with pytest.raises(
            InvalidArgumentError, match=rf"\[B, {n}, ...\], but got shape \[16, 3\]"
        ):
            make(num_classes=n).calibrate(DATA, DATA)


def test_settings_tell_fits_apart():
    assert make().settings() == {
        "class": "DirichletCalibrator", "iterations": 1, "seed": 0, "mode": "logits",
        "num_classes": 3, "lr": 0.05, "reg_factor": 0.1, "mu": 0.1, "training_duration": 5,
    }  # fmt: skip
