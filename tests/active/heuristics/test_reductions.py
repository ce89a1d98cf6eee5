import numpy as np
import pytest

from baal.active.heuristics.reductions import available_reductions, find_reduction
from baal.exceptions import InvalidArgumentError

SCORES = np.array([[[1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, 4.0]]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("max", [6, 4]), ("min", [1, 0]), ("mean", [3, 1]), ("sum", [12, 4])],
)
def test_reductions(name, expected):
    assert find_reduction(name)(SCORES).tolist() == expected
    assert find_reduction(name)(np.array([1.0, 2.0])).tolist() == [1.0, 2.0]


def test_none_and_callables():
    assert find_reduction("none")(SCORES) is SCORES

    def corner(scores):
        return scores[:, 0, 0]

    assert find_reduction(corner) is corner
    assert sorted(available_reductions) == ["max", "mean", "min", "none", "sum"]


def test_unknown_name():
    with pytest.raises(InvalidArgumentError, match=r"one of \['max', .*\], but got 'median'"):
        find_reduction("median")
