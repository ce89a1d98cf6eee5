"""The laws that samples obey, by each way of drawing them."""

import functools

import pytest
import torch
from scipy import stats
from torch import nn

from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import sample_posterior
from baal.bayesian.sampling.ways import by_loop, by_stack, by_vmap, join_samples
from baal.exceptions import StateError

WAYS = ["vmap", "stack", "loop", "auto"]
LAYERS = {  # input shapes of 10 items and 40 units
    "Dropout": (10, 40),
    "Dropout1d": (10, 40, 2),
    "Dropout2d": (10, 40, 2, 1),
    "Dropout3d": (10, 40, 1, 2, 1),
    "AlphaDropout": (10, 40),
    "FeatureAlphaDropout": (10, 40, 2),
}
P, K = 0.3, 60
ALPHA = 1e-6
Z = 5.0  # of a normal law, two-sided, below ALPHA


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(20)


@functools.cache
def masks(name, way):
    """Which units were dropped: `[items, units, K]`; whole channels go together."""
    torch.manual_seed(21)
    net = nn.Sequential(getattr(nn, name)(P))
    out = sample_posterior(patch_module(net).eval(), torch.full(LAYERS[name], 2.0), K, way)
    kept = out.flatten().mode().values
    dropped = (out != kept).reshape(10, 40, -1, K)
    assert torch.equal(dropped.all(2), dropped.any(2))
    return dropped[:, :, 0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LAYERS)
def test_frequencies_against_the_binomial_law(name, way):
    dropped = masks(name, way)
    assert stats.binomtest(int(dropped.sum()), dropped.numel(), P).pvalue > ALPHA
    # Counts of each item, each unit and each sample follow the law as well: chi-squared.
    for axes in ((1, 2), (0, 2), (0, 1)):
        counts = dropped.sum(axes).double()
        n = dropped.numel() / len(counts)
        chi2 = float(((counts - n * P) ** 2 / (n * P * (1 - P))).sum())
        assert ALPHA < stats.chi2.cdf(chi2, len(counts)) < 1 - ALPHA


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LAYERS)
def test_samples_items_and_units_are_independent(name, way):
    """Every pair agrees as often as independent ones do; identical ones would agree always."""
    dropped = masks(name, way)
    agree = P**2 + (1 - P) ** 2
    for axis in range(3):
        rows = dropped.movedim(axis, 0).flatten(1).double()
        n_pairs = len(rows) * (len(rows) - 1) / 2
        n = rows.shape[1]
        rates = (rows @ rows.T + (1 - rows) @ (1 - rows).T) / n
        pairs = rates[tuple(torch.triu_indices(len(rows), len(rows), 1))]
        least = stats.binom.ppf(ALPHA / n_pairs, n, agree) / n
        most = stats.binom.isf(ALPHA / n_pairs, n, agree) / n
        assert float(pairs.min()) >= least
        assert float(pairs.max()) <= most


@pytest.mark.parametrize("way", WAYS)
def test_mean_and_variance_of_a_linear_layer_in_closed_form(way):
    """y = sum_i w_i x_i m_i / (1 - p): mean w.x, variance p/(1-p) sum_i (w_i x_i)^2."""
    p, n_items, k = 0.4, 100, 400
    n = n_items * k
    w = torch.tensor([1.0, -2.0, 0.5, 3.0])
    x = torch.tensor([[0.5, 1.0, 2.0, -1.0], [3.0, 0.2, -1.0, 1.0]])
    net = nn.Sequential(nn.Dropout(p), nn.Linear(4, 1, bias=False))
    net[1].weight.data = w[None]
    samples = sample_posterior(patch_module(net).eval(), x.repeat(n_items, 1), k, way).double()
    for item in range(2):
        y = samples[item::2].flatten()
        terms = ((w * x[item]) ** 2).double()
        variance = p / (1 - p) * float(terms.sum())
        # Fourth cumulant of a centred, scaled Bernoulli variable; cumulants add up.
        kappa4 = float((terms**2).sum()) * p * (1 - p) * (1 - 6 * p * (1 - p)) / (1 - p) ** 4
        deviation = (kappa4 / n + 2 * variance**2 / (n - 1)) ** 0.5
        assert abs(float(y.mean()) - float(w @ x[item])) < Z * (variance / n) ** 0.5
        assert abs(float(y.var()) - variance) < Z * deviation


@pytest.mark.parametrize("way", WAYS)
def test_alpha_dropout_has_its_two_values(way):
    """Klambauer et al. 2017, eq. 6: a (x m + alpha' (1 - m)) + b, with mean 0 and variance 1 kept.

    https://arxiv.org/abs/1706.02515
    """
    p, alpha = 0.2, -1.7580993408473766
    a = ((1 - p) * (1 + p * alpha**2)) ** -0.5
    b = -a * alpha * p
    x = torch.tensor([-1.0, 0.5]).repeat(200, 1)
    samples = sample_posterior(patch_module(nn.AlphaDropout(p)).eval(), x, 200, way)
    for unit, value in enumerate((-1.0, 0.5)):
        kept, gone = a * value + b, a * alpha + b
        found = samples[:, unit].flatten()
        is_kept = (found - kept).abs() < 1e-5
        assert bool((is_kept | ((found - gone).abs() < 1e-5)).all())
        assert stats.binomtest(int(is_kept.sum()), len(is_kept), 1 - p).pvalue > ALPHA


