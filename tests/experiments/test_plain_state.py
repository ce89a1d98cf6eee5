import functools
import io
import random
from collections import Counter, OrderedDict
from typing import NamedTuple

import numpy as np
import pytest
import torch

from baal.active.heuristics import BALD, CombineHeuristics, Margin, PowerBALD, Random
from baal.exceptions import InvalidTypeError
from baal.experiments.plain_state import (
    digest_of,
    generators_in,
    load_generators,
    load_random_states,
    plain_generators,
    plain_random_states,
    to_plain,
    to_state,
)


def through_a_file(plain):
    file = io.BytesIO()
    torch.save(plain, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_there_and_back_through_a_file():
    state = OrderedDict(
        tensor=torch.arange(3, dtype=torch.bfloat16), array=np.arange(4, dtype=np.uint64) + 2**63,
        number=np.float32(0.5), nested=[(1, None, "x"), {2: True}], milestones=Counter([3, 3]),
        large=2**127,
    )  # fmt: skip
    back = to_state(through_a_file(to_plain(state)))
    assert torch.equal(back["tensor"], state["tensor"])
    assert back["array"].dtype == np.uint64
    assert back["array"].tolist() == state["array"].tolist()
    assert back["number"] == 0.5
    assert back["nested"] == [(1, None, "x"), {2: True}]
    assert back["milestones"][4] == 0  # a Counter again
    assert back["large"] == 2**127


@pytest.mark.parametrize(
    "value", [object(), {1}, random.Random(0), np.array([None]), np.array(["a"]), lambda: 0]
)
def test_what_could_not_be_read_again_is_refused(value):
    with pytest.raises(InvalidTypeError, match=r"Expected .* state"):
        to_plain({"a": [1, value]})


class Pair(NamedTuple):
    a: int
    b: tuple


def test_tuples_of_ones_own_become_tuples():
    assert through_a_file(to_plain(Pair(1, torch.Size([2])))) == (1, (2,))


SCHEDULERS = {
    "LambdaLR": {"lr_lambda": lambda n: 1 / (n + 1)}, "StepLR": {"step_size": 2},
    "MultiStepLR": {"milestones": [1, 1, 3]}, "ExponentialLR": {"gamma": 0.5},
    "CosineAnnealingLR": {"T_max": 3}, "CosineAnnealingWarmRestarts": {"T_0": 2},
    "OneCycleLR": {"max_lr": 1.0, "total_steps": 9}, "CyclicLR": {"base_lr": 0.1, "max_lr": 1.0},
    "LinearLR": {}, "ConstantLR": {}, "PolynomialLR": {}, "ReduceLROnPlateau": {"patience": 0},
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_of_torch_go_on_where_they_were(name):
    def make():
        model = torch.nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
        return optimizer, getattr(torch.optim.lr_scheduler, name)(optimizer, **SCHEDULERS[name])

    def steps(optimizer, scheduler, n):
        rates = []
        for _ in range(n):
            optimizer.step()
            scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
            rates.append(optimizer.param_groups[0]["lr"])
        return rates

    first, second = make(), make()
    steps(*first, 2)
    plain = through_a_file(to_plain([one.state_dict() for one in first]))
    for one, state in zip(second, to_state(plain), strict=True):
        one.load_state_dict(state)
    assert steps(*second, 4) == steps(*first, 4)


def test_copies_share_nothing():
    state = {"t": torch.zeros(2), "a": np.zeros(2)}
    plain = to_plain(state)
    state["t"] += 1
    state["a"] += 1
    assert to_state(plain)["a"].tolist() == plain["t"].tolist() == [0, 0]


def test_digests_tell_states_apart():
    base = {"a": torch.zeros(2), "b": [1, "x"]}
    others = [
        {"a": torch.zeros(2, dtype=torch.int32), "b": [1, "x"]},
        {"a": torch.zeros(1, 2), "b": [1, "x"]},
        {"a": torch.tensor([0.0, -0.0]), "b": [1, "x"]},
        {"a": torch.zeros(2), "b": [1, "y"]},
        {"a": torch.zeros(2), "c": [1, "x"]},
        {"a": torch.zeros(0), "b": [1, "x"]},
    ]
    digests = {digest_of(state) for state in [base, *others]}
    assert len(digests) == 7
    assert digest_of({"a": torch.zeros(2), "b": [1, "x"]}) in digests


def draw():
    return torch.rand(1).item(), np.random.rand(), random.random(), np.random.randn()


def test_global_states_go_on_where_they_were():
    np.random.randn()  # half of a pair is kept for later
    plain = through_a_file(plain_random_states())
    expected = draw()
    draw()
    load_random_states(plain)
    assert draw() == expected


class Holder:
    def __init__(self, seed):
        self.mine = np.random.RandomState(seed)
        self.torch = {"g": torch.Generator().manual_seed(seed)}
        self.model = torch.nn.Linear(1, 1)
        self.again = self.mine
        self.myself = self


def test_generators_are_found_wherever_they_are():
    assert len(generators_in(PowerBALD(query_size=2, seed=1))) == 1
    assert len(generators_in(CombineHeuristics([Random(seed=1), Margin()], [1, 1]))) == 1
    assert generators_in(BALD()) == []
    assert len(generators_in(Holder(0))) == 2


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rng = torch.Generator().manual_seed(1)

    def collate(self, batch):
        return batch


def test_what_is_looked_into_and_what_is_not():
    rng = np.random.default_rng(0)
    assert generators_in([functools.partial(max, rng), {"again": rng}]) == [rng]
    assert len(generators_in(torch.nn.Sequential(torch.nn.ReLU(), Layer()))) == 1
    assert len(generators_in(Layer().collate)) == 1
    assert generators_in([random.Random(0), random.SystemRandom()])[0].getstate()
    assert len(generators_in([random.Random(0), random.SystemRandom()])) == 1
    assert generators_in([np.random, random, Holder, rng.bit_generator]) == []
    assert generators_in([rng] * 10_001) == []
    deep = [rng]
    for _ in range(5_000):
        deep = [deep]
    assert generators_in(deep) == []


def test_generators_that_were_not_there_warn():
    plain = plain_generators([random.Random(1)])
    late = [random.Random(2), random.Random(3)]
    with pytest.warns(UserWarning, match=r"1 random generators of list .* there are 2 now"):
        load_generators(late, plain)
    assert late[0].random() == random.Random(2).random()


def test_generators_go_on_where_they_were():
    first, second = Holder(1), Holder(2)
    first.mine.rand(), torch.rand(1, generator=first.torch["g"])
    plain = through_a_file(plain_generators(first))
    expected = first.mine.rand(), torch.rand(1, generator=first.torch["g"])
    load_generators(second, plain)
    assert expected == (second.mine.rand(), torch.rand(1, generator=second.torch["g"]))
    heuristics = Random(seed=1), Random(seed=2)
    load_generators(heuristics[1], through_a_file(plain_generators(heuristics[0])))
    python = random.Random(1), random.Random(2)
    python[0].gauss(0, 1)  # half of a pair is kept for later
    load_generators(python[1], through_a_file(plain_generators(python[0])))
    assert python[0].gauss(0, 1) == python[1].gauss(0, 1)
    assert heuristics[0].rng.random() == heuristics[1].rng.random()
