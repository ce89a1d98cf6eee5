"""A posterior of one's own, from the protocol to the loop."""

import copy
import inspect
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import TensorDataset

from baal import ActiveLearningDataset, ModelWrapper
from baal.active import ActiveLearningLoop
from baal.active.heuristics import BALD
from baal.bayesian import consistent_dropout
from baal.bayesian.posterior import Posterior, PosteriorModule, check_same_architecture
from baal.bayesian.sampling import engine, sample_posterior, samples_are_joint
from baal.bayesian.sampling.keyed import keyed_generator
from baal.ensemble import Ensemble
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.modelwrapper import TrainingArgs

WAYS = ["loop", "vmap", "auto"]


class GaussianWeights(Posterior):
    """A Gaussian over some of a model's weights, each on its own: all that a new one takes."""

    def __init__(self, module, names, scale, seed=0):
        self.means = {name: module.state_dict()[name] for name in names}
        self.scale, self.seed = scale, seed

    def sample(self, number):
        rng = keyed_generator(self.seed, number)
        return {
            name: mean + self.scale * torch.from_numpy(rng.normal(size=mean.shape)).to(mean)
            for name, mean in self.means.items()
        }


class Given(Posterior):
    """The samples that it is given, as a list."""

    def __init__(self, samples):
        self.samples, self.n_samples = samples, len(samples)

    def sample(self, number):
        return self.samples[number]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(1234)


def a_net():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)
    ).eval()


X = torch.linspace(-1, 1, 6 * 64).reshape(6, 1, 8, 8)


def by_hand(net, posterior, x, k):
    """Copies of the model with the weights of each sample loaded."""
    outputs = []
    for number in range(k):
        one = copy.deepcopy(net)
        one.load_state_dict(posterior.sample(number), strict=False)
        with torch.no_grad():
            outputs.append(one(x))
    return torch.stack(outputs, -1)


def test_a_new_posterior_in_under_30_lines_through_wrapper_heuristic_and_loop():
    assert len(inspect.getsource(GaussianWeights).splitlines()) < 30
    x = torch.randn(60, 4)
    data = ActiveLearningDataset(TensorDataset(x, (x[:, 0] > 0).long()), random_state=1)
    data.label_randomly(10)
    net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    model = PosteriorModule(net, GaussianWeights(net, ["2.weight", "2.bias"], scale=0.5))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    args = TrainingArgs(optimizer, 16, 30, False, 0, criterion=nn.CrossEntropyLoss())
    wrapper = ModelWrapper(model, args)
    wrapper.train_on_dataset(data)
    model.posterior = GaussianWeights(net, ["2.weight", "2.bias"], scale=0.5)
    predictions = wrapper.predict_on_dataset(data.pool, iterations=20, verbose=False)
    assert predictions.shape == (50, 2, 20)
    pool = torch.stack([data.pool[i][0] for i in range(50)])
    expected = by_hand(net, model.posterior, pool, 20).numpy()
    np.testing.assert_allclose(predictions, expected, rtol=1e-4, atol=1e-5)
    assert wrapper.samples_are_joint
    best = BALD()(predictions)[:5]
    loop = ActiveLearningLoop(
        data, wrapper.predict_on_dataset, BALD(), query_size=5, iterations=20, verbose=False
    )
    proposal = loop.query()
    assert proposal.pool_indices.tolist() == best.tolist()
    assert loop.step()
    assert len(data) == 15
    assert data.labelled[proposal.dataset_indices].all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("names", [["4.weight"], ["4.weight", "4.bias"], ["0.weight", "1.bias"]])
