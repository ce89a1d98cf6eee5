import warnings

import pytest

from baal.active import get_heuristic as from_facade
from baal.active import heuristics
from baal.active.heuristics import (
    BALD,
    AbstractHeuristic,
    BatchHeuristic,
    StochasticHeuristic,
    available_heuristics,
    fitting_heuristic,
    get_heuristic,
    register_heuristic,
    registry,
)
from baal.active.heuristics import heuristics as old_path
from baal.exceptions import InvalidArgumentError

NAMES = available_heuristics()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_works_with_its_defaults_in_silence(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heuristic = get_heuristic(name)
        assert type(get_heuristic(name.upper(), 0.0, "none")) is type(heuristic)
    assert isinstance(heuristic, AbstractHeuristic)
    assert type(heuristic).__name__.lower() == name.replace("_", "")
    assert get_heuristic(name, mode="logits", seed=3).mode == "logits"


def test_arguments_are_passed_on():
    assert get_heuristic("variance").reduction == "mean"
    assert get_heuristic("variance", reduction="max").reduction == "max"
    assert get_heuristic("precomputed", reverse=True).reversed
    with pytest.warns(DeprecationWarning, match="shuffle_prop"):
        assert get_heuristic("bald", 0.25).shuffle_prop == 0.25


def test_names_are_listed():
    assert {"bald", "certainty", "entropy", "margin", "precomputed", "random"} <= set(NAMES)
    assert {"consensus_kl", "gaussian_bald", "mean_std", "multilabel_bald"} <= set(NAMES)
    assert {"batch_bald", "epig", "gaussian_epig"} <= set(NAMES)
    assert {"multilabel_entropy", "multilabel_margin", "predictive_variance"} <= set(NAMES)
    assert {"variance", "variation_ratio", "vote_entropy"} <= set(NAMES)
    assert available_heuristics() == sorted(available_heuristics())
    with pytest.raises(InvalidArgumentError, match=r"one of \['bald', .*\], but got 'bold'"):
        get_heuristic("bold")
    for no_name in (None, BALD):
        with pytest.raises(InvalidArgumentError, match=r"Expected `name` to be one of \['bald'"):
            get_heuristic(no_name)


def test_arguments_that_a_heuristic_lacks():
    with pytest.raises(InvalidArgumentError, match=r"heuristic 'precomputed' to be among \['shuf"):
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


SAMPLING = ["gibbs_sampling", "power_sampling", "rank_based_sampling"]


@pytest.mark.parametrize("name", ["batch_bald", "epig", "power_bald", "power_entropy", *SAMPLING])
def test_batch_names_work_with_their_defaults_in_silence(name):
    heuristic = get_heuristic(name)
    assert type(heuristic).__name__.lower() == name.replace("_", "")
    assert heuristic.reversed
    assert get_heuristic(name, mode="logits", seed=3).mode == "logits"


def test_batches_have_a_size():
    assert get_heuristic("batch_bald").num_samples == 10
    assert get_heuristic("batch_bald", num_samples=3, num_draw=7).num_samples == 3
    assert get_heuristic("power_bald", query_size=4, temperature=2.0).temperature == 2.0


@pytest.mark.parametrize("name", SAMPLING)
def test_sampling_by_another_heuristic(name):
    heuristic = get_heuristic(name, base_heuristic="margin", reduction="max", temperature=0.5)
    assert type(heuristic.base_heuristic).__name__ == "Margin"
    assert heuristic.base_heuristic.reduction == "max"
    assert not heuristic.reversed
    assert heuristic.temperature == 0.5
    own = BALD()
    assert get_heuristic(name, base_heuristic=own).base_heuristic is own
    with pytest.raises(
        InvalidArgumentError, match=r"Expected \['mode'\] to be given to `base_heur"
    ):
        get_heuristic(name, base_heuristic=own, mode="logits")
    with pytest.raises(InvalidArgumentError, match="of heuristic 'bald' to be among"):
        get_heuristic(name, query=3)


OFFERED = {"mode": "logits", "seed": 3, "query_size": 7, "num_samples": 7, "nonsense": 1}


@pytest.mark.parametrize("name", NAMES)
def test_a_fitting_heuristic_takes_what_it_knows_and_leaves_the_rest(name):
    heuristic = fitting_heuristic(name.upper(), **OFFERED)
    assert type(heuristic) is type(get_heuristic(name))
    assert heuristic.mode == "logits"
    taken = {key for key in ("query_size", "num_samples") if getattr(heuristic, key, None) == 7}
    batches = isinstance(heuristic, BatchHeuristic | StochasticHeuristic)
    assert taken == (
        {"num_samples"} if name == "batch_bald" else {"query_size"} if batches else set()
    )


def test_a_fitting_heuristic_needs_a_name_that_is_known():
    with pytest.raises(InvalidArgumentError, match=r"one of \['bald', .*\], but got 'bold'"):
        fitting_heuristic("bold", **OFFERED)


@pytest.mark.parametrize("name", SAMPLING)
def test_the_mode_of_a_sampling_heuristic_is_that_of_what_it_draws_by(name):
    heuristic = get_heuristic(name, base_heuristic="margin", mode="logits")
    assert (heuristic.mode, heuristic.base_heuristic.mode) == ("logits", "logits")
    assert get_heuristic(name).base_heuristic.mode == "auto"
