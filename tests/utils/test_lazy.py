import math

import pytest

from baal.utils.lazy import lazy_attributes


def test_fetches_from_home():
    fetch, names = lazy_attributes("p", {"pi": "math", "sqrt": "math"})
    assert fetch("pi") == math.pi
    assert names() == ["pi", "sqrt"]


def test_unknown_name():
    fetch, _ = lazy_attributes("mypackage", {})
    with pytest.raises(AttributeError, match="module 'mypackage' has no attribute 'nope'"):
        fetch("nope")
