"""Set aside: how many, which, and for good."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baal.active.dataset.validation import ValidationSplit
from baal.exceptions import InvalidArgumentError, InvalidTypeError


@settings(deadline=None)
@given(st.floats(0, 0.999), st.integers(0, 2**32 - 1), st.lists(st.integers(0, 40), max_size=12))
def test_the_share_is_exact_at_every_step(proportion, seed, sizes):
    split, n = ValidationSplit(proportion, seed), 0
    for step, size in enumerate(sizes, start=1):
        before = split.aside
        split = split.draw(np.arange(n, n + size)[::-1], step)
        n += size
        assert abs(len(split.aside) - proportion * n) < 1
        assert set(before.tolist()) <= set(split.aside.tolist()) <= set(range(n))
        assert (np.diff(split.aside) > 0).all()


def test_the_place_within_a_run_is_random():
    # One by one, ten to a run: each place of the ten is as likely as any other.
    places = []
    for seed in range(600):
        split = ValidationSplit(0.1, seed)
        for item in range(10):
            split = split.draw(np.array([item]), item + 1)
        assert len(split.aside) == 1
        places.append(int(split.aside[0]))
    counts = np.bincount(places, minlength=10)
    assert ((counts - 60) ** 2 / 60).sum() < 27.9  # chi-square, 9 degrees of freedom: p = 0.001


def test_which_items_of_a_call_are_taken_is_random_and_seeded():
    counts = np.zeros(10)
    for seed in range(600):
        split = ValidationSplit(0.5, seed).draw(np.arange(10), step=1)
        assert split.aside.tolist() == (
            ValidationSplit(0.5, seed).draw(np.arange(10)[::-1], step=1).aside.tolist()
        )
        counts[split.aside] += 1
    assert ((counts - 300) ** 2 / 150).sum() < 27.9
    assert ValidationSplit(0.5, 1).draw(np.arange(10), 2).aside.tolist() != (
        ValidationSplit(0.5, 1).draw(np.arange(10), 1).aside.tolist()
    )


def test_an_item_comes_back_to_its_side():
    split = ValidationSplit(0.3, seed=4).draw(np.arange(20), step=1)
    aside = split.aside.tolist()
    assert len(aside) == 6
    again = split.retire(np.arange(20)[::-1]).retire(np.arange(3))
    assert again.trained_on.tolist() == [i for i in range(20) if i not in aside]
    again = again.draw(np.arange(20), step=2)
    assert (again.aside.tolist(), again.n_decided) == (aside, 20)


def test_without_a_share_nothing_is_kept():
    split = ValidationSplit(0, seed=0)
    assert split.draw(np.arange(5), 1) is split
    assert split.retire(np.arange(5)) is split


@pytest.mark.parametrize(
    ("proportion", "error"),
    [(-0.1, InvalidArgumentError), (1, InvalidArgumentError), (float("nan"), InvalidArgumentError),
     (True, InvalidTypeError), ("0.1", InvalidTypeError), (None, InvalidTypeError)],
)  # fmt: skip
def test_refused_shares(proportion, error):
    with pytest.raises(error, match="Expected `validation_split` to be"):
        ValidationSplit(proportion, 0)


def test_plain_and_back():
    split = ValidationSplit(0.3, seed=4).draw(np.arange(20), step=1).retire(np.arange(9))
    plain = split.to_plain()
    twin = ValidationSplit.from_plain(plain, 20)
    plain["aside"][:] = 0
    assert twin.aside.tolist() == split.aside.tolist()
    assert twin.draw(np.arange(20, 40), 2).aside.tolist() == (
        split.draw(np.arange(20, 40), 2).aside.tolist()
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"aside": np.array([30])}, "between 0 and 19, but got some from 30 to 30"),
        ({"trained_on": np.array([-1])}, "between 0 and 19, but got some from -1"),
        ({"proportion": 2}, "to be a saved validation split"),
        ({"seed": None}, "to be a saved validation split"),
    ],
)
def test_refused_states(change, message):
    plain = ValidationSplit(0.3, seed=4).to_plain()
    with pytest.raises(InvalidArgumentError, match=message):
        ValidationSplit.from_plain({**plain, **change}, 20)
