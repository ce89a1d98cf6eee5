import numpy as np
import pytest
import torch
from torch import nn

from baal.active.dataset import ActiveNumpyArray
from baal.active.heuristics import BALD
from baal.bayesian.consistent_dropout import ConsistentDropout
from baal.bayesian.consistent_dropout import patch_module as patch_consistently
from baal.bayesian.dropout import Dropout
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.estimator_samples import members_of, posterior_samples
from baal.experiments.skorch_samples import is_net, is_stochastic

skorch = pytest.importorskip("skorch")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)


class Net(nn.Module):
    def __init__(self, drop=Dropout, outputs=3, softmax=False):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), drop(0.4), nn.Linear(16, outputs))
        self.softmax = softmax

    def forward(self, x):
        logits = self.layers(x)
        return logits.softmax(dim=-1) if self.softmax else logits


def classifier(**kwargs):
    settings = {"criterion": nn.CrossEntropyLoss, "max_epochs": 2, "train_split": None}
    settings |= {"module": Net, "verbose": 0, "lr": 0.1}
    return skorch.NeuralNetClassifier(**settings | kwargs)


def test_a_net_without_dropout_kept_on_is_one_sample():
    torch.manual_seed(0)
    net = classifier(module__drop=nn.Dropout).fit(X, Y)
    assert is_net(net)
    assert not is_stochastic(net.module_)
    samples = posterior_samples(net, X)
    assert np.array_equal(samples[..., 0], net.predict_proba(X))
    assert samples.shape == (40, 3, 1)


@pytest.mark.parametrize("softmax", [True, False])
def test_mc_dropout_gives_samples_behind_the_nets_own_nonlinearity(softmax):
    torch.manual_seed(0)
    criterion = nn.NLLLoss if softmax else nn.CrossEntropyLoss
    net = classifier(criterion=criterion, module__softmax=softmax, batch_size=16).fit(X, Y)
    samples = posterior_samples(net, X, iterations=300)
    assert samples.shape == (40, 3, 300)
    assert np.allclose(samples.sum(axis=1), 1, atol=1e-5)
    # As many passes of skorch's own, which drop as well: the same mean, up to chance.
    passes = np.stack([net.predict_proba(X) for _ in range(300)], axis=-1)
    error = np.sqrt((samples.var(axis=-1) + passes.var(axis=-1)) / 300)
    difference = np.abs(samples.mean(axis=-1) - passes.mean(axis=-1))
    assert (difference < 5 * error + 1e-6).all()
    assert np.allclose(samples.std(axis=-1), passes.std(axis=-1), atol=0.05)
    assert members_of(net, X, 5).are_joint is False
    assert posterior_samples(net, X).shape == (40, 3, 20)


def test_consistent_dropout_gives_joint_samples():
    torch.manual_seed(0)
    net = classifier(module=patch_consistently(Net(nn.Dropout), inplace=False)).fit(X, Y)
    assert any(isinstance(layer, ConsistentDropout) for layer in net.module_.modules())
    members = members_of(net, X, 5)
    assert members.are_joint is True
    # Sample k is one function: other items beside it change nothing.
    assert np.allclose(members_of(net, X[::2], 5).values, members.values[::2], atol=1e-6)


def test_columns_are_classes_though_some_were_not_seen():
    torch.manual_seed(0)
    net = classifier().fit(X[Y < 2], Y[Y < 2])
    assert len(net.classes_) == 2
    assert posterior_samples(net, X, classes=[0, 1, 2], iterations=2).shape == (40, 3, 2)


def test_a_regressor():
    torch.manual_seed(0)
    net = skorch.NeuralNetRegressor(
        Net, module__outputs=1, max_epochs=1, train_split=None, verbose=0
    )
    net.fit(X, X[:, :1])
    samples = posterior_samples(net, X, iterations=6)
    assert samples.shape == (40, 1, 6)
    assert (samples.std(axis=-1) > 0).any()
    plain = net.set_params(module__drop=nn.Dropout).fit(X, X[:, :1])
    assert np.array_equal(posterior_samples(plain, X)[..., 0], plain.predict(X))


def build(**options):
    torch.manual_seed(0)
    dataset = ActiveNumpyArray((X[:30], Y[:30]), random_state=1)
    dataset.label_randomly(8)
    return ActiveLearningExperiment(
        classifier(), dataset, (X[30:], Y[30:]), BALD(), query_size=8, iterations=5,
        verbose=False, **options,
    )  # fmt: skip


def test_an_experiment_resumes_exactly(tmp_path):
    expected = build().start()
    assert [row["n_labelled"] for row in expected] == [8, 16, 24, 30]
    assert not any(row["collapsed"] for row in expected[:3])

    def stop(record):
        if record["round"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(folder=tmp_path / "run", callbacks=[stop]).start()
    records = build(folder=tmp_path / "run").start()
    for row in expected + records:
        del row["seconds"]
    assert records == expected
