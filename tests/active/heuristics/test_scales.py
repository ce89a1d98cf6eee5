"""Batches where numbers are large, small, or of very different size: at the ends of float32."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baal.active.heuristics import (
    BADGE,
    LCMD,
    CoreSet,
    DensityWeighted,
    Entropy,
    ExpectedErrorReduction,
    GreedySampling,
    MaxDet,
    ProbCover,
    RankedBatch,
    TypiClust,
    gradient_embeddings,
)
from baal.exceptions import InvalidArgumentError

N = 12
COVERING = {"CoreSet": CoreSet, "ProbCover": ProbCover, "LCMD": LCMD, "TypiClust": TypiClust}
COVERING["MaxDet"] = lambda n: MaxDet(n, bias=False)


def probabilities(n_items):
    return np.random.default_rng(1).dirichlet(np.ones(3), n_items)


def ranks_of(name, x, n, labelled=None):
    p = probabilities(len(x))
    if name == "BADGE":
        return BADGE(n, seed=0)(gradient_embeddings=gradient_embeddings(p, x))
    if name == "GreedySampling":
        more = {} if labelled is None else {"labelled_targets": labelled.sum(axis=1)}
        given = {"embeddings": x, "labelled_embeddings": labelled, **more}
        return GreedySampling(n)(x[:, :1], **given)
    if name in ("cosine", "rbf"):
        return RankedBatch(Entropy(), n, name)(p, embeddings=x, labelled_embeddings=labelled)
    if name == "DensityWeighted":
        return DensityWeighted(Entropy(), similarity="rbf")(p, embeddings=x)
    if name == "ExpectedErrorReduction":
        return ExpectedErrorReduction()(p, embeddings=x)
    return COVERING[name](n)(embeddings=x, labelled_embeddings=labelled)


NAMES = [*COVERING, "BADGE", "GreedySampling", "cosine", "rbf", "DensityWeighted"]
NAMES.append("ExpectedErrorReduction")


@pytest.mark.parametrize("name", NAMES)
@given(
    points=st.lists(st.integers(-3, 3), min_size=2, max_size=N),
    scale=st.sampled_from([1e-3, 1.0, 255.0, 1e4, 1e8, 1e20, 1e-20]),
    far=st.sampled_from([None, 1e3, 1e8, 1e19]),
    dtype=st.sampled_from([np.float32, np.float64]),
    with_labels=st.booleans(),
)
def test_ranks_are_a_permutation_whatever_the_numbers(name, points, scale, far, dtype, with_labels):
    x = np.outer(points, [1.0, 0.5]).astype(dtype) * dtype(scale)
    if far is not None:
        x[-1] = far
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ranks = ranks_of(name, x, len(x), x[:1] + 1 if with_labels else None)
    assert sorted(ranks.tolist()) == list(range(len(x)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("exponent", [-100, -66, 40, 66, 100])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "ExpectedErrorReduction"])
def test_a_scale_of_the_embeddings_changes_no_batch(name, exponent, dtype):
    x = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32).astype(dtype)
    x[3] = x[7]
    factor = dtype(2.0) ** exponent  # exact
    for labelled in (None, x[:2] + dtype(0.25)):
        expected = ranks_of(name, x, 5, labelled)
        ranks = ranks_of(name, factor * x, 5, None if labelled is None else factor * labelled)
        # The first five are the batch. In float32 the others may tie by another rounding.
        n = N if dtype == np.float64 and exponent < 0 else 5
        assert ranks[:n].tolist() == expected[:n].tolist()


@pytest.mark.parametrize("scale", [1e80, 1e-80, 1e200])
@pytest.mark.parametrize("name", NAMES)
def test_what_would_leave_the_range_of_float64_is_refused(name, scale):
    x = np.random.default_rng(0).normal(size=(N, 4)) * scale
    with pytest.raises(InvalidArgumentError, match=r"between 1e-70 and 1e\+70, but got .*: scale"):
        ranks_of(name, x, 5)


def test_one_item_far_out_makes_no_others_equal():
    x = np.r_[np.arange(0, 10, 0.5), 2000.0][:, None]
    for dtype in (np.float32, np.float64):
        ranks, scores = ProbCover(1, radius=0.6).get_ranks(embeddings=x.astype(dtype))
        assert scores[ranks[0]] == 3
    x = np.random.default_rng(0).normal(size=(300, 8))
    x[:3] = 3000 * np.eye(3, 8)
    batches = [CoreSet(40)(embeddings=x.astype(t))[:40].tolist() for t in (np.float32, float)]
    assert batches[0] == batches[1]
