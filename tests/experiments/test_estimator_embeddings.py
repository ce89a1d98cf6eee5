import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from baal.active.dataset import ActiveNumpyArray
from baal.active.heuristics import CoreSet
from baal.bayesian.dropout import Dropout
from baal.exceptions import InvalidArgumentError, StateError
from baal.experiments import estimator_embeddings
from baal.experiments.base import ActiveLearningExperiment
from baal.experiments.estimator_embeddings import embeddings_of
from baal.experiments.estimators import SklearnAdapter

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)


def test_inputs_themselves_as_rows():
    forest = RandomForestClassifier(n_estimators=2).fit(X, Y)
    np.testing.assert_array_equal(embeddings_of(forest, X), X)
    np.testing.assert_array_equal(embeddings_of(forest, sparse.csr_array(X)), X)
    assert embeddings_of(forest, np.ones((3, 2, 2), dtype=np.int32)).tolist() == [[1.0] * 4] * 3


def test_what_the_last_step_is_given():
    search = GridSearchCV(make_pipeline(StandardScaler(), PCA(2), LogisticRegression()), {}, cv=2)
    pipeline = search.fit(X, Y).best_estimator_
    np.testing.assert_array_equal(embeddings_of(search, X), pipeline[:-1].transform(X))
    texts = np.array(["a good film", "a bad film", "good"] * 3)
    words = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1] * 3)
    expected = words[0].transform(texts).toarray()
    np.testing.assert_array_equal(embeddings_of(words, texts), expected)


def test_what_makes_no_embedding(monkeypatch):
    forest = RandomForestClassifier(n_estimators=2).fit(X, Y)
    with pytest.raises(InvalidArgumentError, match="inputs that are numbers, but got an array of"):
        embeddings_of(forest, np.array(["a", "b"]))
    monkeypatch.setattr(estimator_embeddings, "_LARGEST", 100)
    message = r"at most 100 numbers in all, but got a sparse matrix of shape \(40, 4\)"
    with pytest.raises(InvalidArgumentError, match=message):
        embeddings_of(forest, sparse.csr_array(X))


def test_a_net_without_its_dropout():
    skorch = pytest.importorskip("skorch")

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(4, 8), Dropout(0.5))
            self.head = nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.body(x))

    torch.manual_seed(0)
    net = skorch.NeuralNetClassifier(
        Net, criterion=nn.CrossEntropyLoss, max_epochs=1, train_split=None, verbose=0, batch_size=16
    )
    net.fit(X, Y)
    expected = net.module_.body[0](torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(embeddings_of(net, X), expected, rtol=1e-5, atol=1e-6)
    pipeline = make_pipeline(StandardScaler(), net).fit(X, Y)
    scaled = torch.tensor(pipeline[0].transform(X))
    expected = pipeline[1].module_.body[0](scaled).detach().numpy()
    np.testing.assert_allclose(embeddings_of(pipeline, X), expected, rtol=1e-5, atol=1e-6)


def test_the_adapter_gives_them_and_gradients_by_all_members():
    adapter = SklearnAdapter(RandomForestClassifier(n_estimators=7), seed=0)
    with pytest.raises(StateError, match="to be fitted, but it was not trained yet"):
        adapter.embed((X, Y))
    dataset = ActiveNumpyArray((X, Y), random_state=0)
    dataset.label_randomly(20)
    adapter.ready(dataset)
    np.testing.assert_array_equal(adapter.embed(dataset.pool), dataset.pool[0])
    factors = adapter.gradient_embed(dataset.pool)
    p = adapter.estimator.predict_proba(dataset.pool[0])
    np.testing.assert_allclose(factors.residuals, p - np.eye(3)[p.argmax(1)], atol=1e-12)
    other = SklearnAdapter(RandomForestClassifier(), features=lambda x: x[:, :2])
    np.testing.assert_array_equal(other.embed((X, Y)), X[:, :2])


def test_a_regressor_has_no_gradients_of_the_cross_entropy():
    adapter = SklearnAdapter(RandomForestRegressor(n_estimators=2), seed=0)
    with pytest.raises(InvalidArgumentError, match="but got the regressor RandomForestRegressor"):
        adapter.gradient_embed((X, Y))


def test_core_set_in_an_experiment():
    def first(features):
        np.random.seed(0)
        dataset = ActiveNumpyArray((X, Y), random_state=0)
        dataset.label_randomly(5)
        labelled = dataset.labelled.copy()
        adapter = SklearnAdapter(RandomForestClassifier(n_estimators=3), features=features)
        experiment = ActiveLearningExperiment(
            adapter, dataset, (X, Y), CoreSet(5), 5, iterations=3, verbose=False
        )
        return np.flatnonzero(~labelled), labelled, experiment.start()[0]["chosen"]

    for features in (None, lambda x: x[:, :2]):
        pool, labelled, chosen = first(features)
        rows = X if features is None else features(X)
        ranks = CoreSet(5)(embeddings=rows[pool], labelled_embeddings=rows[labelled])
        assert chosen == pool[ranks[:5]].tolist()