def test_sample_k_is_the_model_with_other_weights(way, names):
    net = a_net()
    model = PosteriorModule(net, GaussianWeights(net, names, 0.3))
    before = copy.deepcopy(net.state_dict())
    samples = sample_posterior(model, X, 7, way)
    torch.testing.assert_close(samples, by_hand(net, model.posterior, X, 7), rtol=1e-4, atol=1e-5)
    parts = [sample_posterior(model, part, 7, way) for part in X.split([1, 3, 2])]
    torch.testing.assert_close(torch.cat(parts), samples, rtol=1e-4, atol=1e-5)
    for k in (1, 3):
        torch.testing.assert_close(
            sample_posterior(model, X, k, way), samples[..., :k], rtol=1e-4, atol=1e-5
        )
    assert samples_are_joint(model)
    assert all(torch.equal(net.state_dict()[name], before[name]) for name in before)


class _Count(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.convolutions = self.products = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.__name__
        self.convolutions += "convolution" in name
        self.products += name in {"addmm.default", "bmm.default", "mm.default", "baddbmm.default"}
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("way", ["loop", "vmap", "chunked"])
def test_what_comes_before_the_first_differing_weight_is_computed_once(way, monkeypatch):
    net = a_net()
    model = PosteriorModule(net, GaussianWeights(net, ["4.weight", "4.bias"], 0.3))
    if way == "chunked":
        monkeypatch.setattr("baal.bayesian.sampling.plan.samples_at_once", lambda *_: 4)
    asked = "vmap" if way == "chunked" else way
    first = sample_posterior(model, X, 12, asked)
    with _Count() as count:
        second = sample_posterior(model, X, 12, asked)
    assert count.convolutions == 1
    assert count.products == {"loop": 12, "vmap": 1, "chunked": 3}[way]
    torch.testing.assert_close(first, second)
    assert engine._plans[model][asked].uses_prefix


def test_a_prefix_is_not_shared_where_the_first_layer_differs():
    net = a_net()
    model = PosteriorModule(net, GaussianWeights(net, ["0.weight"], 0.3))
    sample_posterior(model, X, 12, "loop")
    with _Count() as count:
        sample_posterior(model, X, 12, "loop")
    assert count.convolutions == 12


class _Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.outer.weight = self.inner.weight

    def forward(self, x):
        return self.outer(self.inner(x).tanh())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("names", [["inner"], ["outer"], ["inner", "outer"], ["outer", "inner"]])
def test_tied_weights_stay_tied(way, names):
    weights, x = torch.randn(5, 4, 4), torch.randn(3, 4)
    model = PosteriorModule(_Tied(), Given([{f"{n}.weight": w for n in names} for w in weights]))
    expected = torch.stack([(x @ w.T).tanh() @ w.T for w in weights], -1)
    torch.testing.assert_close(sample_posterior(model, x, 5, way), expected)


@pytest.mark.parametrize("way", WAYS)
def test_buffers_are_each_samples_own(way):
    net = nn.BatchNorm1d(3).eval()
    posterior = Given([{"running_mean": torch.full((3,), float(k))} for k in range(4)])
    x = torch.randn(5, 3)
    samples = sample_posterior(PosteriorModule(net, posterior), x, 4, way)
    expected = torch.stack([(x - k) / (1 + net.eps) ** 0.5 for k in range(4)], -1)
    torch.testing.assert_close(samples, expected)
    assert torch.equal(net.running_mean, torch.zeros(3))


@pytest.mark.parametrize("way", WAYS)
def test_recurrent_weights(way):
    class LastStep(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(3, 4, 2, batch_first=True)

        def forward(self, x):
            return self.rnn(x)[0][:, -1]

    net, x = LastStep(), torch.randn(4, 6, 3)
    names = ["rnn.weight_hh_l0", "rnn.bias_ih_l1"]
    model = PosteriorModule(net, GaussianWeights(net, names, 0.5))
    expected = by_hand(net, model.posterior, x, 5)
    torch.testing.assert_close(sample_posterior(model, x, 5, way), expected)


@pytest.mark.parametrize("way", WAYS)
def test_inside_of_a_bigger_model_and_beside_consistent_dropout(way):
    class Bigger(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.drop = nn.Linear(4, 64), nn.Dropout(0.5)
            head = nn.Linear(64, 2)
            self.head = PosteriorModule(head, GaussianWeights(head, ["weight"], 0.5, seed=3))

        def forward(self, x):
            return {"out": self.head(self.drop(self.body(x)))}

    net, x = consistent_dropout.patch_module(Bigger().eval(), seed=5), torch.randn(6, 4)
    samples = sample_posterior(net, x, 9, way)["out"]
    assert samples_are_joint(net)
    again = torch.cat([sample_posterior(net, part, 9, "loop")["out"] for part in x.split(2)])
    torch.testing.assert_close(samples, again)
    # The masks that it has without a posterior, and the weights that it has without dropout.
    hidden = sample_posterior(nn.Sequential(net.body, net.drop), x, 9)
    weights = torch.stack([net.head.posterior.sample(k)["weight"] for k in range(9)])
    expected = torch.einsum("nhk,kch->nck", hidden, weights) + net.head.module.bias[:, None]
    torch.testing.assert_close(samples, expected, rtol=1e-4, atol=1e-5)


def test_called_by_hand_it_is_the_model_and_trains():
    net = a_net()
    model = PosteriorModule(net, GaussianWeights(net, ["4.weight"], 0.3))
    assert torch.equal(model(X), net(X))
    assert list(model.state_dict()) == list(net.state_dict())
    model(X).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    duplicate = copy.deepcopy(model)
    assert torch.equal(sample_posterior(duplicate, X, 4), sample_posterior(model, X, 4))
    assert duplicate.posterior is not model.posterior


def test_a_posterior_that_is_a_module_is_no_part_of_the_model():
    class Learned(nn.Module, Posterior):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def sample(self, number):
            return {"bias": self.scale * torch.full((2,), float(number))}

    model = PosteriorModule(nn.Linear(3, 2), Learned())
    assert sorted(name for name, _ in model.named_parameters()) == ["module.bias", "module.weight"]
    samples = sample_posterior(model, torch.zeros(1, 3), 3)
    assert samples[0, 0].tolist() == [0, 1, 2]
    assert not samples.requires_grad
    pickled = pickle.loads(pickle.dumps(PosteriorModule(nn.Linear(1, 1), Given([]))))
    assert pickled.posterior.n_samples == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([{"nothing": torch.ones(2)}] * 3, r"unknown ones \['nothing'\]"),
        ([{"bias": torch.ones(3)}] * 3, r"'bias' to have the shape \[2\].*got \[3\]"),
        ([{"bias": torch.ones(2)}], "at most 1 samples of Given, but got `iterations` ="),
        ([{"bias": torch.ones(2)}] * 2, "at most 2 samples"),
        ([], "at most 0 samples"),
    ],
)
def test_samples_that_do_not_fit(way, samples, message):
    model = PosteriorModule(nn.Linear(3, 2), Given(samples))
    with pytest.raises(InvalidArgumentError, match=message):
        sample_posterior(model, torch.ones(4, 3), 3, way)
    if len(samples) in {1, 2}:  # and as many as there are may still be asked for
        assert sample_posterior(PosteriorModule(nn.Linear(3, 2), Given(samples)), torch.ones(4, 3),
                                1, way).shape == (4, 2, 1)  # fmt: skip


def test_samples_that_name_different_things():
    values = {"bias": torch.ones(2)}, {"weight": torch.ones(2, 3)}
    model = PosteriorModule(nn.Linear(3, 2), Given([values[0], values[0], values[1]]))
    with pytest.raises(InvalidArgumentError, match=r"unknown ones \['weight'\].*\['bias'\]"):
        sample_posterior(model, torch.ones(4, 3), 3, "vmap")


def test_a_single_sample_beside_dropout():
    """Planning looks at two samples, where there may be but one."""
    net = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5))
    consistent_dropout.patch_module(net, seed=0).eval()
    model = PosteriorModule(net, Given([{"0.bias": torch.ones(8)}]))
    assert sample_posterior(model, torch.ones(4, 3), 1).shape == (4, 8, 1)
    with pytest.raises(InvalidArgumentError, match="at most 1 samples"):
        sample_posterior(model, torch.ones(4, 3), 2)


