import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.training.early_stopping import BestEpoch, is_tested

losses = st.lists(st.floats() | st.integers(0, 3).map(float), min_size=1, max_size=12)


@given(losses)
def test_the_best_is_the_first_lowest_of_the_finite(seen):
    best = BestEpoch()
    new = [number for number, loss in enumerate(seen) if best.see(loss)]
    finite = [loss for loss in seen if math.isfinite(loss)]
    if finite:
        assert new[-1] == seen.index(min(finite))
        assert best.loss == min(finite)
    else:
        assert new == []


@given(losses, st.integers(0, 4), st.integers(0, 12))
def test_it_stops_after_patience_losses_without_a_new_best(seen, patience, least):
    best = BestEpoch(patience, least)
    flags = []
    for number, loss in enumerate(seen, 1):
        flags.append(best.see(loss))
        waited = len(flags) - 1 - max((i for i, new in enumerate(flags) if new), default=-1)
        assert best.should_stop(number) == (waited >= max(patience, 1) and number >= least)


def test_losses_that_are_huge_count():
    best = BestEpoch()
    assert [best.see(loss) for loss in (1e30, 1e20, 1e25)] == [True, True, False]


def test_without_patience_it_never_stops():
    best = BestEpoch()
    assert not any(best.see(math.nan) or best.should_stop(n) for n in range(50))


@given(st.integers(1, 20), st.integers(1, 25))
def test_the_first_and_the_last_epoch_are_tested(n_epochs, skip):
    tested = [epoch for epoch in range(n_epochs) if is_tested(epoch, n_epochs, skip)]
    assert tested == sorted({*range(0, n_epochs, skip), n_epochs - 1})


@pytest.mark.parametrize(
    ("kwargs", "name"),
    [
        ({"patience": -1}, "patience"),
        ({"min_epochs": -1}, "min_epoch_for_es"),
        ({"skip_epochs": 0}, "skip_epochs"),
    ],
)
def test_out_of_range(kwargs, name):
    with pytest.raises(InvalidArgumentError, match=f"`{name}` to be at least"):
        BestEpoch(**kwargs)
    value = next(iter(kwargs))
    for wrong in (1.0, True, "3"):
        with pytest.raises(InvalidTypeError, match=f"`{name}` to be a whole number"):
            BestEpoch(**{value: wrong})


def test_whole_numbers_of_numpy():
    assert BestEpoch(np.int64(2)).patience == 2
