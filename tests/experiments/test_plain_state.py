import io
import random
from collections import Counter, OrderedDict

import numpy as np
import torch

from baal.active.heuristics import BALD, CombineHeuristics, Margin, PowerBALD, Random
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


def test_generators_go_on_where_they_were():
    first, second = Holder(1), Holder(2)
    first.mine.rand(), torch.rand(1, generator=first.torch["g"])
    plain = through_a_file(plain_generators(first))
    expected = first.mine.rand(), torch.rand(1, generator=first.torch["g"])
    load_generators(second, plain)
    assert expected == (second.mine.rand(), torch.rand(1, generator=second.torch["g"]))
    heuristics = Random(seed=1), Random(seed=2)
    load_generators(heuristics[1], through_a_file(plain_generators(heuristics[0])))
    assert heuristics[0].rng.random() == heuristics[1].rng.random()
