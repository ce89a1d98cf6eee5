import numpy as np
import pytest

from baal.active.dataset import ActiveLearningDataset
from baal.active.stopping_criteria import StoppingCriterion
from baal.active.stopping_criteria.base import check_whole_number
from baal.exceptions import InvalidArgumentError, InvalidTypeError


class Counting(StoppingCriterion):
    def __init__(self, active_dataset):
        super().__init__(active_dataset)
        self._seen = []
        self._table = {"a": np.zeros(2), "b": [1, 2.5, "x", None, True]}
        self._private_object = object()
        self._not_plain = {1: "keys are no strings"}

    def should_stop(self, metrics, uncertainty=()):
        self._seen.append(metrics["loss"])
        self._table["a"] += 1
        return False


@pytest.fixture
def dataset():
    return ActiveLearningDataset(list(range(10)))


def test_the_base_decides_nothing(dataset):
    criterion = StoppingCriterion(dataset)
    with pytest.raises(NotImplementedError, match="StoppingCriterion must define `should_stop`"):
        criterion.should_stop({}, [])
    assert criterion.labels_left() is None
    assert criterion.see_model(None) is None


def test_a_subclass_saves_its_plain_attributes_without_a_line_of_its_own(dataset):
    first, second = Counting(dataset), Counting(dataset)
    first.should_stop({"loss": 1.0})
    state = first.state_dict()
    assert set(state) == {"_seen", "_table"}
    first.should_stop({"loss": 2.0})
    assert state["_seen"] == [1.0]  # a copy
    assert state["_table"]["a"].tolist() == [1, 1]
    second.load_state_dict(state)
    second.should_stop({"loss": 3.0})
    assert second._seen == [1.0, 3.0]
    assert state["_seen"] == [1.0]
    assert state["_table"]["a"].tolist() == [1, 1]


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_what_is_no_whole_number(value):
    with pytest.raises(InvalidTypeError, match="Expected `n` to be an int, but got"):
        check_whole_number("n", value, least=0)


def test_what_is_too_small():
    assert check_whole_number("n", np.int64(3), least=3) == 3
    with pytest.raises(InvalidArgumentError, match="Expected `n` to be 3 or more, but got 2"):
        check_whole_number("n", 2, least=3)
