"""Joint posterior samples from end to end, against closed forms and against enumeration."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal import ModelWrapper
from baal.active.heuristics import BALD, BatchBALD
from baal.bayesian import consistent_dropout, dropout, weight_drop
from baal.bayesian.posterior import Posterior, PosteriorModule
from baal.bayesian.sampling import sample_posterior, samples_are_joint
from baal.bayesian.sampling.keyed import keyed_generator
from baal.ensemble import Ensemble
from baal.modelwrapper import TrainingArgs

# How many standard errors an estimate may be away: about one in 10^9.
Z = 6


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(1234)


class GaussianPosterior(Posterior):
    """A Gaussian over the weight of a linear layer, `mean [C * D]`, `covariance [C * D, C * D]`."""

    def __init__(self, mean, covariance, shape):
        self.mean, self.root, self.shape = mean, torch.linalg.cholesky(covariance), shape

    def sample(self, number):
        z = torch.from_numpy(keyed_generator(0, number).normal(size=len(self.mean)))
        return {"weight": (self.mean + self.root @ z).reshape(self.shape)}


class PerItem(nn.Module):
    """What samples that are not joint do: weights of the same law, drawn for each item alone."""

    def __init__(self, posterior):
        super().__init__()
        self.posterior = posterior

    def forward(self, x):
        z = torch.randn(len(x), len(self.posterior.mean), dtype=x.dtype)
        weights = self.posterior.mean + z @ self.posterior.root.T
        return torch.einsum("bcd,bd->bc", weights.reshape(-1, *self.posterior.shape), x)


def check_moments(samples, mean, covariance):
    """Mean and covariance of `[n, K]` against theirs, entry by entry."""
    k = samples.shape[1]
    variances = np.diag(covariance)
    z = (samples.mean(1) - mean) / np.sqrt(variances / k)
    assert np.abs(z).max() < Z
    found = np.cov(samples)
    error = np.sqrt((np.outer(variances, variances) + covariance**2) / k)
    assert np.abs((found - covariance) / error).max() < Z


@pytest.mark.parametrize("way", ["loop", "vmap", "auto"])
def test_a_linear_model_with_a_known_gaussian_posterior(way):
    """The posterior of a Bayesian regression: predictions are `X m`, with covariance `X S X^T`."""
    d, c, n, k = 4, 2, 5, 6000
    seen = torch.randn(12, d, dtype=torch.float64)
    noise, prior = 0.5, 1.0
    one = torch.linalg.inv(seen.T @ seen / noise**2 + torch.eye(d, dtype=torch.float64) / prior)
    # Two outputs whose weights are correlated too.
    covariance = torch.kron(
        torch.tensor([[1.0, 0.6], [0.6, 2.0]], dtype=torch.float64), one.contiguous()
    )
    mean = torch.randn(c * d, dtype=torch.float64)
    posterior = GaussianPosterior(mean, covariance, (c, d))
    net = nn.Linear(d, c, bias=False, dtype=torch.float64)
    model = PosteriorModule(net, posterior)
    x = torch.randn(n, d, dtype=torch.float64)
    samples = sample_posterior(model, x, k, way).reshape(n * c, k).numpy()
    # Predictions as one vector [n * c], of the weights as one [c * d].
    design = torch.einsum("nd,ce->nced", x, torch.eye(c).double()).reshape(n * c, c * d)
    check_moments(samples, (design @ mean).numpy(), (design @ covariance @ design.T).numpy())
    assert samples_are_joint(model)


def test_samples_that_are_not_joint_lose_the_covariance_across_items():
    d, n, k = 4, 5, 6000
    posterior = GaussianPosterior(
        torch.randn(d).double(), 0.3 * torch.eye(d).double() + 0.2, (1, d)
    )
    x = torch.randn(n, d).double() + 1
    model = PerItem(posterior)
    samples = sample_posterior(model, x, k)[:, 0].numpy()
    joint = (x @ (posterior.root @ posterior.root.T) @ x.T).numpy()
    assert not samples_are_joint(model)
    # Item by item nobody could tell; together they have nothing to do with each other.
    check_moments(samples, (x @ posterior.mean).numpy(), np.diag(np.diag(joint)))
    correlation = joint / np.sqrt(np.outer(np.diag(joint), np.diag(joint)))
    assert np.abs(correlation[np.triu_indices(n, 1)]).max() > 0.5


@pytest.mark.parametrize("kind", ["consistent", "connect", "plain"])
def test_dropout_before_a_linear_layer_in_closed_form(kind):
    """Cov(f_c(x), f_e(y)) = p / (1 - p) * sum_d w_cd w_ed x_d y_d, if both have the same masks."""
    p, n, c, k = 0.3, 4, 2, 8000
    net = nn.Sequential(nn.Dropout(p), nn.Linear(30, c, bias=False)).double().eval()
    x, w = torch.randn(n, 30).double(), net[1].weight.detach()
    if kind == "connect":
        weight_drop.patch_module(net, ["Linear"], p, seed=0)
    else:
        {"consistent": consistent_dropout, "plain": dropout}[kind].patch_module(net)
    samples = sample_posterior(net, x, k).reshape(n * c, k).numpy()
    products = torch.einsum("cd,ed,nd,md->ncme", w, w, x, x)
    same_item, same_output = torch.eye(n)[:, None, :, None], torch.eye(c)[None, :, None, :]
    # Each output has weights of its own to drop; and plain dropout has masks for each item.
    products = products * {"connect": same_output, "plain": same_item}.get(kind, 1.0)
    expected = (p / (1 - p) * products).reshape(n * c, n * c).numpy()
    check_moments(samples, (x @ w.T).flatten().numpy(), expected)
    assert samples_are_joint(net) is (kind != "plain")


def joint_information(probabilities, weights=None):
    """I(y_1 ... y_b; k) in nats of `[b, C, K]`, summed over all ways to label the batch."""
    b, c, k = probabilities.shape
    weights = np.full(k, 1 / k) if weights is None else weights
    entropy = 0.0
    for labels in product(range(c), repeat=b):
        together = np.prod([probabilities[i, label] for i, label in enumerate(labels)], axis=0)
        likely = float(together @ weights)
        entropy -= likely * np.log(likely)
    return entropy - float(-(probabilities * np.log(probabilities)).sum((0, 1)) @ weights)


class Classifier(nn.Module):
    """Eight hidden units and a dropout of one half: 256 posterior samples, all equally likely."""

    def __init__(self):
        super().__init__()
        self.hidden, self.drop, self.out = nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 3)
        # Samples that contradict one another.
        nn.init.normal_(self.out.weight, std=2)
        self.hidden.weight.data *= 2

    def forward(self, x):
        return self.out(self.drop(self.hidden(x).relu() + 0.3)).softmax(1)

    def all_samples(self, x):
        masks = torch.tensor(list(product([0.0, 2.0], repeat=8)), dtype=x.dtype)
        with torch.no_grad():
            hidden = (self.hidden(x).relu() + 0.3)[:, None] * masks
            return self.out(hidden).softmax(-1).permute(0, 2, 1).numpy()


def test_joint_information_against_exact_enumeration_and_the_harm_of_other_samples():
    net = Classifier().double().eval()
    items = torch.randn(3, 3).double()
    pool = items[[0, 1, 2, 0]]  # the last one is a duplicate of the first
    exact = net.all_samples(pool)
    consistent = consistent_dropout.patch_module(net, inplace=False, seed=0)
    plain = dropout.patch_module(net, inplace=False)
    k = 6000
    joint, apart = (sample_posterior(m, pool, k, "loop").numpy() for m in (consistent, plain))
    assert samples_are_joint(consistent) is True
    assert samples_are_joint(plain) is False
    assert np.array_equal(joint[0], joint[3])

    for batch in ([0], [1], [0, 1], [0, 3], [1, 2], [0, 1, 2], [0, 1, 3]):
        truth = joint_information(exact[batch])
        assert joint_information(joint[batch]) == pytest.approx(truth, abs=0.02)
        # Without joint samples, information simply adds up over the items.
        alone = sum(joint_information(exact[[i]]) for i in batch)
        assert joint_information(apart[batch]) == pytest.approx(alone, abs=0.03)

    single, pair = joint_information(exact[[0]]), joint_information(exact[[0, 3]])
    # A duplicate's label is worth far less than the first one's; samples that are not joint take
    # it for worth as much, and would buy it rather than another item.
    harm = joint_information(apart[[0, 3]]) - pair
    assert harm > 0.4 * pair
    gains = {i: joint_information(joint[[0, i]]) - single for i in (1, 2, 3)}
    assert gains[3] < 0.5 * min(gains[1], gains[2], single)
    assert joint_information(apart[[0, 3]]) - single == pytest.approx(single, abs=0.03)


def best_batch_by_enumeration(probabilities, size):
    """Greedy: items in order, and what each label teaches once those before it are known."""
    batch, gains, known = [], [], 0.0
    for _ in range(size):
        others = [i for i in range(len(probabilities)) if i not in batch]
        teaches = [joint_information(probabilities[[*batch, i]]) for i in others]
        gains.append(max(teaches) - known)
        known = max(teaches)
        batch.append(others[int(np.argmax(teaches))])
    return batch, gains


def test_batch_bald_on_joint_samples_and_what_it_buys_on_others():
    net = Classifier().double().eval()
    # An item that teaches much, three copies of it, and others.
    items = torch.randn(5, 3).double()
    best = int(np.argmax(BALD().get_uncertainties(net.all_samples(items))))
    pool = torch.cat([items[[best]].expand(4, 3), items])
    consistent = consistent_dropout.patch_module(net, inplace=False, seed=0)
    plain = dropout.patch_module(net, inplace=False)
    args = TrainingArgs(workers=0, use_cuda=False)
    joint, apart = (
        ModelWrapper(model, args).predict_on_dataset(TensorDataset(pool), 300, verbose=False)
        for model in (consistent, plain)
    )
    heuristic = BatchBALD(3, num_draw=1000)  # 27 configurations: all of them, exactly
    ranks, scores = heuristic.get_ranks(joint)
    batch, gains = best_batch_by_enumeration(joint, 3)
    assert ranks[:3].tolist() == batch
    np.testing.assert_allclose(scores[batch], gains, atol=1e-6)
    bought = heuristic.get_ranks(apart)[0][:3]
    # By samples that are not joint, a copy of the best is as good as the best.
    exact = net.all_samples(pool)
    copies = {0, 1, 2, 3, 4 + best}
    assert len(copies & set(bought.tolist())) > 1
    assert len(copies & set(batch)) <= 1
    assert joint_information(exact[bought]) < 0.8 * joint_information(exact[batch])


def a_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout2d(0.3), nn.Flatten(),
        nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3),
    )  # fmt: skip


class Sequences(nn.Module):
    """A recurrent network or a Transformer over `[B, T, 4]`, inside of which time may be first."""

    def __init__(self, body, batch_first):
        super().__init__()
        self.body, self.batch_first = body, batch_first
        self.drop, self.out = nn.Dropout(0.4), nn.Linear(4, 3)

    def forward(self, x):
        out = self.body(x if self.batch_first else x.transpose(0, 1))
        out = out[0] if isinstance(out, tuple) else out
        return self.out(self.drop(out[:, -1] if self.batch_first else out[-1]))


def an_lstm(batch_first):
    return Sequences(nn.LSTM(4, 4, 2, dropout=0.4, batch_first=batch_first), batch_first)


def a_transformer(batch_first):
    layer = nn.TransformerEncoderLayer(4, 2, 8, 0.3, batch_first=batch_first)
    return Sequences(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), batch_first)


NETS = {
    "cnn": (a_cnn, (7, 1, 6, 6)),
    "lstm": (lambda: an_lstm(True), (7, 5, 4)),
    "lstm, time first": (lambda: an_lstm(False), (7, 5, 4)),
    "transformer": (lambda: a_transformer(True), (7, 5, 4)),
    "transformer, time first": (lambda: a_transformer(False), (7, 5, 4)),
}


def sampler_of(kind, make):
    net = make().double().eval()
    if kind == "consistent":
        return consistent_dropout.patch_module(net, seed=3)
    if kind == "connect":
        return weight_drop.patch_module(net, ["Linear", "Conv2d", "LSTM"], 0.3, seed=3)
    return PosteriorModule(net, Ensemble([make().double().state_dict() for _ in range(6)]))


@pytest.mark.parametrize("kind", ["consistent", "connect", "ensemble"])
@pytest.mark.parametrize("name", NETS)
def test_a_sample_is_one_function_whatever_the_batches_and_the_way(kind, name):
    make, shape = NETS[name]
    x = torch.randn(shape, dtype=torch.float64)
    model = sampler_of(kind, make)
    ways = ["auto", "loop", "vmap"] + ["stack"] * (kind == "consistent")
    reference = None
    order = torch.randperm(len(x))
    for way in ways:
        for batch_size in (1, 3, 7):
            args = TrainingArgs(batch_size=batch_size, workers=0, use_cuda=False, sampling=way)
            wrapper = ModelWrapper(model, args)
            samples = wrapper.predict_on_dataset(TensorDataset(x), 6, verbose=False)
            assert wrapper.samples_are_joint
            reference = samples if reference is None else reference
            np.testing.assert_allclose(samples, reference, rtol=1e-6, atol=1e-9)
            shuffled = wrapper.predict_on_dataset(TensorDataset(x[order]), 6, verbose=False)
            np.testing.assert_allclose(shuffled, reference[order], rtol=1e-6, atol=1e-9)
    assert reference.shape == (7, 3, 6)
    assert reference.std(-1).min() > 0
