import numpy as np

from baal.active.dataset import ActiveNumpyArray
from baal.active.heuristics import Precomputed
from baal.experiments.scoring_loop import ScoringLoop


def test_arrays_are_tried_out_on_a_few_items_and_scored():
    x = np.array([1.0, 3.0, 2.0, 0.0, 0.5, 0.25])
    calls = []

    def predict(pool):
        calls.append(len(pool[0]))
        return pool[0]

    dataset = ActiveNumpyArray((x, np.zeros(6)))
    loop = ScoringLoop(dataset, predict, Precomputed(reverse=True), query_size=2)
    loop.probe()
    assert calls == [4]
    assert dataset.n_labelled == 0
    proposal, scores = loop.scored_query()
    assert proposal.dataset_indices.tolist() == [1, 2]
    assert scores.tolist() == x.tolist()
    dataset.label(list(range(6)))
    loop.probe()
    assert len(loop.scored_query()[0]) == 0
    assert calls == [4, 6]
