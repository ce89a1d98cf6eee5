import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn
from torch.utils.data import Dataset

from baal.active.dataset import ActiveNumpyArray
from baal.active.heuristics import BALD
from baal.bayesian.consistent_dropout import ConsistentDropout
from baal.bayesian.consistent_dropout import patch_module as patch_consistently
from baal.bayesian.dropout import Dropout
from baal.exceptions import InvalidArgumentError, StateError
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.estimator_samples import members_of, posterior_samples
from baal.experiments.skorch_samples import is_net, is_stochastic

skorch = pytest.importorskip("skorch")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)


class Net(nn.Module):
    def __init__(self, drop=Dropout, outputs=3, softmax=False, squeeze=False):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), drop(0.4), nn.Linear(16, outputs))
        self.softmax, self.squeeze = softmax, squeeze

    def forward(self, x):
        logits = self.layers(x)[:, 0] if self.squeeze else self.layers(x)
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


class OfTwoInputs(Net):
    def forward(self, left, right):
        return super().forward(torch.cat([left, right], dim=-1))


def split(x):
    return {"left": x[:, :1], "right": x[:, 1:]}


def test_inputs_by_name():
    torch.manual_seed(0)
    net = classifier(module=OfTwoInputs, batch_size=16).fit(split(X), Y)
    samples = posterior_samples(net, split(X), iterations=300)
    passes = np.stack([net.predict_proba(split(X)) for _ in range(300)], axis=-1)
    error = np.sqrt((samples.var(axis=-1) + passes.var(axis=-1)) / 300)
    assert (np.abs(samples.mean(axis=-1) - passes.mean(axis=-1)) < 5 * error + 1e-6).all()
    pipeline = make_pipeline(FunctionTransformer(split), classifier(module=OfTwoInputs))
    assert posterior_samples(pipeline.fit(X, Y), X, iterations=7).shape == (40, 3, 7)


class OfAList(Net):
    def forward(self, both):
        return super().forward(torch.cat(both, dim=-1)), both[0]


class Lists(Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, index):
        return [X[index, :1], X[index, 1:]], Y[index]


class NetOfLists(skorch.NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, *args, **kwargs):
        return super().get_loss(y_pred[0], y_true, *args, **kwargs)


def test_inputs_in_a_list_and_outputs_beside_the_prediction():
    torch.manual_seed(0)
    net = NetOfLists(
        OfAList, criterion=nn.CrossEntropyLoss, max_epochs=1, train_split=None, verbose=0
    )
    net.fit(Lists(), None)
    samples = posterior_samples(net, Lists(), iterations=300)
    assert samples.shape == (40, 3, 300)
    passes = np.stack([net.predict_proba(Lists()) for _ in range(300)], axis=-1)
    error = np.sqrt((samples.var(axis=-1) + passes.var(axis=-1)) / 300)
    assert (np.abs(samples.mean(axis=-1) - passes.mean(axis=-1)) < 5 * error + 1e-6).all()


@pytest.mark.parametrize("squeeze", [True, False])
def test_a_binary_net_has_a_column_for_each_of_two_classes(squeeze):
    torch.manual_seed(0)
    y = (Y == 1).astype(np.float32)
    net = skorch.NeuralNetBinaryClassifier(
        Net, module__outputs=1, module__squeeze=squeeze, max_epochs=2, train_split=None, verbose=0
    ).fit(X, y)
    samples = posterior_samples(net, X, iterations=300)
    assert samples.shape == (40, 2, 300)
    assert np.allclose(samples.sum(axis=1), 1, atol=1e-6)
    passes = np.stack([net.predict_proba(X) for _ in range(300)], axis=-1)
    error = np.sqrt((samples.var(axis=-1) + passes.var(axis=-1)) / 300)
    assert (np.abs(samples.mean(axis=-1) - passes.mean(axis=-1)) < 5 * error + 1e-6).all()


def test_a_net_that_was_not_fitted_is_refused():
    for net in (classifier(), skorch.NeuralNetRegressor(Net), make_pipeline(classifier())):
        with pytest.raises(StateError, match="to be fitted, but got a"):
            posterior_samples(net, X)


@pytest.mark.parametrize("drop", [Dropout, nn.Dropout])
def test_nets_among_members_say_whether_they_draw(drop):
    torch.manual_seed(0)
    net = classifier(module__drop=drop)
    ensembles = [
        BaggingClassifier(net, 2),
        CalibratedClassifierCV(net, cv=2, method="isotonic"),
        BaggingRegressor(skorch.NeuralNetRegressor(
            Net, module__drop=drop, module__outputs=1, module__squeeze=True, train_split=None,
            max_epochs=1, verbose=0,
        ), 2),
    ]  # fmt: skip
    for ensemble in ensembles:
        y = Y if hasattr(ensemble, "predict_proba") else X[:, 0]
        assert members_of(ensemble.fit(X, y), X).are_joint is (None if drop is Dropout else True)


def test_logits_are_no_probabilities():
    torch.manual_seed(0)
    dataset = ActiveNumpyArray((X[:30], Y[:30]), random_state=1)
    dataset.label_randomly(8)
    with pytest.raises(InvalidArgumentError, match="NeuralNetClassifier to give probabilities"):
        ActiveLearningExperiment(  # its default criterion takes the logits for log probabilities
            classifier(criterion=nn.NLLLoss), dataset, (X[30:], Y[30:]), BALD(), verbose=False
        )  # fmt: skip


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
