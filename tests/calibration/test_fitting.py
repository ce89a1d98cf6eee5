import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, logsumexp

from baal.calibration import (
    DirichletMap,
    fit_dirichlet,
    fit_temperature,
    negative_log_likelihood,
)
from baal.calibration.fitting import Descent
from baal.calibration.held_out import HeldOut
from baal.exceptions import InvalidArgumentError


def draw(n=2000, n_classes=4, samples=1, seed=0, scale=2.0):
    """Logits, and targets drawn from their predictive distribution: calibrated by construction."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, n_classes, 1)) * scale
    z = shared + (rng.normal(size=(n, n_classes, samples)) if samples > 1 else 0)
    p = np.exp(log_softmax(z, axis=1)).mean(-1)
    y = (p.cumsum(1) < rng.random((n, 1))).sum(1).clip(max=n_classes - 1)
    return torch.tensor(z), torch.tensor(y)


def loss_by_scipy(z, y, t):
    log_p = logsumexp(log_softmax(z.numpy() / t, axis=1), axis=-1) - np.log(z.shape[-1])
    return -log_p[np.arange(len(y)), y.numpy()].mean()


@pytest.mark.parametrize("samples", [1, 8])
@pytest.mark.parametrize("scale", [0.2, 1.0, 5.0])
def test_the_temperature_is_scipys(scale, samples):
    z, y = draw(n=300, samples=samples)
    z = z * scale
    found = minimize_scalar(
        lambda s: loss_by_scipy(z, y, np.exp(s)), bounds=(-4.6, 4.6), method="bounded",
        options={"xatol": 1e-10},
    )  # fmt: skip
    assert fit_temperature(z, y) == pytest.approx(np.exp(found.x), rel=1e-5)


def test_a_known_temperature_comes_back():
    z, y = draw(n=20_000)
    own = fit_temperature(z, y)
    assert own == pytest.approx(1, abs=0.05)  # nothing to calibrate but chance
    for t in (0.1, 3.0, 7.5):
        assert fit_temperature(t * z, y) == pytest.approx(t * own, rel=1e-7)


def test_exact_frequencies_give_the_exact_temperature():
    # Three of four items of class 0: p = (3/4, 1/4) is right, and the logits say it too loudly.
    z = 2.5 * torch.tensor([3.0, 1.0]).log().expand(4, 2)
    y = torch.tensor([0, 0, 1, 0])
    assert fit_temperature(z[..., None], y) == pytest.approx(2.5, rel=1e-6)
    single = (z[:, 1:] - z[:, :1])[..., None]  # log-odds of class 1
    assert fit_temperature(single, y) == pytest.approx(2.5, rel=1e-6)
    assert fit_temperature(single, y.float()[:, None]) == pytest.approx(2.5, rel=1e-6)


def test_the_temperature_at_its_bounds():
    right = torch.tensor([[5.0, 0.0], [0.0, 5.0]])[..., None]
    # There the loss is 0 within rounding, and cannot fall any more.
    assert 0.01 <= fit_temperature(right, torch.tensor([0, 1])) < 0.2
    nearly = torch.tensor([[1e-2, 0.0], [0.0, 1e-2]])[..., None]
    assert fit_temperature(nearly, torch.tensor([0, 1])) == pytest.approx(0.01)
    assert fit_temperature(right, torch.tensor([1, 0])) == pytest.approx(100)
    assert fit_temperature(torch.zeros(2, 2, 1), torch.tensor([0, 1])) == 1


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([1, 3]), st.floats(0.05, 20))
def test_a_temperature_never_makes_targets_less_likely(seed, samples, scale):
    z, _ = draw(n=12, n_classes=3, samples=samples, seed=seed)
    y = torch.tensor(np.random.default_rng(seed).integers(3, size=12))
    z = z * scale
    t = fit_temperature(z, y)
    assert negative_log_likelihood(z / t, y) <= negative_log_likelihood(z, y) + 1e-12
    assert fit_temperature(z, y) == t


def test_pixels_are_positions_like_any_other():
    z, y = draw(n=60, n_classes=3)
    by_item = fit_temperature(2 * z, y)
    maps = (2 * z).reshape(10, 6, 3, 1).movedim(2, 1)[:, :, :, None]  # [10, 3, 6, 1, 1]
    assert fit_temperature(maps, y.reshape(10, 6, 1)) == pytest.approx(by_item, rel=1e-9)
    ignored = torch.cat([y, torch.full((5,), -100)])
    more = torch.cat([2 * z, 50 * torch.ones(5, 3, 1)])
    assert fit_temperature(more, ignored) == pytest.approx(by_item, rel=1e-9)


def miscalibrated(z, weight, bias):
    """Logits whose calibrated version behind the map (weight, bias) is z: its inverse, applied."""
    log_p = torch.linalg.solve(weight, (z[..., 0] - bias).T).T
    return log_p[..., None]


WEIGHT = torch.tensor([[1.5, 0.3, -0.2], [0.1, 0.7, 0.2], [-0.3, 0.2, 1.1]], dtype=torch.double)
BIAS = torch.tensor([0.5, -0.4, 0.2], dtype=torch.double)


def test_a_known_dirichlet_map_comes_back():
    z, y = draw(n=8000, n_classes=3)
    # Log-probabilities are what the map takes, up to a constant that its answer must not depend on.
    seen = miscalibrated(z, WEIGHT, BIAS)
    constant = seen.logsumexp(1, keepdim=True)
    true = (seen - constant)[..., 0] @ WEIGHT.T + BIAS  # of the map, applied to those
    rng = np.random.default_rng(3)
    y = torch.tensor((true.softmax(1).cumsum(1).numpy() < rng.random((8000, 1))).sum(1).clip(max=2))
    calibration, history = fit_dirichlet(
        seen.float(), y, reg_factor=0.0, lr=0.02, epochs=40, batch_size=512
    )
    with torch.no_grad():
        found = calibration(seen[..., 0])
    before = (true.softmax(1) - seen[..., 0].softmax(1)).abs().mean()
    after = (true.softmax(1) - found.softmax(1)).abs().mean()
    assert after < 0.01 < 0.08 < before
    best = min(epoch["test_loss"] for epoch in history)
    assert best == pytest.approx(loss_by_scipy(true[..., None], y, 1.0), abs=2e-3)


def test_the_dirichlet_map_is_scipys():
    z, y = draw(n=400, n_classes=3)
    z = 3 * z
    log_p = log_softmax(z[..., 0].numpy(), axis=1)

    def objective(theta):
        w, b = theta[:9].reshape(3, 3), theta[9:]
        fit = -log_softmax(log_p @ w.T + b, axis=1)[np.arange(400), y.numpy()].mean()
        off = (w**2).sum() - (np.diag(w) ** 2).sum()
        return fit + 0.2 * off / 6 + 0.5 * (b**2).mean()

    start = np.concatenate([np.eye(3).ravel(), np.zeros(3)])
    best = minimize(objective, start, method="BFGS", options={"gtol": 1e-7})
    calibration, _ = fit_dirichlet(
        z.float(), y, reg_factor=0.2, mu=0.5, lr=0.02, epochs=1000, batch_size=400
    )
    theta = torch.cat([calibration.weight.flatten(), calibration.bias]).detach().numpy()
    assert objective(theta) == pytest.approx(best.fun, abs=1e-5)
    off = ~np.eye(3, dtype=bool).ravel()
    np.testing.assert_allclose(theta[9:], best.x[9:], atol=0.005)
    np.testing.assert_allclose(theta[:9][off], best.x[:9][off], atol=0.01)


def test_penalties_hold_what_they_are_for():
    z, y = draw(n=300, n_classes=3)
    z = (4 * z).float()
    weights, _ = fit_dirichlet(z, y, reg_factor=1e4, mu=0.0, epochs=60, lr=0.02)
    off = weights.weight - weights.weight.diag().diag()
    assert off.abs().max() < 0.03
    assert weights.bias.abs().max() > 0.005  # mu = 0 is no penalty, rather than that of the weights
    assert (weights.weight.diag() - 1).abs().min() > 0.3
    both, _ = fit_dirichlet(z, y, reg_factor=1e4, epochs=60, lr=0.02)
    assert both.bias.abs().max() < 0.03


def test_the_same_each_time_and_never_worse():
    z, y = draw(n=50, n_classes=3, samples=4)
    runs = [
        fit_dirichlet(z.float(), y, reg_factor=0.1, epochs=5, batch_size=7, seed=s) for s in (1, 1)
    ]
    (a, history), (b, again) = runs
    assert torch.equal(a.weight, b.weight)
    assert history == again
    other, _ = fit_dirichlet(z.float(), y, reg_factor=0.1, epochs=5, batch_size=7, seed=2)
    assert not torch.equal(a.weight, other.weight)
    # A learning rate that throws it about: the identity is among those to choose from.
    wild, history = fit_dirichlet(z.float(), y, reg_factor=0.0, lr=500.0, epochs=3)
    assert min(epoch["test_loss"] for epoch in history) > loss_by_scipy(z, y, 1.0)
    assert torch.equal(wild.weight, torch.eye(3))


def test_patience_and_the_last_weights():
    z, y = draw(n=50, n_classes=3)
    data = HeldOut(z.float(), y)

    def epochs(**options):
        calibration = DirichletMap(3)
        descent = Descent(calibration, lambda: torch.zeros(()), **options)
        history = descent.run(data, data, lr=500.0, epochs=9, batch_size=50, seed=0)
        return len(history), calibration

    assert epochs()[0] == 9
    assert epochs(patience=2)[0] == 2
    assert epochs(patience=2, min_epoch_for_es=5)[0] == 5
    assert not torch.equal(epochs(return_best_weights=False)[1].weight, torch.eye(3))


def test_batches_in_which_nothing_counts():
    z, y = draw(n=4, n_classes=3)
    y[:2] = -100
    _, history = fit_dirichlet(z.float(), y, reg_factor=0.1, epochs=3, batch_size=1)
    assert all(np.isfinite(list(epoch.values())).all() for epoch in history)


def test_factors_below_zero():
    z, y = draw(n=4)
    for name, factors in (
        ("reg_factor", {"reg_factor": -1.0}),
        ("mu", {"reg_factor": 0, "mu": -1}),
    ):
        with pytest.raises(InvalidArgumentError, match=f"`{name}` to be at least 0, but got -1"):
            fit_dirichlet(z, y, **factors)
