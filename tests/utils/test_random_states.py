import random

import numpy as np
import pytest
import torch

from baal.utils.random_states import RandomStates, kept_random_states, seeded


def draw():
    return torch.rand(()).item(), np.random.rand(), random.random()


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)


def test_restoring_gives_the_same_numbers_as_often_as_one_likes():
    states = RandomStates.current()
    first = draw()
    for _ in range(2):
        draw()
        states.restore()
        assert draw() == first


def test_the_states_taken_are_a_copy():
    states = RandomStates.current()
    kept = states.torch_states["cpu"].clone()
    draw()
    assert torch.equal(states.torch_states["cpu"], kept)


def test_normal_numbers_kept_in_reserve_are_part_of_the_state():
    """NumPy and Python draw normal numbers in pairs, and keep the second."""
    np.random.randn()
    random.gauss(0, 1)
    states = RandomStates.current()
    first = np.random.randn(), random.gauss(0, 1), np.random.randn()
    states.restore()
    assert (np.random.randn(), random.gauss(0, 1), np.random.randn()) == first


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (lambda: None, False),
        (lambda: torch.rand(1), False),
        (np.random.rand, True),
        (random.random, True),
        (lambda: np.random.default_rng(0).random(), False),
        (lambda: random.Random(0).random(), False),
    ],
)
def test_whether_the_host_has_drawn(use, expected):
    states = RandomStates.current()
    use()
    assert states.host_changed() is expected


def test_a_second_normal_number_changes_the_state_though_it_draws_nothing():
    np.random.randn()
    states = RandomStates.current()
    np.random.randn()
    assert states.host_changed()


def test_kept_after_an_error_too():
    first = draw()
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    with pytest.raises(KeyError), kept_random_states():
        draw()
        raise KeyError
    assert draw() == first


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_states_of_accelerators(kind, monkeypatch):
    """On a stand-in for the device: taken, and put back."""
    device = {0: torch.ones(1), 1: torch.ones(1)}
    if kind == "cuda":
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        monkeypatch.setattr(torch.cuda, "get_rng_state", lambda i: device[i].clone())
        monkeypatch.setattr(
            torch.cuda, "set_rng_state", lambda s, d: device.update({int(d[-1]): s.clone()})
        )
    else:
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
        monkeypatch.setattr(torch.mps, "get_rng_state", device[0].clone)
        monkeypatch.setattr(torch.mps, "set_rng_state", lambda s: device.update({0: s.clone()}))
    states = RandomStates.current()
    assert set(states.torch_states) == {"cpu"} | (
        {"cuda:0", "cuda:1"} if kind == "cuda" else {"mps"}
    )
    for state in device.values():
        state.zero_()
    states.restore()
    assert device[0].item() == 1
    assert device[1].item() == (kind == "cuda")


def test_seeded_draws_are_the_same_and_leave_no_trace():
    with kept_random_states():
        expected = draw()
    drawn = []
    for seed in (3, 3, 4):
        with seeded(seed):
            drawn.append(draw())
    assert drawn[0] == drawn[1]
    assert not set(drawn[0]) & set(drawn[2])
    assert draw() == expected
