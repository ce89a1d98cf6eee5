"""Random numbers that belong to an item, and global states that nobody disturbs."""

import random
from contextlib import nullcontext, suppress

import numpy as np
import pytest
import torch

from baal.utils.item_seeds import ItemSeeds
from baal.utils.random_states import RandomStates


def draw():
    return torch.rand(3).tolist(), np.random.rand(3).tolist(), [random.random() for _ in range(3)]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)


def test_seeds_of_an_item_depend_on_seed_and_index_alone():
    draw()
    expected = np.random.SeedSequence((1337, 5)).generate_state(3)
    assert ItemSeeds.of(1337, 5) == ItemSeeds(*map(int, expected))
    seeds = {ItemSeeds.of(seed, index) for seed in range(20) for index in range(50)}
    assert len({one.torch_seed for one in seeds}) == 1000
    assert len({one.numpy_seed for one in seeds}) == 1000
    assert ItemSeeds.of(0, 1) != ItemSeeds.of(1, 0)


def test_what_is_drawn_inside_comes_from_the_seeds():
    seeds = ItemSeeds(11, 22, 33)
    with seeds.applied() as again:
        inside = draw()
        again()
        assert draw() == inside
    python = random.Random(33)
    assert inside == (
        torch.rand(3, generator=torch.Generator().manual_seed(11)).tolist(),
        np.random.RandomState(22).rand(3).tolist(),
        [python.random() for _ in range(3)],
    )


@pytest.mark.parametrize("fails", [False, True])
def test_the_global_states_are_as_before(fails):
    expected = draw()
    _restart()
    with suppress(ZeroDivisionError), ItemSeeds.of(3, 4).applied():
        draw()
        1 / (not fails)
    assert draw() == expected


def _restart():
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)


def test_drawn_seeds_take_one_number_from_each_state():
    first, second = ItemSeeds.drawn(), ItemSeeds.drawn()
    after = draw()
    assert first.torch_seed != second.torch_seed
    assert first.numpy_seed != second.numpy_seed
    assert first.python_seed != second.python_seed
    _restart()
    for _ in range(2):
        torch.randint(2**32, ())
        np.random.randint(2**32, dtype=np.uint32)
        random.getrandbits(32)
    assert draw() == after


def test_seeding_one_source_repeats_that_source():
    first = ItemSeeds.drawn()
    torch.manual_seed(1)
    second = ItemSeeds.drawn()
    assert second.torch_seed == first.torch_seed
    assert second.numpy_seed != first.numpy_seed


def test_generators_of_its_own():
    seeds = ItemSeeds.of(7, 7)
    before = draw()
    _restart()
    values = torch.rand(2, generator=seeds.generator()), seeds.rng().random(2)
    assert torch.equal(values[0], torch.rand(2, generator=seeds.generator()))
    assert np.array_equal(values[1], np.random.default_rng(seeds.numpy_seed).random(2))
    assert draw() == before


def test_accelerators_in_use_are_seeded_each(monkeypatch):
    """By stand-ins, for machines that have none."""
    seeded, selected = [], []
    now = RandomStates.current()
    states = RandomStates(
        {"cuda:1": None, "mps": None, **now.torch_states}, now.numpy_state, now.python_state
    )
    monkeypatch.setattr(RandomStates, "current", lambda: states)
    monkeypatch.setattr(RandomStates, "restore", lambda _: None)
    monkeypatch.setattr(torch.mps, "manual_seed", lambda seed: seeded.append(("mps", seed)))
    monkeypatch.setattr(torch.cuda, "manual_seed", lambda seed: seeded.append((selected[-1], seed)))
    monkeypatch.setattr(torch.cuda, "device", lambda name: selected.append(name) or nullcontext())
    with ItemSeeds(5, 6, 7).applied():
        assert seeded == [("cuda:1", 5), ("mps", 5)]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_in_use_is_seeded_and_left_as_it_was():
    torch.cuda.manual_seed(1)
    expected = torch.rand(3, device="cuda")
    torch.cuda.manual_seed(1)
    with ItemSeeds(5, 6, 7).applied() as again:
        inside = torch.rand(3, device="cuda")
        again()
        assert torch.equal(torch.rand(3, device="cuda"), inside)
    assert torch.equal(torch.rand(3, device="cuda"), expected)
