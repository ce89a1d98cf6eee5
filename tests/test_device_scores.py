import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from baal.active import ActiveLearningDataset, ActiveLearningLoop
from baal.active.heuristics import BALD, Precomputed, available_reductions
from baal.active.heuristics.heuristics_gpu import AbstractGPUHeuristic, BALDGPUWrapper
from baal.bayesian.consistent_dropout import patch_module
from baal.device_scores import mutual_information
from baal.ensemble import EnsembleModelWrapper
from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.modelwrapper import ModelWrapper, TrainingArgs

ARGS = TrainingArgs(batch_size=3, workers=0)


def net(*last, classes=4):
    torch.manual_seed(0)
    body = [nn.Conv2d(2, 8, 1), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(8, classes, 1)]
    return patch_module(nn.Sequential(*body, *last), seed=0)


@pytest.fixture
def images():
    return TensorDataset(torch.randn(7, 2, 3, 5), torch.zeros(7))


@pytest.mark.parametrize("reduction", ["max", "min", "mean", "sum"])
@pytest.mark.parametrize("last", [(), (nn.Softmax(1),)], ids=["logits", "probabilities"])
@pytest.mark.parametrize("classes", [1, 4])
def test_the_scores_are_those_of_bald(images, reduction, last, classes):
    last = (nn.Sigmoid(),) if last and classes == 1 else last
    wrapper = ModelWrapper(net(*last, classes=classes), ARGS)  # joint: the same samples both times
    predictions = wrapper.predict_on_dataset(images, 20, verbose=False)
    expected = BALD(reduction=reduction).get_uncertainties(predictions)
    scores = BALDGPUWrapper(wrapper, reduction=reduction).predict_on_dataset(
        images, 20, verbose=False
    )
    assert scores.shape == (7,)
    np.testing.assert_allclose(scores, expected, atol=2e-6)


def test_without_a_reduction_and_by_a_callable(images):
    wrapper = ModelWrapper(net(), ARGS)
    predictions = wrapper.predict_on_dataset(images, 20, verbose=False)
    expected = BALD().get_uncertainties(predictions)
    whole = BALDGPUWrapper(wrapper).predict_on_dataset(images, 20, verbose=False)
    np.testing.assert_allclose(whole, expected, atol=2e-6)
    by_hand = BALDGPUWrapper(wrapper, reduction=lambda scores: scores[:, 1, 2])
    scores = by_hand.predict_on_dataset(images, 20, half=True, verbose=False)
    assert scores.dtype == np.float16
    np.testing.assert_allclose(scores, expected[:, 1, 2], atol=1e-3)


def test_the_loop_labels_what_bald_would(images):
    model = nn.Sequential(net(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    wrapper = ModelWrapper(model, ARGS)
    best = {}
    for name, predictor, heuristic in (
        ("bald", wrapper, BALD()),
        ("device", BALDGPUWrapper(wrapper), Precomputed(reverse=True)),
    ):
        dataset = ActiveLearningDataset(images)
        loop = ActiveLearningLoop(
            dataset, predictor.predict_on_dataset, heuristic, 3, iterations=20, verbose=False
        )
        best[name] = loop.query().dataset_indices.tolist()
    assert best["device"] == best["bald"]


def test_an_ensemble_is_scored_by_its_members(images):
    wrapper = EnsembleModelWrapper(nn.Sequential(nn.Flatten(), nn.Linear(30, 3)), ARGS)
    for _ in range(3):
        wrapper.reset_all()
        wrapper.add_checkpoint()
    expected = BALD().get_uncertainties(wrapper.predict_on_dataset(images, 1, verbose=False))
    scores = BALDGPUWrapper(wrapper).predict_on_dataset(images, 1, verbose=False)
    np.testing.assert_allclose(scores, expected, atol=2e-6)


def test_testing_is_the_models(images):
    args = TrainingArgs(batch_size=3, workers=0, criterion=lambda out, _: out.mean())
    wrapper = ModelWrapper(net(), args)
    x, y = images[:3]
    assert BALDGPUWrapper(wrapper).test_on_batch(x, y) == wrapper.test_on_batch(x, y)


def test_what_the_first_batch_was_the_others_are():
    class Identity(nn.Module):
        def forward(self, x):
            return x

    scorer = BALDGPUWrapper(Identity())
    assert scorer.predict_on_batch(torch.tensor([[0.25, 0.75]])).tolist() == [0.0]
    assert scorer.mode == "probabilities"
    with pytest.raises(InvalidArgumentError, match="mode='logits'"):
        scorer.predict_on_batch(torch.tensor([[-3.0, 3.0]]))
    assert BALDGPUWrapper(Identity(), mode="logits").predict_on_batch(torch.ones(2, 2)).shape == (
        2,
    )


def test_mutual_information_against_the_formula():
    p = np.random.default_rng(0).dirichlet(np.ones(5), size=(3, 20)).transpose(0, 2, 1)
    mean = p.mean(-1)
    expected = -(mean * np.log(mean)).sum(1) + (p * np.log(p)).sum(1).mean(-1)
    found = mutual_information(torch.from_numpy(p))
    np.testing.assert_allclose(found, expected, atol=1e-14)
    assert found.dtype == torch.float64


def test_bad_input():
    with pytest.raises(InvalidTypeError, match="ModelWrapper or a module, but got str"):
        BALDGPUWrapper("model")
    with pytest.raises(InvalidArgumentError, match="'nope'"):
        BALDGPUWrapper(nn.Identity(), reduction="nope")
    with pytest.raises(InvalidArgumentError, match="`mode`"):
        BALDGPUWrapper(nn.Identity(), mode="nope")
    with pytest.raises(InvalidTypeError, match="one output"):
        BALDGPUWrapper(nn.Identity()).predict_on_batch([torch.ones(2, 2), torch.ones(2, 2)])
    with pytest.raises(InvalidTypeError, match=r"one output \[B, C, ...\], but got \[2\]"):
        BALDGPUWrapper(nn.Flatten(0)).predict_on_batch(torch.ones(2))
    with pytest.warns(DeprecationWarning, match="shuffle_prop"):
        BALDGPUWrapper(nn.Identity(), shuffle_prop=0.1)
    with pytest.raises(NotImplementedError, match="must define `score`"):
        AbstractGPUHeuristic(nn.Linear(2, 2)).predict_on_batch(torch.ones(2, 2))
    assert {"max", "min", "mean", "sum"} <= set(available_reductions)
