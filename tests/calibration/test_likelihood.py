import numpy as np
import pytest
import torch
from scipy.special import expit, softmax

from baal.calibration.likelihood import (
    negative_log_likelihood,
    odir_penalty,
    predictive_log_probabilities,
    predictive_logits,
)


@pytest.mark.parametrize("shape", [(5, 3, 1), (5, 3, 4), (2, 3, 4, 6, 7)])
def test_the_mean_of_the_samples_probabilities(shape):
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    expected = softmax(logits.numpy(), axis=1).mean(-1)
    np.testing.assert_allclose(predictive_log_probabilities(logits).exp(), expected, rtol=1e-12)
    targets = torch.randint(3, expected[:, 0].shape, generator=torch.Generator().manual_seed(1))
    targets.view(-1)[0] = -100
    picked = np.take_along_axis(expected, targets.clamp_min(0).numpy()[:, None], axis=1)[:, 0]
    loss = -np.log(picked[targets.numpy() >= 0]).mean()
    assert float(negative_log_likelihood(logits, targets)) == pytest.approx(loss, rel=1e-12)


def test_nothing_counts():
    assert float(negative_log_likelihood(torch.ones(1, 2, 1), torch.tensor([-100]))) == 0


def test_the_penalty_and_its_gradient_by_hand():
    weight = torch.tensor(
        [[9.0, 1.0, -2.0], [3.0, 9.0, 0.5], [0.0, -1.0, 9.0]], dtype=torch.double
    ).requires_grad_()
    bias = torch.tensor([1.0, -2.0, 4.0], dtype=torch.double, requires_grad=True)
    penalty = odir_penalty(weight, bias, reg_factor=0.3, mu=0.6)
    assert float(penalty.detach()) == pytest.approx(0.3 * 15.25 / 6 + 0.6 * 21 / 3, rel=1e-12)
    penalty.backward()
    off_diagonal = weight.detach() * (1 - torch.eye(3))
    torch.testing.assert_close(weight.grad, 0.3 * 2 * off_diagonal / 6)
    torch.testing.assert_close(bias.grad, 0.6 * 2 * bias.detach() / 3)


@pytest.mark.parametrize("shape", [(5, 3, 4), (5, 1, 4), (2, 1, 4, 6, 7)])
def test_the_mean_probability_as_logits(shape):
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    found = predictive_logits(logits).numpy()
    if shape[1] == 1:
        np.testing.assert_allclose(expit(found), expit(logits.numpy()).mean(-1), rtol=1e-12)
    else:
        expected = softmax(logits.numpy(), axis=1).mean(-1)
        np.testing.assert_allclose(softmax(found, axis=1), expected, rtol=1e-12)


def test_far_logits_of_one_sample_stay_what_they_are():
    far = torch.tensor([[[800.0]], [[-800.0]]])
    assert predictive_logits(far).flatten().tolist() == [800, -800]
