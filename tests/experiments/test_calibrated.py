"""Experiments whose scores come from calibrated predictions, also after a kill."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.active.dataset import ActiveLearningDataset
from baal.active.heuristics import BALD
from baal.active.stopping_criteria import LabellingBudgetStoppingCriterion
from baal.bayesian.consistent_dropout import patch_module as consistently
from baal.bayesian.dropout import patch_module
from baal.calibration import DirichletCalibrator, TemperatureScaling
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.calibrated import CalibratedAdapter
from baal.experiments.modelwrapper import ModelWrapperAdapter
from baal.experiments.plain_state import digest_of, to_plain, to_state
from baal.experiments.watching import calibration
from baal.modelwrapper import ModelWrapper, TrainingArgs


def blobs(n, seed):
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(2, (n,), generator=generator)
    return TensorDataset(torch.randn(n, 4, generator=generator) + y[:, None], y)


def temperature(wrapper):
    return TemperatureScaling(wrapper, iterations=4)


def dirichlet(wrapper, lr=0.02):
    return DirichletCalibrator(wrapper, 2, lr, reg_factor=0.01, iterations=4)


def a_wrapper():
    torch.manual_seed(3)
    model = patch_module(
        nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3),
                      nn.Linear(16, 2))
    )  # fmt: skip
    args = TrainingArgs(
        torch.optim.Adam(model.parameters(), lr=0.02), batch_size=5, epoch=6, workers=0,
        criterion=nn.CrossEntropyLoss(), use_cuda=False,
    )  # fmt: skip
    return ModelWrapper(model, args)


def an_experiment(make=temperature, calibration_set=None, folder=None, **options):
    dataset = ActiveLearningDataset(blobs(80, 1), random_state=5, validation_split=0.5)
    dataset.label_randomly(20)
    wrapper = a_wrapper()
    adapter = wrapper if make is None else CalibratedAdapter(make(wrapper), calibration_set)
    return ActiveLearningExperiment(
        adapter, dataset, blobs(60, 2), BALD(mode="logits"), query_size=10, iterations=4,
        criterion=LabellingBudgetStoppingCriterion(dataset, 30), folder=folder, verbose=False,
        ece=True, **options,
    )  # fmt: skip


def without_seconds(records):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in records]


@pytest.mark.parametrize("make", [temperature, dirichlet])
def test_each_round_is_calibrated_and_evaluated_behind_the_map(make):
    records, without = an_experiment(make).start(), an_experiment(None).start()
    assert [record["n_labelled"] for record in records] == [20, 30, 40, 50]
    # Training is the same until another choice is made, since calibrating draws nothing.
    assert records[0]["train_loss"] == without[0]["train_loss"]
    assert records[0]["test_loss"] != without[0]["test_loss"]
    for record in records:
        assert record["calibration_nll_after"] <= record["calibration_nll_before"]
        assert 0 <= record["calibration_ece_after"] <= 1
    assert np.mean([record["test_ece"] for record in records]) < np.mean(
        [record["test_ece"] for record in without]
    )


def test_a_calibration_set_of_ones_own():
    held_out = blobs(100, 9)
    experiment = an_experiment(calibration_set=held_out)
    record = experiment.start()[-1]
    calibrator = experiment.adapter.calibrator
    again = TemperatureScaling(calibrator.wrapper, iterations=4)
    again.calibrate(held_out)
    assert again.temperature == calibrator.temperature != 1
    assert record["calibration_ece_after"] == again.metrics["ece_after"]


@pytest.mark.parametrize(
    ("make", "warm_start", "number", "stage"),
    [
        (dirichlet, True, 1, "calibrate"),
        (dirichlet, False, 3, "predict"),
        (temperature, True, 2, "evaluate"),
        (temperature, False, 1, "train"),
    ],
)
def test_a_run_that_was_stopped_goes_on_exactly(tmp_path, make, warm_start, number, stage):
    whole = an_experiment(make, warm_start=warm_start)
    expected = without_seconds(whole.start())
    experiment = an_experiment(make, folder=tmp_path, warm_start=warm_start)
    target = experiment.adapter.calibrator if stage == "calibrate" else experiment.adapter
    original, calls = getattr(target, stage), []

    def stopped(*args, **kwargs):
        result = original(*args, **kwargs)
        calls.append(1)
        if len(experiment.records) == number:
            raise KeyboardInterrupt
        return result

    setattr(target, stage, stopped)
    with pytest.raises(KeyboardInterrupt):
        experiment.start()
    resumed = an_experiment(make, folder=tmp_path, warm_start=warm_start)
    assert without_seconds(resumed.start()) == expected
    ends = [digest_of(to_plain(run.adapter.state_dict())) for run in (whole, resumed)]
    assert ends[0] == ends[1]


def test_a_folder_of_another_calibration_is_refused(tmp_path):
    an_experiment(folder=tmp_path).start()
    for make, message in ((None, "calibrator"), (dirichlet, 'class: "TemperatureScaling" before')):
        with pytest.raises(StateError, match=message):
            an_experiment(make, folder=tmp_path)
    with pytest.raises(StateError, match="calibration_set: null before, 9 now"):
        an_experiment(folder=tmp_path, calibration_set=blobs(9, 0))


def test_the_evaluation_measures_what_the_fit_does():
    torch.manual_seed(3)
    model = consistently(nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.5), nn.Linear(16, 2)), seed=1)
    args = TrainingArgs(
        torch.optim.SGD(model.parameters(), lr=0.5), batch_size=8, epoch=20, workers=0,
        criterion=nn.CrossEntropyLoss(), use_cuda=False,
    )  # fmt: skip
    held_out = blobs(64, 9)
    adapter = CalibratedAdapter(
        TemperatureScaling(ModelWrapper(model, args), iterations=7), held_out
    )
    fitted = adapter.train(blobs(30, 3))
    measured = adapter.evaluate(held_out, 7)  # the same samples again: they are consistent
    assert measured["test_loss"] == pytest.approx(fitted["calibration_nll_after"], rel=1e-5)
    ece = calibration(lambda data: adapter.predict(data, 7), held_out)
    assert ece == pytest.approx(fitted["calibration_ece_after"], rel=1e-4)


def test_the_map_is_part_of_the_state():
    wrapper = a_wrapper()
    adapter = CalibratedAdapter(dirichlet(wrapper), blobs(50, 9))
    initial = to_plain(adapter.state_dict())
    measured = adapter.train(blobs(50, 3))
    assert set(measured) >= {"train_loss", "calibration_ece_before", "calibration_nll_after"}
    trained = to_plain(adapter.state_dict())
    assert not torch.equal(trained["calibration"]["weight"], torch.eye(2))
    adapter.load_state_dict(to_state(copy.deepcopy(initial)))
    assert digest_of(to_plain(adapter.state_dict())) == digest_of(initial)
    adapter.load_state_dict(to_state(copy.deepcopy(trained)))
    assert digest_of(to_plain(adapter.state_dict())) == digest_of(trained)
    plain = ModelWrapperAdapter(wrapper)
    torch.manual_seed(0)
    expected = adapter.calibrator.calibration(
        torch.tensor(np.concatenate(list(plain.predict(blobs(7, 0), 4))))
    )
    torch.manual_seed(0)
    found = np.concatenate(list(adapter.predict(blobs(7, 0), 4)))
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_nothing_to_calibrate_on():
    wrapper = a_wrapper()
    before = copy.deepcopy(wrapper.state_dict())
    dataset = ActiveLearningDataset(blobs(20, 1), random_state=1)
    dataset.label_randomly(10)
    with pytest.raises(InvalidArgumentError, match="a `validation_split`, or pass a"):
        CalibratedAdapter(temperature(wrapper)).train(dataset)
    torch.testing.assert_close(wrapper.state_dict(), before, rtol=0, atol=0)
    with pytest.raises(InvalidArgumentError, match="`calibration_set` to have items"):
        CalibratedAdapter(temperature(wrapper), blobs(0, 1))
    with pytest.raises(InvalidTypeError, match="`calibrator` to be a calibrator, but got Model"):
        CalibratedAdapter(wrapper)
