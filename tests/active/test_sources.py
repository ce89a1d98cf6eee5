import math

import numpy as np
import pytest
import torch

from baal.active.heuristics import BADGE, BALD, CoreSet
from baal.active.sources import Sources, asks_for, mean_outputs, mean_probabilities
from baal.exceptions import InvalidArgumentError


class Wrapper:
    def predict_on_dataset(self, items):
        return np.ones((len(items), 2, 3)) / 2

    def embed_on_dataset(self, items, **options):
        return np.ones((len(items), 4)), options


def test_means():
    assert mean_outputs(iter([np.ones((2, 3, 4)), np.zeros((1, 3, 4))])).tolist() == [
        [1] * 3, [1] * 3, [0] * 3,
    ]  # fmt: skip
    assert mean_outputs([[0.25, 0.75]]).tolist() == [[0.25, 0.75]]


def softmax(logits):  # one item, one sample
    powers = [math.exp(value) for value in logits]
    return [power / sum(powers) for power in powers]


# Two items, three classes, two samples, whose logits have the mean [1, 0, 0] for the first item:
# one sample is sure of class 0, and the other one of class 2.
LOGITS = np.array([[[8.0, -6.0], [0.0, 0.0], [-6.0, 6.0]], [[1.0, 3.0], [2.0, 2.0], [0.0, 0.0]]])


def test_logits_become_probabilities_before_they_are_averaged():
    samples = [[softmax(LOGITS[i, :, k]) for k in range(2)] for i in range(2)]
    expected = [[(a + b) / 2 for a, b in zip(*item, strict=True)] for item in samples]
    assert expected[0][2] > 0.49  # and 0.16 of the mean logits
    for given in (LOGITS, iter([LOGITS[:1], LOGITS[1:]]), torch.tensor(LOGITS)):
        np.testing.assert_allclose(mean_probabilities(given), expected, rtol=1e-12)
    np.testing.assert_allclose(mean_probabilities(LOGITS[..., 0])[1], softmax([1, 2, 0]))
    single = mean_probabilities([[[4.0, -2.0]]])
    np.testing.assert_allclose(single, [[(1 / (1 + math.exp(-4)) + 1 / (1 + math.exp(2))) / 2]])


def test_how_predictions_are_read_is_decided_once_or_by_the_mode():
    p = np.array([[[0.25], [0.75]], [[0.5], [0.5]]])
    assert mean_probabilities(p).tolist() == [[0.25, 0.75], [0.5, 0.5]]
    np.testing.assert_allclose(mean_probabilities(p, "logits")[0], softmax([0.25, 0.75]))
    mixed = mean_probabilities(np.concatenate([p, LOGITS[:, :2, :1]]))  # so these are logits too
    np.testing.assert_allclose(mixed[0], softmax([0.25, 0.75]))
    with pytest.raises(InvalidArgumentError, match="to be probabilities in"):
        mean_probabilities(LOGITS, "probabilities")


@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (2,), (2, 3, 2, 2, 4)])
def test_probabilities_are_of_one_output(shape):
    with pytest.raises(InvalidArgumentError, match=r"one output, \[n, C, K\] or .* got shape \(2"):
        mean_probabilities(np.ones(shape))


def test_gradients_are_those_of_the_mean_probabilities_as_the_heuristic_reads_them():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = Sources(lambda _: LOGITS, None, lambda _: x).gradient_embeddings(BADGE(1), "ab")
    zero, two = softmax([8, 0, -6]), softmax([-6, 0, 6])
    expected = [(zero[0] + two[0]) / 2, (zero[1] + two[1]) / 2, (zero[2] + two[2]) / 2]
    winner = expected.index(max(expected))
    expected[winner] -= 1
    np.testing.assert_allclose(found.residuals[0], expected, rtol=1e-10)
    assert found.embeddings.tolist() == x.tolist()
    small = np.array([[[0.25], [0.75]]])
    sources = Sources(lambda _: small, None, lambda _: x[:1])
    a, b = softmax([0.25, 0.75])
    np.testing.assert_allclose(
        sources.gradient_embeddings(BADGE(1, mode="logits"), "a").residuals, [[a, b - 1]]
    )
    assert sources.gradient_embeddings(BADGE(1), "a").residuals.tolist() == [[0.25, -0.25]]
    wrong = Sources(lambda _: LOGITS, None, lambda _: x[:1])
    with pytest.raises(InvalidArgumentError, match=r"each of the 2 .* got shape \(1, 2\)"):
        wrong.gradient_embeddings(BADGE(1), "ab")


def test_the_predictors_own_methods_get_the_options():
    wrapper = Wrapper()
    sources = Sources(wrapper.predict_on_dataset, wrapper, options={"verbose": False})
    assert sources.embeddings(CoreSet(1), "abc")[1] == {"verbose": False}
    others = Sources(wrapper.predict_on_dataset, wrapper, len, options={"verbose": False})
    assert others.embeddings(CoreSet(1), "abc") == 3


def test_what_is_there_is_checked_before_anything_is_predicted():
    wrapper = Wrapper()
    Sources(wrapper.predict_on_dataset, wrapper).check(CoreSet(1))
    Sources(None, None).check(BALD())
    Sources(None, None, get_embeddings=len).check(CoreSet(1))
    with pytest.raises(InvalidArgumentError, match="supply CoreSet with what it needs"):
        Sources(None, None).check(CoreSet(1))


def test_facts_that_nobody_told():
    assert asks_for(CoreSet(1), "takes_labelled_embeddings")
    assert not asks_for(object(), "takes_labelled_embeddings")
