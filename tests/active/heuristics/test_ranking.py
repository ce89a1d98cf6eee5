import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baal.active.heuristics.ranking import TIE, rank_scores
from baal.exceptions import InvalidArgumentError


def literal_ranks(scores, highest_first):
    """Pick the best that is left; among all that tie with it, from the lowest index on."""
    left = {i: (-s if highest_first else s) for i, s in enumerate(scores) if np.isfinite(s)}
    ranks = []
    while left:
        best = min(left.values())
        group = sorted(i for i, key in left.items() if key - best <= TIE)
        ranks += group
        left = {i: key for i, key in left.items() if i not in group}
    return ranks + [i for i, s in enumerate(scores) if not np.isfinite(s)]


@given(
    # Quarters of the tolerance: chains of near ties, whose ends are no ties.
    st.lists(st.integers(0, 40).map(lambda i: (i + 0.5) * TIE / 4 * (1 + 1e-3)), max_size=25),
    st.booleans(),
)
def test_equals_the_literal_definition(scores, highest_first):
    ranks = rank_scores(np.array(scores, np.float64), highest_first=highest_first)
    assert ranks.tolist() == literal_ranks(scores, highest_first)


def test_directions_and_ties():
    scores = np.array([0.5, 0.1, 0.5 + 1e-10, 0.9, 0.1 - 1e-10])
    assert rank_scores(scores, highest_first=True).tolist() == [3, 0, 2, 1, 4]
    assert rank_scores(scores, highest_first=False).tolist() == [1, 4, 0, 2, 3]


@pytest.mark.parametrize("highest_first", [True, False])
def test_broken_scores_never_win_and_are_reported_once(highest_first):
    scores = np.array([np.nan, 0.2, np.inf, 0.2, -np.inf])
    with pytest.warns(
        RuntimeWarning, match=r"got 3 of 5 that are not \(the first .* item 0\)"
    ) as w:
        ranks = rank_scores(scores, highest_first=highest_first)
    assert len(w) == 1
    assert ranks.tolist() == [1, 3, 0, 2, 4]


@pytest.mark.parametrize("n", [0, 1, 3])
def test_torch_accepts_the_ranks(n):
    ranks = rank_scores(np.arange(float(n)), highest_first=True)
    assert ranks.dtype == np.int64
    assert torch.from_numpy(ranks).tolist() == list(range(n))[::-1]


@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_one_score_for_each_item(shape):
    with pytest.raises(InvalidArgumentError, match=r"one score for each item.*`reduction` such as"):
        rank_scores(np.zeros(shape), highest_first=True)
