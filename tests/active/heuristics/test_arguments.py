import numpy as np
import pytest

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
