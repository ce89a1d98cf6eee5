"""What both calibrators do alike: they leave the wrapper alone, and change nothing on an error."""

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from baal.bayesian.dropout import patch_module
from baal.calibration import DirichletCalibrator, TemperatureScaling, held_out
from baal.calibration.base import Calibrator
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.modelwrapper import ModelWrapper, TrainingArgs
from baal.utils.metrics.calibration import expected_calibration_error


def blobs(n, seed):
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(3, (n,), generator=generator)
    x = 1.2 * nn.functional.one_hot(y, 4) + torch.randn(n, 4, generator=generator)
    return TensorDataset(x, y)


TRAIN, TEST = blobs(300, 1), blobs(200, 2)


def a_wrapper(dropout=True):
    """Overconfident by a factor of four, with BatchNorm, and with an optimizer that has a past."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3),
                        nn.Linear(32, 3))  # fmt: skip
    if dropout:
        patch_module(net)
    args = TrainingArgs(
        torch.optim.Adam(net.parameters(), lr=0.01), epoch=5, batch_size=32, workers=0,
        criterion=nn.CrossEntropyLoss(), use_cuda=False,
    )  # fmt: skip
    wrapper = ModelWrapper(net, args)
    wrapper.train_on_dataset(blobs(100, 0))
    with torch.no_grad():
        net[-1].weight *= 4
        net[-1].bias *= 4
    return wrapper


def dirichlet(wrapper, **options):
    return DirichletCalibrator(wrapper, 3, lr=0.01, reg_factor=0.01, **options)


BOTH = pytest.mark.parametrize("make", [dirichlet, TemperatureScaling])


@BOTH
@pytest.mark.parametrize("iterations", [1, 10])
def test_calibration_errors_fall_and_are_measured_on_held_out_items(make, iterations):
    wrapper = a_wrapper(dropout=iterations > 1)
    calibrator = make(wrapper, iterations=iterations)
    assert calibrator.metrics == {}
    history, _ = calibrator.calibrate(TRAIN, TEST, use_cuda=False)
    metrics = calibrator.metrics
    assert set(metrics) == {"ece_before", "ece_after", "nll_before", "nll_after"}
    assert metrics["ece_after"] < 0.6 * metrics["ece_before"]
    assert metrics["nll_after"] < metrics["nll_before"] - 0.1
    assert metrics["nll_after"] == pytest.approx(min(e["test_loss"] for e in history), abs=1e-3)
    if iterations == 1:  # by another way: no random samples
        for when, predictor in (("before", wrapper), ("after", calibrator.calibrated_wrapper)):
            logits = predictor.predict_on_dataset(TEST, 1, verbose=False)[..., 0]
            p = torch.tensor(logits).double().softmax(1)
            ece = expected_calibration_error(p.numpy(), TEST.tensors[1].numpy())
            assert metrics[f"ece_{when}"] == pytest.approx(ece, abs=1e-5)


@BOTH
def test_the_fit_looks_at_the_predictive_distribution(make):
    """K samples together are less sure than each alone, so there is less to take back."""
    wrapper = a_wrapper()
    alone, together = make(wrapper), make(wrapper, iterations=20)
    for calibrator in (alone, together):
        calibrator.calibrate(TRAIN, TRAIN)
    assert together.metrics["nll_before"] < alone.metrics["nll_before"]
    x = TEST.tensors[0]
    spread = [
        c.calibrated_wrapper.predict_on_batch(x, 20).std(-1).mean() for c in (alone, together)
    ]
    assert spread[0] < spread[1]
    assert spread[0] > 0


@BOTH
def test_what_a_fit_leaves_alone(make):
    wrapper = a_wrapper()
    net, optimizer = wrapper.model, wrapper.args.optimizer
    net.train()
    net[1].eval()  # frozen by the user
    net[0].weight.requires_grad_(False)
    net[0].bias.grad = torch.ones(32)
    args, metrics = copy.copy(wrapper.args), wrapper.get_metrics()
    before = copy.deepcopy((wrapper.state_dict(), optimizer.state_dict()))
    identities = [id(p) for p in net.parameters()]

    calibrator = make(wrapper, iterations=4)
    calibrator.calibrate(TRAIN, TEST)
    calibrator.calibrated_wrapper.predict_on_batch(TEST.tensors[0], 1)
    calibrator.calibrate(TRAIN, TEST)

    after = (wrapper.state_dict(), optimizer.state_dict())
    for old, new in zip(before, after, strict=True):
        torch.testing.assert_close(new, old, rtol=0, atol=0)
    assert torch.equal(wrapper.state_dict()["1.running_mean"], before[0]["1.running_mean"])
    assert [id(p) for p in net.parameters()] == identities
    assert [m.training for m in net] == [True, False, True, True, True]
    assert net.training
    assert [p.requires_grad for p in net.parameters()] == [False, *[True] * 5]
    assert torch.equal(net[0].bias.grad, torch.ones(32))
    assert vars(wrapper.args) == vars(args)
    assert wrapper.get_metrics() == metrics
    assert calibrator.metrics is not wrapper.metrics


@BOTH
def test_the_global_random_states_stay(make):
    wrapper = a_wrapper()
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    make(wrapper, iterations=3).calibrate(TRAIN, TEST)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])
    assert random.getstate() == states[2]


@BOTH
def test_the_same_each_time_whatever_was_drawn_before(make):
    wrapper = a_wrapper()
    calibrator, other = make(wrapper, iterations=3), make(wrapper, iterations=3, seed=1)
    runs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        history, weights = calibrator.calibrate(TRAIN, TEST)
        runs.append((history, copy.deepcopy(weights), calibrator.metrics))
    assert runs[0][0] == runs[1][0]
    assert runs[0][2] == runs[1][2]
    torch.testing.assert_close(runs[0][1], runs[1][1], rtol=0, atol=0)
    assert other.calibrate(TRAIN, TEST)[0] != runs[0][0]


class Broken(Dataset):
    """Fails at its last item."""

    def __len__(self):
        return 64

    def __getitem__(self, index):
        if index == 63:
            raise OSError("cannot be read")
        return TEST[index]


def wrong_target():
    x, y = TEST.tensors
    return TensorDataset(x, y.clone().index_fill_(0, torch.tensor([199]), 3))


@BOTH
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (TensorDataset(*(t[:0] for t in TEST.tensors)), InvalidArgumentError, "to have items"),
        (wrong_target(), InvalidArgumentError, "classes from 0 to 2"),
        (
            TensorDataset(TEST.tensors[0] * torch.inf, TEST.tensors[1]),
            InvalidArgumentError,
            "finite",
        ),
        (Broken(), OSError, "cannot be read"),
    ],
)
@pytest.mark.parametrize("place", ["train_set", "test_set"])
def test_an_error_changes_nothing(make, bad, error, message, place):
    wrapper = a_wrapper(dropout=False)
    calibrator = make(wrapper)
    calibrator.calibrate(TRAIN, TEST)
    before, metrics = copy.deepcopy(calibrator.state_dict()), calibrator.metrics
    sets = {"train_set": TRAIN, "test_set": TEST, place: bad}
    with pytest.raises(error, match=message):
        calibrator.calibrate(**sets)
    torch.testing.assert_close(calibrator.state_dict(), before, rtol=0, atol=0)
    assert calibrator.metrics is metrics


@BOTH
def test_an_error_in_the_fit_puts_the_map_back(make, monkeypatch):
    calibrator = make(a_wrapper(dropout=False))
    calibrator.calibrate(TRAIN, TEST)
    before = copy.deepcopy(calibrator.state_dict())

    def fail(*args, **kwargs):
        with torch.no_grad():
            for value in calibrator.state_dict().values():
                value.fill_(7.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(calibrator), "_fit", fail)
    with pytest.raises(KeyboardInterrupt):
        calibrator.calibrate(TRAIN, TEST)
    torch.testing.assert_close(calibrator.state_dict(), before, rtol=0, atol=0)


@BOTH
def test_batches_are_the_wrappers_unless_told_otherwise(make, monkeypatch):
    seen = []

    class Watched(DataLoader):
        def __init__(self, dataset, batch_size, **kwargs):
            seen.append((batch_size, kwargs["num_workers"]))
            super().__init__(dataset, batch_size, **kwargs)

    monkeypatch.setattr(held_out, "DataLoader", Watched)
    calibrator = make(a_wrapper(dropout=False))
    calibrator.calibrate(TRAIN, TEST)
    calibrator.calibrate(TRAIN, TRAIN, batch_size=17, workers=0, skip_epochs=2)
    assert seen == [(32, 0), (32, 0), (17, 0)]  # one and the same set is read once


@BOTH
def test_an_option_that_there_is_not(make):
    with pytest.raises(InvalidTypeError, match=r"`kwargs` to be among .*, but got .'epoch'"):
        make(a_wrapper()).calibrate(TRAIN, TEST, epoch=3)


@BOTH
def test_probabilities_of_a_model_that_ends_in_a_softmax(make):
    wrapper = a_wrapper(dropout=False)
    by_logits = make(wrapper)
    by_logits.calibrate(TRAIN, TEST)
    expected = by_logits.calibrated_wrapper.predict_on_batch(TEST.tensors[0]).softmax(1)
    wrapper.model = nn.Sequential(wrapper.model, nn.Softmax(1))
    with pytest.raises(InvalidArgumentError, match="pass mode='probabilities'"):
        make(wrapper).calibrate(TRAIN, TEST)
    by_probabilities = make(wrapper, mode="probabilities")
    by_probabilities.calibrate(TRAIN, TEST)
    found = by_probabilities.calibrated_wrapper.predict_on_batch(TEST.tensors[0])
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-3)


@BOTH
def test_pixels(make):
    """A map of one pixel an item gives what the item gives; a void pixel counts for nothing."""
    wrapper = a_wrapper(dropout=False)
    by_item = make(wrapper)
    by_item.calibrate(TRAIN, TEST)

    class Pixels(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):  # [B, 4, H, W] -> [B, 3, H, W]
            rows = x.movedim(1, -1)
            return self.net(rows.reshape(-1, 4)).reshape(*rows.shape[:-1], 3).movedim(-1, 1)

    def images(data):
        x, y = data.tensors
        void = torch.full((len(y), 1, 1), -100)
        x = torch.stack([x, 9 * torch.ones_like(x)], -1)[:, :, None]
        return TensorDataset(x, torch.cat([y[:, None, None], void], -1))  # [N, 4, 1, 2], [N, 1, 2]

    wrapper.model = Pixels(wrapper.model)
    by_pixel = make(wrapper)
    by_pixel.calibrate(images(TRAIN), images(TEST))
    torch.testing.assert_close(by_pixel.state_dict(), by_item.state_dict(), rtol=1e-4, atol=1e-4)
    assert by_pixel.metrics == pytest.approx(by_item.metrics, abs=1e-5)
    found = by_pixel.calibrated_wrapper.predict_on_batch(images(TEST).tensors[0][:5])
    assert found.shape == (5, 3, 1, 2, 1)


@BOTH
def test_the_calibrated_model(make):
    wrapper = a_wrapper()
    calibrator = make(wrapper)
    _, weights = calibrator.calibrate(TRAIN, TEST)
    model = calibrator.calibrated_model
    assert model is calibrator.calibrated_model
    assert model.module is wrapper.model
    torch.testing.assert_close(weights, model.state_dict(), rtol=0, atol=0)
    other = make(wrapper)
    other.load_state_dict(calibrator.state_dict())
    x = TEST.tensors[0]
    net = model.module.eval()
    torch.manual_seed(0)
    expected = calibrator.calibration(net(x))
    torch.manual_seed(0)
    torch.testing.assert_close(other.calibrated_model.eval()(x), expected)
    wrapper.model = copy.deepcopy(net)
    assert calibrator.calibrated_model.module is wrapper.model


def test_what_is_no_wrapper():
    with pytest.raises(InvalidTypeError, match="`wrapper` to be a ModelWrapper, but got Linear"):
        TemperatureScaling(nn.Linear(4, 3))
    with pytest.raises(InvalidArgumentError, match="`iterations` to be at least 1"):
        TemperatureScaling(a_wrapper(), iterations=0)
    with pytest.raises(TypeError, match="abstract"):
        Calibrator(a_wrapper(), None)