def test_no_posterior():
    for wrong in (None, Posterior, object(), nn.Linear(1, 1)):
        with pytest.raises(InvalidTypeError, match="Expected `posterior` to be a Posterior"):
            PosteriorModule(nn.Linear(1, 1), wrong)
    model = PosteriorModule(nn.Linear(1, 1), Posterior())
    with pytest.raises(NotImplementedError, match="Posterior must define `sample`"):
        sample_posterior(model, torch.ones(1, 1), 2)
    model = PosteriorModule(nn.Linear(1, 1), Given([{"bias": torch.zeros(1)}] * 3))
    with pytest.raises(StateError, match="another way than 'stack'"):
        sample_posterior(model, torch.ones(1, 1), 2, "stack")


@pytest.mark.parametrize("source", ["torch", "numpy"])
def test_one_that_draws_anew_each_time_is_not_joint(source):
    class Forgetful(Posterior):
        def sample(self, number):
            drawn = torch.randn(2) if source == "torch" else torch.from_numpy(np.random.randn(2))
            return {"bias": drawn.float()}

    model = PosteriorModule(nn.Linear(3, 2), Forgetful())
    samples = sample_posterior(model, torch.ones(4, 3), 5)
    assert samples.std(-1).min() > 0
    assert samples_are_joint(model) is False


