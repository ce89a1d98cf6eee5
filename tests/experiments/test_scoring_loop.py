import numpy as np

from baal.active.dataset import ActiveNumpyArray
from baal.active.heuristics import Precomputed
from baal.experiments.scoring_loop import ScoringLoop


def test_arrays_are_scored_and_not_tried_out():
    x = np.array([1.0, 3.0, 2.0])
    calls = []

    def predict(pool):
        calls.append(len(pool[0]))
        return pool[0]

    dataset = ActiveNumpyArray((x, np.zeros(3)))
    loop = ScoringLoop(dataset, predict, Precomputed(reverse=True), query_size=2)
    loop.probe()
    assert calls == []
    proposal, scores = loop.scored_query()
    assert proposal.dataset_indices.tolist() == [1, 2]
    assert scores.tolist() == [1, 3, 2]
    dataset.label([0, 1, 2])
    loop.probe()
    assert len(loop.scored_query()[0]) == 0
    assert calls == [3]
