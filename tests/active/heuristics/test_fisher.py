import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from baal.active.heuristics.functional.fisher import FisherUpdates, fisher_factors, fisher_sum


def draw(n, n_classes=3, n_features=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n_classes), size=n), rng.normal(size=(n, n_features))


def fisher_by_autograd(p, h):
    """Expected outer products of gradients with respect to a last layer, `[N, C D, C D]`."""
    items = []
    for probabilities, embedding in zip(torch.tensor(p), torch.tensor(h), strict=True):
        weight = torch.outer(probabilities.log(), embedding) / embedding.square().sum()
        weight.requires_grad_()
        total = 0
        for label, weighted_by in enumerate(probabilities):
            loss = F.cross_entropy(weight @ embedding, torch.tensor(label))
            gradient = torch.autograd.grad(loss, weight)[0].flatten()
            total = total + weighted_by * torch.outer(gradient, gradient)
        items.append(total.numpy())
    return np.array(items)


def test_information_is_that_of_autograd():
    p, h = draw(9)
    expected = fisher_by_autograd(p, h)
    factors = fisher_factors(p)
    np.testing.assert_allclose(fisher_sum(factors, h), expected.sum(axis=0), atol=1e-12)
    one = fisher_sum(factors[:1], h[:1])
    np.testing.assert_allclose(one, expected[0], atol=1e-12)


def test_the_binary_form_is_that_of_the_first_class_against_the_rest():
    p, h = np.array([[0.7, 0.1, 0.2], [0.1, 0.1, 0.8]]), np.eye(2)
    total = fisher_sum(fisher_factors(p, binary=True), h)
    np.testing.assert_allclose(total, np.diag([0.21, 0.16]))
    assert fisher_factors(np.array([[1.0 + 1e-12, 0.0]]), binary=True).tolist() == [[[0.0]]]


@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.booleans())
def test_every_change_is_that_of_the_inverse_taken_anew(seed, n_classes, binary):
    p, h = draw(6, n_classes, seed=seed)
    factors = fisher_factors(p, binary)
    each = [fisher_sum(factors[i : i + 1], h[i : i + 1]) for i in range(6)]
    target, precision = sum(each), 0.5 * np.eye(len(each[0]))
    updates = FisherUpdates(factors, h, np.linalg.inv(precision), target)

    def trace(matrix):
        return np.trace(np.linalg.solve(matrix, target))

    for item, leaves in [(2, False), (4, False), (2, True), (0, False), (4, True)]:
        updates.change(item, leaves)
        precision = precision + (-each[item] if leaves else each[item])
        now = trace(precision)
        np.testing.assert_allclose(updates.inverse, np.linalg.inv(precision), atol=1e-9)
        expected = [now - trace(precision + one) for one in each]
        np.testing.assert_allclose(updates.gains(), expected, rtol=1e-6, atol=1e-9)
    loss = trace(precision - each[0]) - now
    assert updates.losses(np.array([0])) == pytest.approx(loss, rel=1e-6, abs=1e-9)
