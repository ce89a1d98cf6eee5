import pytest

from baal.exceptions import InvalidArgumentError
from baal.experiments.adapters import FrameworkAdapter


class Nothing(FrameworkAdapter):
    def train(self, dataset):
        return {}

    def evaluate(self, dataset, average_predictions):
        return {}

    def predict(self, dataset, iterations):
        return []

    def state_dict(self):
        return {}

    def load_state_dict(self, state_dict):
        return None


def test_five_methods_make_an_adapter():
    with pytest.raises(TypeError, match="abstract"):
        FrameworkAdapter("trainer")
    adapter = Nothing("trainer")
    adapter.check()
    assert adapter.settings() == {"trainer": "str"}
    assert adapter.samples_are_joint is None
    assert adapter.target_columns([2, 0]) == [2, 0]  # targets number the columns


def test_no_trainer():
    with pytest.raises(InvalidArgumentError, match="to be a trainer, but got None"):
        Nothing(None).check()
