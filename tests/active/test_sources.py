import numpy as np
import pytest

from baal.active.heuristics import BALD, CoreSet
from baal.active.sources import Sources, asks_for, mean_outputs
from baal.exceptions import InvalidArgumentError


class Wrapper:
    def predict_on_dataset(self, items):
        return np.ones((len(items), 2, 3)) / 2

    def embed_on_dataset(self, items, **options):
        return np.ones((len(items), 4)), options


def test_means():
    assert mean_outputs(iter([np.ones((2, 3, 4)), np.zeros((1, 3, 4))])).tolist() == [
        [1] * 3, [1] * 3, [0] * 3,
    ]  # fmt: skip
    assert mean_outputs([[0.25, 0.75]]).tolist() == [[0.25, 0.75]]


def test_the_predictors_own_methods_get_the_options():
    wrapper = Wrapper()
    sources = Sources(wrapper.predict_on_dataset, wrapper, options={"verbose": False})
    assert sources.embeddings(CoreSet(1), "abc")[1] == {"verbose": False}
    others = Sources(wrapper.predict_on_dataset, wrapper, len, options={"verbose": False})
    assert others.embeddings(CoreSet(1), "abc") == 3


def test_what_is_there_is_checked_before_anything_is_predicted():
    wrapper = Wrapper()
    Sources(wrapper.predict_on_dataset, wrapper).check(CoreSet(1))
    Sources(None, None).check(BALD())
    Sources(None, None, get_embeddings=len).check(CoreSet(1))
    with pytest.raises(InvalidArgumentError, match="supply CoreSet with what it needs"):
        Sources(None, None).check(CoreSet(1))


def test_facts_that_nobody_told():
    assert asks_for(CoreSet(1), "takes_labelled_embeddings")
    assert not asks_for(object(), "takes_labelled_embeddings")
