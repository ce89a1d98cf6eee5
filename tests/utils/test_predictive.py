import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baal.exceptions import InvalidArgumentError
from baal.utils.predictive import (
    cohen_kappa,
    predicted_labels,
    predictive_probabilities,
)

RNG = np.random.default_rng(0)


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize("shape", [(7, 3, 4), (7, 3, 2, 5, 4)])
def test_logits_become_probabilities_before_they_are_averaged(shape):
    logits = 5 * RNG.standard_normal(shape)
    expected = softmax(logits).mean(-1)
    for samples in (logits, softmax(logits), list(np.array_split(logits, 3)), iter([logits])):
        assert np.allclose(predictive_probabilities(samples), expected)
    assert np.array_equal(predicted_labels(logits), expected.argmax(1))


def test_one_reading_for_all_batches():
    # The first batch could be probabilities by its values alone.
    batches = [np.array([[[0.5], [0.5]]]), np.array([[[3.0], [-3.0]]])]
    assert predictive_probabilities(iter(batches))[0].tolist() == [0.5, 0.5]
    assert np.allclose(predictive_probabilities(iter(batches))[1, 0], 1 / (1 + np.exp(-6)))


def test_tensors_of_any_kind():
    logits = torch.randn(6, 3, 4, generator=torch.Generator().manual_seed(0))
    expected = softmax(logits.numpy()).mean(-1)
    for samples in (logits.requires_grad_(), list(logits.double().split(2))):
        assert np.allclose(predictive_probabilities(samples), expected)
    assert np.allclose(predictive_probabilities(iter([logits.bfloat16()])), expected, atol=0.02)


def test_one_batch_is_held_at_a_time():
    alive = weakref.WeakSet()

    def batches():
        for _ in range(5):
            batch = Batch((2, 3, 4))
            batch[:] = 0.5
            alive.add(batch)
            yield batch
            del batch
            assert len(alive) <= 1

    assert predictive_probabilities(batches()).shape == (10, 3)


class Batch(np.ndarray):
    """An array that says when it is gone."""

    __hash__ = object.__hash__


def test_a_single_output_is_the_second_of_two_classes():
    assert np.allclose(predictive_probabilities([[[0.2, 0.4]]]), [[0.7, 0.3]])
    assert np.allclose(predictive_probabilities(np.zeros((1, 1, 2)) + np.log(3)), [[0.25, 0.75]])
    assert predicted_labels([[[0.2, 0.4]], [[0.6, 0.8]]]).tolist() == [0, 1]


@pytest.mark.parametrize("bad", [np.zeros((3, 2)), np.zeros(0), iter([]), []])
def test_what_is_no_posterior_sample(bad):
    with pytest.raises(InvalidArgumentError, match=r"to be \[N, C, ..., K\], but got (shape|no b)"):
        predictive_probabilities(bad)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_kappa_by_the_table(pairs):
    table = np.zeros((4, 4))
    for a, b in pairs:
        table[a, b] += 1
    table /= len(pairs)
    by_chance = (table.sum(0) * table.sum(1)).sum()
    a, b = zip(*pairs, strict=True)
    expected = 1.0 if by_chance == 1 else (np.trace(table) - by_chance) / (1 - by_chance)
    assert cohen_kappa(a, b) == pytest.approx(expected)
    assert cohen_kappa(a, b) == pytest.approx(cohen_kappa(b, a))


def test_kappa_of_what_cannot_be_compared():
    for a, b in (([1], [1, 2]), ([], [])):
        with pytest.raises(InvalidArgumentError, match="labels of the same items"):
            cohen_kappa(a, b)
