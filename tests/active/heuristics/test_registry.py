import warnings

import pytest

from baal.active import get_heuristic as from_facade
from baal.active import heuristics
from baal.active.heuristics import (
    BALD,
    AbstractHeuristic,
    available_heuristics,
    get_heuristic,
    register_heuristic,
    registry,
)
from baal.active.heuristics import heuristics as old_path
from baal.exceptions import InvalidArgumentError

NAMES = ["bald", "certainty", "entropy", "margin", "precomputed", "random", "variance"]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_works_with_its_defaults_in_silence(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heuristic = get_heuristic(name)
        assert type(get_heuristic(name.upper(), 0.0, "none")) is type(heuristic)
    assert isinstance(heuristic, AbstractHeuristic)
    assert type(heuristic).__name__.lower() == name
    assert get_heuristic(name, mode="logits", seed=3).mode == "logits"


def test_arguments_are_passed_on():
    assert get_heuristic("variance").reduction == "mean"
    assert get_heuristic("variance", reduction="max").reduction == "max"
    assert get_heuristic("precomputed", reverse=True).reversed
    with pytest.warns(DeprecationWarning, match="shuffle_prop"):
        assert get_heuristic("bald", 0.25).shuffle_prop == 0.25


def test_names_are_listed():
    assert set(NAMES) <= set(available_heuristics())
    assert available_heuristics() == sorted(available_heuristics())
    with pytest.raises(InvalidArgumentError, match=r"one of \['bald', .*\], but got 'bold'"):
        get_heuristic("bold")


def test_arguments_that_a_heuristic_lacks():
    with pytest.raises(InvalidArgumentError, match=r"of heuristic 'precomputed' to fit \(shuffle_"):
        get_heuristic("precomputed", reduction="mean")


def test_registering(monkeypatch):
    monkeypatch.setattr(registry, "_known", dict(registry._known))

    class Mine(BALD):
        pass

    register_heuristic("Mine", Mine)
    register_heuristic("mine", Mine)
    assert type(get_heuristic("mine", reduction="sum")) is Mine
    assert "mine" in available_heuristics()
    with pytest.raises(InvalidArgumentError, match="Expected `name` to be free, but got 'BALD'"):
        register_heuristic("BALD", Mine)


def test_old_path_and_facade_give_the_same_objects():
    assert from_facade is get_heuristic
    for name in old_path.__all__:
        assert getattr(old_path, name) is getattr(heuristics, name)
    assert set(old_path.__all__) <= set(heuristics.__all__)
