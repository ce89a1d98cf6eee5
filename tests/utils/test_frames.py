import warnings

from baal.active.heuristics import BALD, get_heuristic
from baal.utils.frames import level_outside_baal


def test_one_level_for_a_caller_outside():
    assert level_outside_baal() == 1


def test_warnings_from_any_depth_point_at_this_file():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        BALD(0.5)
        get_heuristic("margin", 0.5)
    assert [warning.filename for warning in caught] == [__file__, __file__]
