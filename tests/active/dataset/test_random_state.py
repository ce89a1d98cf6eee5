"""Seeds and saved random states."""

import json

import numpy as np
import pytest

from baal.active.dataset import random_state
from baal.active.dataset.random_state import (
    draw_distinct,
    from_plain,
    to_plain,
    to_random_state,
)
from baal.exceptions import InvalidArgumentError, InvalidTypeError

ENGINES = [
    np.random.MT19937,
    np.random.PCG64,
    np.random.PCG64DXSM,
    np.random.Philox,
    np.random.SFC64,
]


def test_a_seed_is_a_seed():
    expected = np.random.RandomState(5).rand(3).tolist()
    assert to_random_state(5).rand(3).tolist() == expected
    assert to_random_state(np.int64(5)).rand(3).tolist() == expected


def test_a_random_state_is_used_as_it_is():
    state = np.random.RandomState(5)
    assert to_random_state(state) is state


def test_none_follows_numpys_global_seed():
    before = np.random.get_state()
    try:
        np.random.seed(3)
        first = to_random_state(None).rand(3).tolist()
        second = to_random_state(None).rand(3).tolist()
        np.random.seed(3)
        assert to_random_state(None).rand(3).tolist() == first != second
    finally:
        np.random.set_state(before)


@pytest.mark.parametrize("seed", ["5", 5.0, True, np.random.default_rng(0)])
def test_refused_kinds(seed):
    with pytest.raises(InvalidTypeError, match="`random_state` to be an integer"):
        to_random_state(seed)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_refused_seeds(seed):
    with pytest.raises(InvalidArgumentError, match=f"between 0 and .* but got {seed}"):
        to_random_state(seed)


@pytest.mark.parametrize("engine", ENGINES)
def test_round_trip_through_json(engine):
    state = np.random.RandomState(engine(7))
    state.randn()  # leaves a cached second normal
    twin = from_plain(json.loads(json.dumps(to_plain(state))))
    assert twin.randn(5).tolist() == state.randn(5).tolist()


def test_round_trip_through_a_random_state():
    state = np.random.RandomState(7)
    twin = from_plain(state)
    assert twin is not state
    assert twin.rand() == state.rand()


@pytest.mark.parametrize(
    "state",
    [
        None,
        5,
        {},
        {"bit_generator": "os.system"},
        {"bit_generator": ["MT19937"]},
        {"bit_generator": "MT19937", "state": {"key": [1, 2], "pos": 0}},
        to_plain(np.random.RandomState(1)) | {"bit_generator": "PCG64"},
    ],
)
def test_refused_states(state):
    with pytest.raises(InvalidArgumentError, match="saved state of a numpy"):
        from_plain(state)


@pytest.mark.parametrize(
    ("n", "k"), [(10, 3), (10, 10), (10, 0), (10**12, 1000), (200_000, 60_000)]
)
def test_drawn_without_replacement(n, k):
    drawn = draw_distinct(np.random.RandomState(1), n, k)
    assert drawn.dtype == np.int64
    assert len(set(drawn.tolist())) == len(drawn) == k
    assert k == 0 or (drawn.min() >= 0 and drawn.max() < n)
    again = draw_distinct(np.random.RandomState(1), n, k)
    assert drawn.tolist() == again.tolist()


def test_each_sequence_is_as_likely(monkeypatch):
    # Three of ten, by the way that large numbers of items take.
    monkeypatch.setattr(random_state, "_SMALL", 0)
    rng = np.random.RandomState(1)
    counts = np.zeros((10, 10, 10))
    for _ in range(7200):
        counts[tuple(draw_distinct(rng, 10, 3))] += 1
    possible = [(a, b, c) for a in range(10) for b in range(10) for c in range(10)
                if len({a, b, c}) == 3]  # fmt: skip
    assert counts.sum() == sum(counts[one] for one in possible) == 7200
    chi_square = sum((counts[one] - 10) ** 2 / 10 for one in possible)
    assert 600 < chi_square < 845  # 719 degrees of freedom: within about three deviations