def test_one_that_takes_its_values_as_another_type():
    net = nn.Linear(3, 2).double()
    values = [{"bias": torch.full((2,), k, dtype=torch.int64)} for k in range(4)]
    samples = sample_posterior(PosteriorModule(net, Given(values)), torch.zeros(1, 3).double(), 4)
    assert samples.dtype == torch.float64
    assert samples[0, 1].tolist() == [0, 1, 2, 3]


def test_identical_samples_are_warned_of():
    model = PosteriorModule(nn.Linear(3, 2), Ensemble([nn.Linear(3, 2).state_dict()] * 4))
    with pytest.warns(UserWarning, match="identical"):
        sample_posterior(model, torch.ones(4, 3), 4)


def test_the_whole_architecture():
    own = nn.Linear(3, 2).state_dict()
    check_same_architecture(own, {"bias": torch.ones(2)})
    with pytest.raises(InvalidArgumentError, match=r"missing ones \['weight'\]"):
        check_same_architecture(own, {"bias": torch.ones(2)}, whole=True)


def test_a_mean_before_samples_that_are_drawn_anew_is_not_joint():
    class MeanFirst(Posterior):
        def __init__(self):
            self.rng = np.random.default_rng(0)

        def sample(self, number):
            drawn = self.rng.normal(size=2)
            return {"bias": torch.from_numpy(drawn if number else drawn * 0).float()}

    model = PosteriorModule(nn.Linear(3, 2), MeanFirst())
    sample_posterior(model, torch.ones(4, 3), 5)
    assert samples_are_joint(model) is False


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [(20, 2), ()])
def test_tables_of_another_number_of_samples(way, shape):
    class AllAtOnce(Posterior):
        def stacked(self, numbers):
            return {"bias": torch.randn(shape)}

    model = PosteriorModule(nn.Linear(3, 2), AllAtOnce())
    with pytest.raises(InvalidArgumentError, match=r"AllAtOnce to give 'bias' for . sample"):
        sample_posterior(model, torch.ones(4, 3), 5, way)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bias": np.ones(2)}, "'bias' to be a tensor, but got ndarray"),
        (None, "mapping of tensors by name, but got NoneType"),
        ([torch.ones(2)], "mapping of tensors by name, but got list"),
    ],
)
def test_values_that_are_no_tensors(values, message):
    class AllAtOnce(Given):
        def stacked(self, numbers):
            return values

    for posterior in (Given([values] * 3), AllAtOnce([values] * 3)):
        model = PosteriorModule(nn.Linear(3, 2), posterior)
        with pytest.raises(InvalidTypeError, match=message):
            sample_posterior(model, torch.ones(4, 3), 3)
