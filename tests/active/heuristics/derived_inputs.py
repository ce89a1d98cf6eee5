"""Gives heuristics what they need beside predictions, made of the predictions themselves.

So whatever a test does to the predictions, such as a change of order, a copy, or a broken value, is
done to embeddings and gradients as well.
"""

import warnings

import numpy as np

from baal.active.heuristics.predictions import is_batches, join, read_whole
from baal.active.heuristics.scoring import read_probabilities
from baal.utils.gradient_embeddings import gradient_embeddings

NEEDS = ("needs_embeddings", "needs_gradient_embeddings", "needs_gradient_lengths")


def with_derived_inputs(heuristic):
    """The heuristic, which now makes its embeddings of the predictions that it is given."""
    if any(getattr(heuristic, need, False) for need in NEEDS):
        kind = type(heuristic)
        heuristic.__class__ = type(kind.__name__, (_Derived, kind), {})
    return heuristic


class _Derived:
    def get_ranks(self, predictions=None, target_predictions=None, **given):
        if predictions is not None:
            if is_batches(predictions):
                batches = list(predictions)
                predictions, whole = iter(batches), join(batches) if batches else np.zeros((0, 2))
            else:
                whole = read_whole(predictions)
            given = derived(self, whole) | given
        return super().get_ranks(predictions, target_predictions, **given)


def derived(heuristic, predictions):
    """Inputs that depend neither on the order of classes or samples, nor on logits."""
    p = features(predictions)
    inputs = {
        "embeddings": p,
        "gradient_embeddings": gradient_embeddings(p, p**2),
        "gradient_lengths": np.sqrt(p),
    }
    return {name: x for name, x in inputs.items() if getattr(heuristic, f"needs_{name}", False)}


def features(predictions):
    """`[N, C, ..., K]` to `[N, C]`, the mean probabilities in ascending order."""
    if predictions.ndim < 2 or 0 in predictions.shape:
        return np.full((len(predictions) if predictions.ndim else 1, 2), 0.5)
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore")
        p = read_probabilities(predictions.astype(np.float64), "auto")
    p = p.reshape(*p.shape[:2], -1).mean(axis=-1)
    p = np.concatenate([p, 1 - p], axis=1) if p.shape[1] == 1 else p
    return np.sort(p, axis=1)
