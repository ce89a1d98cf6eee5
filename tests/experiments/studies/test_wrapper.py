import math

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn
from torch.utils.data import TensorDataset

from baal.exceptions import StateError
from baal.experiments.studies.wrapper import ErrorRate, StudyWrapper
from baal.modelwrapper import ModelWrapper
from baal.training_args import TrainingArgs


class Given:
    """The items are the posterior samples of their own outputs, `[B, C, ..., K]`."""

    def predict_on_batch(self, data, iterations=1):
        return data


class GivenStudy(Given, StudyWrapper):
    pass


class GivenPlain(Given, ModelWrapper):
    pass


def measured(cls, samples, targets):
    args = TrainingArgs(criterion=nn.CrossEntropyLoss(), batch_size=4, workers=0)
    wrapper = cls(nn.Identity(), args)
    wrapper.add_metric("error", ErrorRate)
    loss = wrapper.test_on_dataset(TensorDataset(samples, targets), 5)
    return loss, wrapper.get_metrics("test")["test_error"]


@pytest.mark.parametrize("shape", [(7, 3, 5), (7, 3, 2, 5), (7, 3, 1)])
def test_the_loss_is_that_of_the_mean_probability(shape):
    generator = torch.Generator().manual_seed(0)
    samples = 3 * torch.randn(*shape, generator=generator, dtype=torch.float64)
    targets = torch.randint(3, (shape[0], *shape[2:-1]), generator=generator)
    loss, error = measured(GivenStudy, samples, targets)
    probabilities = softmax(samples.numpy(), axis=1).mean(-1)
    of_target = np.take_along_axis(probabilities, targets.numpy()[:, None], axis=1)
    assert loss == pytest.approx(-np.log(of_target).mean())
    assert error == pytest.approx((probabilities.argmax(1) != targets.numpy()).mean())
    if shape[-1] > 1:
        assert loss != pytest.approx(measured(GivenPlain, samples, targets)[0], rel=1e-3)


def test_the_class_is_that_of_the_mean_probability():
    # One sure sample for class 0, four that lean to class 1: by logits 0 wins, by probability 1.
    samples = torch.tensor([[[50.0, 0, 0, 0, 0], [0.0, 5, 5, 5, 5]]])
    assert measured(GivenStudy, samples, torch.tensor([1]))[1] == 0
    assert measured(GivenPlain, samples, torch.tensor([1]))[1] == 1


def test_far_logits_have_a_finite_loss():
    samples = torch.tensor([[[900.0, -900.0], [-900.0, 900.0]]])
    assert measured(GivenStudy, samples, torch.tensor([0]))[0] == pytest.approx(math.log(2))


def test_one_minus_the_accuracy():
    outputs = torch.eye(3)[[0, 1, 1, 2]]
    whole, batches = ErrorRate(), ErrorRate(average=False)
    for part, targets in ((outputs[:3], [0, 0, 0]), (outputs[3:], [2])):
        whole.update(part, torch.tensor(targets))
        batches.update(part, torch.tensor(targets))
    assert whole.value == pytest.approx(2 / 4)
    assert batches.value == pytest.approx([2 / 3, 0])
    assert math.isnan(ErrorRate().value)


def wrapper_that_trains(learning_rate, epochs=3):
    torch.manual_seed(0)
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    args = TrainingArgs(
        optimizer, criterion=nn.CrossEntropyLoss(), epoch=epochs, batch_size=2, workers=0
    )
    return StudyWrapper(model, args)


POINTS = 100 * torch.randn(8, 2, generator=torch.Generator().manual_seed(1))
DATA = TensorDataset(POINTS, torch.tensor([0, 1] * 4))


def test_training_that_diverges_says_so():
    with pytest.raises(StateError, match=r"a finite training loss, but got (nan|inf): try a lower"):
        wrapper_that_trains(1e38).train_on_dataset(DATA)
    history = wrapper_that_trains(0.1).train_on_dataset(DATA)
    assert len(history) == 3
    with pytest.warns(UserWarning, match="Nothing is trained"):
        assert wrapper_that_trains(0.1, epochs=0).train_on_dataset(DATA) == []


def test_a_model_that_has_diverged_is_not_measured():
    wrapper = wrapper_that_trains(0.1)
    with torch.no_grad():
        wrapper.model.weight.fill_(float("nan"))
    with pytest.raises(StateError, match="a finite test loss, but got nan"):
        wrapper.test_on_dataset(DATA)
