import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from baal.active.heuristics.functional.fisher import (
    fisher_columns,
    fisher_factors,
    fisher_sum,
    semidefinite_root,
)
from baal.active.heuristics.functional.fisher_updates import FisherUpdates


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


def contrasts(n_classes):
    """An orthonormal basis of what differs between classes, by its definition, `[C - 1, C]`."""
    rows = [[1.0] * k + [-k] + [0.0] * (n_classes - k - 1) for k in range(1, n_classes)]
    return np.array([np.array(row) / np.linalg.norm(row) for row in rows])


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_information_is_that_of_autograd(n_classes):
    p, h = draw(9, n_classes)
    turn = np.kron(contrasts(n_classes), np.eye(2))
    expected = fisher_by_autograd(p, h)
    # All that there is: nothing else has a trace.
    total = turn @ expected.sum(axis=0) @ turn.T
    assert np.trace(total) == pytest.approx(np.trace(expected.sum(axis=0)))
    factors = fisher_factors(p)
    np.testing.assert_allclose(fisher_sum(factors, h), total, atol=1e-12)
    one = fisher_sum(factors[:1], h[:1])
    np.testing.assert_allclose(one, turn @ expected[0] @ turn.T, atol=1e-12)
    columns = fisher_columns(factors, h)
    np.testing.assert_allclose(columns @ columns.T, total, atol=1e-12)


def test_factors_of_classes_that_are_out_of_the_question_or_nearly_so():
    p = np.array(
        [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0.5, 0.5], [0.5, 0, 0.5], [1e-200, 1, 1e-200]]
    )
    factors = fisher_factors(p)
    expected = [contrasts(3) @ (np.diag(q) - np.outer(q, q)) @ contrasts(3).T for q in p]
    got = factors @ np.swapaxes(factors, 1, 2)
    np.testing.assert_allclose(got, expected, atol=1e-15)
    assert not got[:3].any()
    small = fisher_factors(np.array([[1 - 1e-12, 1e-12]]))[0, 0, 0] ** 2
    assert small == pytest.approx(2e-12, rel=1e-12)


def test_the_binary_form_is_that_of_the_first_class_against_the_rest():
    p, h = np.array([[0.7, 0.1, 0.2], [0.1, 0.1, 0.8]]), np.eye(2)
    total = fisher_sum(fisher_factors(p, binary=True), h)
    np.testing.assert_allclose(total, np.diag([0.21, 0.16]))
    assert fisher_factors(np.array([[1.0 + 1e-12, 0.0]]), binary=True).tolist() == [[[0.0]]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_a_root_of_a_matrix_that_may_be_singular(seed, rank):
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(6, rank)) * 10.0 ** rng.integers(-6, 6, size=(6, 1))
    matrix = columns @ columns.T
    root = semidefinite_root(matrix)
    lengths = np.sqrt(np.diag(matrix))
    # The matrix has been rounded, so what is beyond its rank may be more than nothing.
    assert np.abs(root[:, rank:] / lengths[:, None]).max(initial=0) < 1e-6
    np.testing.assert_allclose(
        (root @ root.T) / lengths[:, None] / lengths,
        matrix / lengths[:, None] / lengths,
        atol=1e-13,
    )
    assert not semidefinite_root(np.zeros((2, 2))).any()


@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.booleans())
def test_every_change_is_that_of_the_inverse_taken_anew(seed, n_classes, binary):
    p, h = draw(6, n_classes, seed=seed)
    factors = fisher_factors(p, binary)
    each = [fisher_sum(factors[i : i + 1], h[i : i + 1]) for i in range(6)]
    target, precision = sum(each), 0.5 * np.eye(len(each[0]))
    root = np.eye(len(target)) / np.sqrt(0.5)
    start = FisherUpdates(factors, h, root, semidefinite_root(target), target)

    def trace(matrix):
        return np.trace(np.linalg.solve(matrix, target))

    updates, first = start.copy(), start.gains()
    for item in [2, 4, 2, 0]:
        before = trace(precision)
        precision = precision + each[item]
        now = trace(precision)
        assert updates.join(item) == pytest.approx(before - now, rel=1e-6, abs=1e-9)
        assert updates.trace == pytest.approx(now)
        inverse = updates.root @ updates.root.T
        np.testing.assert_allclose(inverse, np.linalg.inv(precision), atol=1e-9)
        expected = [now - trace(precision + one) for one in each]
        for got in (updates.gains(), updates.exact_gains(np.arange(6))):
            np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(start.gains(), first)


@given(st.integers(0, 2**32 - 1), st.floats(0, 5))
def test_gains_are_no_further_from_exact_ones_than_they_say(seed, scale):
    rng = np.random.default_rng(seed)
    p, h = draw(12, n_features=3, seed=seed)
    h = h * 10**scale * rng.uniform(0.01, 1, size=(12, 1))
    factors = fisher_factors(p)
    target = fisher_sum(factors, h)
    root = np.eye(len(target))
    updates = FisherUpdates(factors, h, root, semidefinite_root(target), target)
    for item in range(8):
        updates.join(item)
        exact = updates.exact_gains(np.arange(12))
        assert (np.abs(updates.gains() - exact) <= updates.errors + 1e-6 * exact).all()


def test_pools_that_take_several_blocks():
    p, h = draw(1100)
    factors = fisher_factors(p)
    target = fisher_sum(factors, h)
    updates = FisherUpdates(factors, h, np.eye(4), semidefinite_root(target), target)
    updates.join(3)
    np.testing.assert_allclose(updates.gains(), updates.exact_gains(np.arange(1100)), rtol=1e-9)
