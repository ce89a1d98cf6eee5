import numpy as np
import pytest

from baal.active.heuristics import Certainty
from baal.active.heuristics.shuffling import IGNORED, shuffle_some
from baal.exceptions import InvalidTypeError


@pytest.mark.parametrize("given", [0.0, 0.3])
def test_shuffle_prop_warns_once_and_names_what_replaces_it(given):
    with pytest.warns(
        DeprecationWarning, match="Leave it out; .*PowerSampling, .*stochastics"
    ) as w:
        heuristic = Certainty(shuffle_prop=given)
    assert len(w) == 1
    assert w[0].filename == __file__
    assert heuristic.shuffle_prop == given
    assert repr(IGNORED) == "IGNORED"


@pytest.mark.parametrize(("proportion", "n_free"), [(0.0, 0), (0.25, 25), (1.0, 100)])
def test_shuffling_moves_no_more_than_its_proportion(proportion, n_free):
    ranks = np.arange(100)[::-1].astype(np.int64)
    shuffled = shuffle_some(ranks, proportion, np.random.default_rng(0))
    assert sorted(shuffled) == sorted(ranks)
    moved = int((shuffled != ranks).sum())
    assert moved <= n_free
    assert moved >= 0.8 * n_free
    again = shuffle_some(ranks, proportion, np.random.default_rng(0))
    assert again.tolist() == shuffled.tolist()


def test_a_reduction_in_its_place():
    with pytest.raises(InvalidTypeError, match=r"`shuffle_prop`, the first .* got 'mean'"):
        Certainty("mean")
