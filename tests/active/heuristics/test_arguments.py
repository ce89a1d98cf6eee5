from functools import partial

import numpy as np
import pytest

from baal.active.heuristics import BAIT, BALD, CoreSet, MaxDet
from baal.active.heuristics.arguments import (
    check_count,
    check_heuristic,
    check_number,
    check_positive,
    check_seed,
    check_temperature,
)
from baal.active.heuristics.baselines import Random
from baal.exceptions import InvalidArgumentError, InvalidTypeError


def test_what_is_fine_comes_back_in_plain_types():
    assert type(check_count("n", np.int32(3))) is int
    assert type(check_temperature(np.float32(2))) is float
    assert type(check_number("r", np.float32(2))) is float
    assert type(check_positive("r", np.float32(2))) is float
    assert type(check_seed(np.uint8(0))) is int
    assert check_seed(None) is None
    check_heuristic("heuristic", Random())


def test_what_is_not():
    with pytest.raises(InvalidArgumentError, match="Expected `n` to be 2 or more, but got 1"):
        check_count("n", 1, at_least=2)
    for bad in (True, 1.0, None):
        with pytest.raises(InvalidTypeError, match="Expected `n` to be an int"):
            check_count("n", bad)
    for bad in (True, None, "1"):
        with pytest.raises(InvalidTypeError, match="`temperature` to be a number"):
            check_temperature(bad)
        with pytest.raises(InvalidTypeError, match="Expected `r` to be a number"):
            check_number("r", bad)
        with pytest.raises(InvalidTypeError, match="Expected `r` to be a number"):
            check_positive("r", bad)
    for bad in (-1, np.inf, np.nan):
        with pytest.raises(InvalidArgumentError, match="`r` to be 0 or more, and finite, but got"):
            check_number("r", bad)
    for bad in (0, -1, np.inf, np.nan):
        with pytest.raises(InvalidArgumentError, match="`r` to be above 0 and finite, but got"):
            check_positive("r", bad)
    with pytest.raises(InvalidArgumentError, match="Expected `seed` to be 0 or more, but got -1"):
        check_seed(-1)
    for bad in ("a", 1.5, True, [1]):
        with pytest.raises(InvalidTypeError, match="Expected `seed` to be an int, but got"):
            check_seed(bad)
    with pytest.raises(InvalidTypeError, match="Expected `h` to be a heuristic"):
        check_heuristic("h", "bald")


def test_constructors_refuse_what_is_no_seed_and_no_noise():
    for make in (BALD, partial(CoreSet, 2), partial(BAIT, 2)):
        make(seed=np.int64(3))
        with pytest.raises(InvalidArgumentError, match="`seed` to be 0 or more, but got -1"):
            make(seed=-1)
        for bad in ("a", 1.5):
            with pytest.raises(InvalidTypeError, match="`seed` to be an int, but got"):
                make(seed=bad)
    with pytest.raises(InvalidTypeError, match="`noise` to be a number, but got 'a'"):
        MaxDet(2, noise="a")
    with pytest.raises(InvalidArgumentError, match="`noise` to be above 0 and finite, but got 0"):
        MaxDet(2, noise=0)
