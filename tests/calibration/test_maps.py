import pytest
import torch

from baal.calibration.maps import CalibrationMap, DirichletMap, TemperatureMap, to_logits
from baal.exceptions import InvalidArgumentError, InvalidTypeError


def a_dirichlet_map(mode="logits"):
    calibration = DirichletMap(3, mode)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        calibration.weight.copy_(torch.randn(3, 3, generator=generator))
        calibration.bias.copy_(torch.randn(3, generator=generator))
    return calibration


def test_each_position_and_sample_alone():
    outputs = torch.randn(4, 3, 2, 5, 6, generator=torch.Generator().manual_seed(0))
    calibration = a_dirichlet_map()
    mapped = calibration(outputs).detach()
    assert mapped.shape == outputs.shape
    for index in ((0, 0, 0, 0), (3, 1, 4, 5), (2, 1, 0, 3)):
        one = outputs[index[0], :, index[1], index[2], index[3]]
        expected = calibration.weight @ one.log_softmax(0) + calibration.bias
        found = mapped[index[0], :, index[1], index[2], index[3]]
        torch.testing.assert_close(found, expected.detach())


@pytest.mark.parametrize("kind", [TemperatureMap, lambda mode: DirichletMap(3, mode)])
def test_the_identity_until_it_is_fitted(kind):
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(kind("logits")(logits).softmax(1), logits.softmax(1))
    p = logits.softmax(1)
    torch.testing.assert_close(kind("probabilities")(p), p)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("make", [a_dirichlet_map, TemperatureMap])
def test_the_type_of_the_outputs_stays(make, dtype):
    outputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    mapped = make()(outputs.to(dtype))
    assert mapped.dtype == dtype
    torch.testing.assert_close(mapped.float(), make()(outputs), atol=0.1, rtol=0.05)


def test_logits_and_probabilities_of_one_model_agree():
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    by_logits = a_dirichlet_map("logits")(logits).softmax(1)
    torch.testing.assert_close(a_dirichlet_map("probabilities")(logits.softmax(1)), by_logits)
    calibration = TemperatureMap("probabilities")
    calibration.temperature.fill_(2.0)
    z = logits[:, :1]
    torch.testing.assert_close(calibration(z.sigmoid()), (z / 2).sigmoid())


def test_what_is_ruled_out_stays_finite():
    mapped = a_dirichlet_map()(torch.tensor([[0.0, -torch.inf, 1.0]]))
    assert bool(mapped.isfinite().all())
    assert bool(to_logits(torch.tensor([[0.0, 1.0]]), "probabilities").isfinite().all())
    assert bool(a_dirichlet_map()(torch.tensor([[0.0, torch.nan, 1.0]])).isnan().all())


def test_outputs_that_do_not_fit():
    with pytest.raises(InvalidTypeError, match=r"one output, a tensor .*, but got list"):
        DirichletMap(3)([torch.zeros(1, 3)])
    with pytest.raises(InvalidArgumentError, match=r"\[B, 3, ...\], but got shape \[1, 2\]"):
        DirichletMap(3)(torch.zeros(1, 2))
    with pytest.raises(InvalidArgumentError, match=r"\[B, C, ...\], but got shape \[4\]"):
        TemperatureMap()(torch.zeros(4))
    with pytest.raises(InvalidArgumentError, match="`mode` to be 'logits' or"):
        TemperatureMap("auto")
    with pytest.raises(NotImplementedError, match="must define `transform`"):
        CalibrationMap()(torch.zeros(1, 2))
