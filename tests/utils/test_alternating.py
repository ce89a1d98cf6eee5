"""The order of batches from several loaders, and loaders that begin anew."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, IterableDataset

from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.utils.alternating import alternate, check_schedule, check_whole, draw_order, length_of


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@given(st.integers(0, 40))
def test_in_turn_beginning_with_the_first(n):
    assert draw_order(n) == ([0, 1] * n)[:n]


@given(st.integers(0, 200), st.integers(0, 2**31))
def test_certainty_is_certain(n, seed):
    assert draw_order(n, 0, seeded(seed)) == [1] * n
    assert draw_order(n, 1.0, seeded(seed)) == [0] * n


def test_p_is_the_probability_of_the_first():
    share = 1 - sum(draw_order(20_000, 0.3, seeded())) / 20_000
    assert abs(share - 0.3) < 4 * (0.3 * 0.7 / 20_000) ** 0.5


def test_the_order_follows_the_seed():
    assert draw_order(50, 0.5, seeded(1)) == draw_order(50, 0.5, seeded(1))
    assert draw_order(50, 0.5, seeded(1)) != draw_order(50, 0.5, seeded(2))
    torch.manual_seed(3)
    first = draw_order(50, 0.5)
    torch.manual_seed(3)
    assert draw_order(50, 0.5) == first


@given(st.integers(1, 6), st.integers(1, 6), st.lists(st.integers(0, 1), max_size=40))
def test_a_loader_that_runs_out_begins_anew(n_1, n_2, order):
    sizes = (n_1, n_2)
    seen = Counter()
    for batch, which in alternate([range(n_1), range(n_2)], order):
        assert which == order[seen.total()]
        assert batch == seen[which] % sizes[which]
        seen[which] += 1
    assert seen.total() == len(order)


def test_an_empty_loader_is_an_error_when_its_turn_comes():
    pairs = alternate([[1], []], [0, 0, 1])
    assert [next(pairs), next(pairs)] == [(1, 0), (1, 0)]
    with pytest.raises(StateError, match="loader 2 of 2 to have at least one batch"):
        next(pairs)


def test_lengths_where_there_are_any():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(range(3))

    assert length_of([]) == 0
    assert length_of(DataLoader(range(5), batch_size=2)) == 3
    assert length_of(DataLoader(Stream())) is None


def test_whole_numbers():
    check_whole("n", np.int64(1), least=1)
    check_schedule(None, None)
    for value in (True, 1.0, "1", None):
        with pytest.raises(InvalidTypeError, match="Expected `n` to be a whole number"):
            check_whole("n", value, least=0)
    with pytest.raises(InvalidArgumentError, match="Expected `n` to be at least 1, but got 0"):
        check_whole("n", 0, least=1)
