import tracemalloc

import numpy as np
import pytest

from baal.active.heuristics import BALD, PointwiseHeuristic

ITEMS = np.array([[[0.5, 0.25], [0.5, 0.75]], [[1.0, 1.0], [0.0, 0.0]]])


class Spread(PointwiseHeuristic):
    """A user's own: the width of the first class's probabilities."""

    reversed = True
    min_dims = 3

    def score_probabilities(self, probabilities):
        return np.ptp(probabilities[:, 0], axis=-1)


class Doubled(Spread):
    def compute_score(self, predictions):
        return 2 * super().compute_score(predictions)


def test_a_function_on_blocks_is_enough():
    ranks, scores = Spread(reduction="mean").get_ranks(ITEMS)
    assert ranks.tolist() == [0, 1]
    assert scores.tolist() == [0.25, 0.0]
    logits = np.log(ITEMS + 1e-300)
    assert Spread().get_uncertainties(logits) == pytest.approx([0.25, 0.0])
    assert Spread().compute_score(np.stack([ITEMS, ITEMS], axis=2)).shape == (2, 2)


def test_a_subclass_may_extend_the_score():
    for given in (ITEMS, iter(np.split(ITEMS, 2))):
        assert Doubled().get_uncertainties(given).tolist() == [0.5, 0.0]


def test_a_subclass_must_define_its_score():
    with pytest.raises(NotImplementedError, match="must define `score_probabilities`"):
        PointwiseHeuristic()(ITEMS)


@pytest.mark.parametrize("threads", [1, 3])
def test_large_arrays_take_the_memory_of_blocks(threads):
    p = np.full((3, 5, 300, 200, 20), 0.2, np.float32)  # 69 MiB
    tracemalloc.start()
    try:
        scores = BALD(threads=threads).get_uncertainties(p)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert scores.max() == 0
    assert peak < 2 * scores.nbytes + threads * 12e6


def test_logits_are_noticed_by_every_number_of_threads():
    logits = np.zeros((9000, 4, 20), np.float32)
    logits[-1] = 3
    for threads in (1, 3):
        scores = BALD(threads=threads).get_uncertainties(logits)
        assert scores.max() == 0
        assert len(scores) == 9000
