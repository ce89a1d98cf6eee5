"""Dirichlet calibration in the idiom of BaaL 2.1, unchanged."""

from copy import deepcopy

import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.calibration import DirichletCalibrator
from baal.modelwrapper import ModelWrapper, TrainingArgs


def test_the_script():
    torch.manual_seed(0)
    y = torch.randint(2, (100,))
    data = TensorDataset(torch.randn(100, 3) + y[:, None], y)
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    args = TrainingArgs(
        optimizer=torch.optim.SGD(model.parameters(), 0.01), criterion=nn.CrossEntropyLoss(),
        batch_size=10, epoch=2, use_cuda=False, workers=0,
    )  # fmt: skip
    wrapper = ModelWrapper(model, args)
    wrapper.train_on_dataset(data)
    before = deepcopy(model.state_dict())

    calibrator = DirichletCalibrator(
        wrapper=wrapper, num_classes=2, lr=0.001, reg_factor=0.01, mu=0, training_duration=3
    )
    assert calibrator.l2_reg().item() == 0
    loss_history, weights = calibrator.calibrate(
        data, data, use_cuda=False, double_fit=True, workers=0
    )
    assert len(loss_history) == 6
    calibrator.calibrated_model.load_state_dict(weights)
    assert 0 <= calibrator.metrics["ece_after"] <= 1
    assert calibrator.l2_reg().item() > 0
    assert calibrator.lr == 0.001
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert wrapper.args is args
    # The calibrated model is one like any other.
    again = ModelWrapper(calibrator.calibrated_model, TrainingArgs(use_cuda=False, workers=0))
    predictions = again.predict_on_dataset(data, iterations=1, verbose=False)
    assert predictions.shape == (100, 2, 1)
