import math

import numpy as np
import pytest

from baal.exceptions import InvalidArgumentError
from baal.experiments.adapters import FrameworkAdapter


class Nothing(FrameworkAdapter):
    def train(self, dataset):
        return {}

    def evaluate(self, dataset, average_predictions):
        return {}

    def predict(self, dataset, iterations):
        return []

    def state_dict(self):
        return {}

    def load_state_dict(self, state_dict):
        return None


def test_five_methods_make_an_adapter():
    with pytest.raises(TypeError, match="abstract"):
        FrameworkAdapter("trainer")
    adapter = Nothing("trainer")
    adapter.check()
    assert adapter.settings() == {"trainer": "str"}
    assert adapter.samples_are_joint is None
    assert adapter.target_columns([2, 0]) == [2, 0]  # targets number the columns


def test_no_trainer():
    with pytest.raises(InvalidArgumentError, match="to be a trainer, but got None"):
        Nothing(None).check()


def test_embeddings_are_given_by_those_who_have_them():
    with pytest.raises(InvalidArgumentError, match="but got Nothing, which does not define `emb"):
        Nothing("trainer").embed([])
    with pytest.raises(InvalidArgumentError, match="which does not define `gradient_lengths`"):
        Nothing("trainer").gradient_lengths([])

    class Embeds(Nothing):
        def embed(self, dataset):
            return np.ones((len(dataset), 3))

        def predict(self, dataset, iterations):
            yield np.full((len(dataset) - 1, 2, iterations), [[0.25], [0.75]])
            yield np.full((1, 2, iterations), [[0.75], [0.25]])

    factors = Embeds("trainer").gradient_embed(["a", "b"])
    assert factors.residuals.tolist() == [[0.25, -0.25], [-0.25, 0.25]]
    assert factors.embeddings.shape == (2, 3)


def test_more_samples_than_were_asked_for_are_averaged_as_probabilities():
    class Generous(Nothing):
        def embed(self, dataset):
            return [[1.0, 2.0, 3.0]] * len(dataset)

        def predict(self, dataset, iterations):
            return np.array([[[6.0, -2.0], [0.0, 0.0]]] * len(dataset))

    first = (1 / (1 + math.exp(-6)) + 1 / (1 + math.exp(2))) / 2
    residuals = Generous("trainer").gradient_embed(["a", "b"]).residuals
    np.testing.assert_allclose(residuals, [[first - 1, 1 - first]] * 2)