@pytest.mark.parametrize("way", WAYS)
def test_two_layers_of_dropout_are_independent_and_a_shared_one_draws_twice(way):
    class Twice(nn.Module):
        def __init__(self, shared):
            super().__init__()
            self.first = nn.Dropout(P)
            self.second = self.first if shared else nn.Dropout(P)

        def forward(self, x):
            return torch.stack([self.first(x), self.second(x)], dim=1)

    for shared in (True, False):
        net = patch_module(Twice(shared)).eval()
        out = sample_posterior(net, torch.ones(10, 40), K, way) == 0
        both = out[:, 0] & out[:, 1]
        assert stats.binomtest(int(both.sum()), both.numel(), P**2).pvalue > ALPHA


@pytest.mark.parametrize("inplace", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_dropout_in_place(way, inplace):
    """A bare root layer too; the caller's batch is not the model's to change."""
    layer = patch_module(nn.Dropout(P, inplace=inplace)).eval()
    net = nn.Sequential(nn.Linear(40, 40), layer) if inplace else layer
    x = torch.ones(10, 40)
    if inplace:
        nn.init.eye_(net[0].weight)
        nn.init.zeros_(net[0].bias)
    dropped = sample_posterior(net, x, K, way) == 0
    assert stats.binomtest(int(dropped.sum()), dropped.numel(), P).pvalue > ALPHA
    assert torch.equal(x, torch.ones(10, 40))
    assert layer.inplace is inplace


def test_the_loop_is_a_loop_and_the_stack_is_a_stack():
    """Bit for bit what a person would have written."""
    net = patch_module(nn.Sequential(nn.Linear(4, 6), nn.Dropout(P), nn.Linear(6, 3))).eval()
    x = torch.randn(5, 4)
    with torch.no_grad():
        torch.manual_seed(3)
        wanted = torch.stack([net(x) for _ in range(4)], dim=-1)
        torch.manual_seed(3)
        assert torch.equal(by_loop(net, x, 4), wanted)
        torch.manual_seed(3)
        wanted = net(x.repeat(4, 1)).reshape(4, 5, 3).permute(1, 2, 0)
        torch.manual_seed(3)
        assert torch.equal(by_stack(net, x, 4), wanted)


def test_vmap_computes_what_is_common_once():
    shapes = []

    class Watch(nn.Module):
        def forward(self, x):
            batched = torch._C._functorch.is_batchedtensor(x)
            shapes.append((tuple(x.shape), batched))
            return x

    net = nn.Sequential(Watch(), nn.Dropout(0.5), Watch())
    by_vmap(patch_module(net).eval(), torch.ones(2, 3), 7)
    assert shapes == [((2, 3), False), ((2, 3), True)]


@pytest.mark.parametrize("output", [lambda x: x.sum(), lambda x: x.repeat(2, 1), lambda x: x[:1]])
def test_stacking_refuses_outputs_that_are_not_one_for_each_item(output):
    with pytest.raises(StateError, match=r"Expected the model's outputs to have 2 items .*got"):
        by_stack(Lambda(output), torch.ones(2, 3), 4)


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def test_joining_chunks_keeps_their_order_and_structure():
    chunks = [{"a": torch.zeros(2, 3, n) + n, "b": (torch.ones(n) * n,)} for n in (2, 1)]
    joined = join_samples(chunks)
    assert joined["a"][0, 0].tolist() == [2.0, 2.0, 1.0]
    assert joined["b"][0].tolist() == [2.0, 2.0, 1.0]
    assert join_samples(chunks[:1]) is chunks[0]


@pytest.mark.parametrize("way", ["vmap", "loop", "auto"])
def test_an_output_without_items(way):
    """A number for the whole batch, such as a loss: stacking cannot give it for each sample."""
    torch.manual_seed(32)
    net = patch_module(nn.Sequential(nn.Dropout(0.5), Sum())).eval()
    out = sample_posterior(net, torch.ones(2, 16), 50, way)
    assert out.shape == (50,)
    assert len(out.unique()) > 5
    assert set((out / 2).tolist()) <= set(range(33))


class Sum(nn.Module):
    def forward(self, x):
        return x.sum()


@pytest.mark.parametrize("way", ["vmap", "loop", "auto"])
def test_items_that_meet_others_of_their_batch_do_not_meet_those_of_other_samples(way):
    """Centred over a batch of two, ±(m_1 - m_2) / 2: half the variance p / (1 - p) of one mask."""

    class Centred(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            y = self.drop(x)
            return y - y.mean(0)

    samples = sample_posterior(patch_module(Centred()).eval(), torch.ones(2, 50), 200, way)
    assert samples[0].abs().unique().tolist() == [0.0, 1.0]
    n_zeros = int((samples[0] == 0).sum())
    assert stats.binomtest(n_zeros, samples[0].numel(), 0.5).pvalue > ALPHA
