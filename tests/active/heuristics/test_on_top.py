import numpy as np
import pytest

from baal.active.heuristics import (
    BALD,
    CombineHeuristics,
    DensityWeighted,
    Entropy,
    PoolHeuristic,
    PowerSampling,
    RankedBatch,
)
from baal.active.heuristics.on_top import stretched
from baal.exceptions import InvalidArgumentError
from tests.active.heuristics.test_joint_entropy import draw

X = np.random.default_rng(0).normal(size=(20, 3))


def test_a_mask_is_handed_to_the_base():
    pool = draw((20, 3, 5, 8))  # [N, C, L, K]
    mask = np.arange(5) < np.random.default_rng(0).integers(1, 6, size=(20, 1))
    base = BALD(reduction="mean")
    heuristic = DensityWeighted(base, 0)
    assert heuristic.takes_mask
    scores = heuristic.get_uncertainties(pool, mask=mask, embeddings=X)
    np.testing.assert_array_equal(scores, base.get_uncertainties(pool, mask=mask))
    with pytest.raises(InvalidArgumentError, match="Expected no `mask`, which the base heuristic"):
        DensityWeighted(CombineHeuristics([Entropy()], [1])).get_ranks(
            pool, mask=mask, embeddings=X
        )


class Longest(PoolHeuristic):
    needs_predictions = False
    needs_embeddings = True
    needs_gradient_lengths = True
    takes_labelled_targets = True

    def score_pool(self, pool):
        self.seen = pool
        return pool.gradient_lengths.max(axis=1)


@pytest.mark.parametrize("kind", [DensityWeighted, lambda base: RankedBatch(base, 2)])
def test_the_base_may_be_one_that_looks_at_the_pool(kind):
    base = Longest()
    heuristic = kind(base)
    assert heuristic.needs_gradient_lengths
    assert heuristic.takes_labelled_targets
    assert not heuristic.needs_predictions
    given = {"embeddings": X, "gradient_lengths": np.abs(X), "labelled_targets": [1, 2]}
    ranks, _ = heuristic.get_ranks(**given)
    assert sorted(ranks) == list(range(20))
    np.testing.assert_array_equal(base.seen.embeddings, X)
    assert base.seen.labelled_targets.tolist() == [1, 2]
    drawn = PowerSampling(base, 2, 1e-6, seed=0)
    assert drawn(**given).tolist() == base(**given).tolist()
    np.testing.assert_array_equal(drawn.compute_score(**given), base.compute_score(**given))
    np.testing.assert_array_equal(drawn.get_uncertainties(**given), base.compute_score(**given))
    generated = drawn.get_uncertainties_generator(None, **given)
    np.testing.assert_array_equal(generated, base.compute_score(**given))


def test_several_outputs_are_one_score():
    pools = [draw((20, 3, 8)), draw((20, 2, 8), 1)]
    base = CombineHeuristics([Entropy(), BALD()], [1, 2])
    scores = DensityWeighted(base, 0).get_uncertainties(pools, embeddings=X)
    np.testing.assert_array_equal(scores, base.get_uncertainties(pools))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DensityWeighted(Entropy())(draw((20, 3, 8))), "`embeddings` to be given to Dens"),
        (
            lambda: DensityWeighted(Entropy())(draw((20, 3, 8)), embeddings=X[:5]),
            "a row for each of the 20 items of the pool, but got 5",
        ),
        (
            lambda: DensityWeighted(Entropy())(draw((20, 3, 5, 8)), embeddings=X),
            r"one score for each item, \[N\], from the base heuristic Entropy, but .*\(20, 5\)",
        ),
        (
            lambda: DensityWeighted(Entropy())(draw((20, 3, 8)), embeddings=X, colour="red"),
            "Expected no `colour`, which the base heuristic Entropy does not take",
        ),
        (
            lambda: PowerSampling(Entropy(), 2)(draw((20, 3, 8)), embeddings=X),
            "Expected no `embeddings`, which the base heuristic Entropy does not take",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InvalidArgumentError, match=message):
        call()


def test_stretching_goes_from_certain_to_uncertain():
    assert stretched(np.array([2.0, 6.0, 3.0]), highest_first=True).tolist() == [0, 1, 0.25]
    assert stretched(np.array([2.0, 2.0]), highest_first=False).tolist() == [0, 0]
    assert stretched(np.zeros(0), highest_first=True).tolist() == []
