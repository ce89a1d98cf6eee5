import pytest
from torch import nn

from baal.active.dataset import ActiveLearningDataset
from baal.active.stopping_criteria import (
    AnyStoppingCriterion,
    LabellingBudgetStoppingCriterion,
    StoppingCriterion,
    TargetMetricStoppingCriterion,
)
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.experiments.adapters import FrameworkAdapter
from baal.experiments.checks import (
    adapter_for,
    check_callbacks,
    check_criterion,
    check_labelled,
    check_not_empty,
)
from baal.experiments.modelwrapper import ModelWrapperAdapter
from baal.modelwrapper import ModelWrapper, TrainingArgs


def test_an_adapter_is_taken_as_it_is():
    adapter = adapter_for(ModelWrapper(nn.Linear(1, 1), TrainingArgs()))
    assert isinstance(adapter, ModelWrapperAdapter)
    assert adapter_for(adapter) is adapter
    with pytest.raises(InvalidArgumentError, match="but got ABCMeta"):
        adapter_for(FrameworkAdapter)


def test_a_criterion_for_another_dataset_would_count_the_wrong_labels():
    mine, other = ActiveLearningDataset([1, 2]), ActiveLearningDataset([1, 2])
    good = TargetMetricStoppingCriterion(mine, "test_loss", 0.5)
    check_criterion(good, mine)
    check_criterion(None, mine)
    budget = LabellingBudgetStoppingCriterion(other, 1)
    for criterion in (budget, AnyStoppingCriterion(good, AnyStoppingCriterion(good, budget))):
        with pytest.raises(
            InvalidArgumentError, match="got a LabellingBudgetStoppingCriterion for another dataset"
        ):
            check_criterion(criterion, mine)


class Quacks:
    def should_stop(self, metrics, uncertainty):
        return False


@pytest.mark.parametrize("criterion", [Quacks(), LabellingBudgetStoppingCriterion, []])
def test_what_is_no_criterion(criterion):
    with pytest.raises(InvalidTypeError, match="to be a stopping criterion or None, but got"):
        check_criterion(criterion, None)


def test_the_base_class_decides_nothing():
    dataset = ActiveLearningDataset([1])
    with pytest.raises(InvalidTypeError, match="to define `should_stop`"):
        check_criterion(StoppingCriterion(dataset), dataset)


@pytest.mark.parametrize("callbacks", [print, [print, 3], None, {"a": print}])
def test_callbacks_are_a_list_of_functions(callbacks):
    with pytest.raises(InvalidTypeError, match="`callbacks` to be a list of functions, but got"):
        check_callbacks(callbacks)
    check_callbacks(())


def test_datasets_have_a_length():
    for nothing in (None, iter([1])):
        with pytest.raises(InvalidTypeError, match="`eval_dataset` to be a dataset with a length"):
            check_not_empty("eval_dataset", nothing)
    with pytest.raises(InvalidArgumentError, match="to have items, but got an empty one"):
        check_not_empty("eval_dataset", [])


def test_nothing_labelled():
    with pytest.raises(InvalidArgumentError, match="label_randomly"):
        check_labelled(ActiveLearningDataset([1]))
