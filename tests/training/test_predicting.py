import torch
from torch import nn

from baal.training.predicting import Predictor, mean_over_samples
from baal.training_args import TrainingArgs


def test_the_mean_of_samples():
    samples = torch.tensor([[[1.0, 3.0]], [[2.0, 2.5]]])
    assert mean_over_samples(samples).tolist() == [[2.0], [2.25]]
    assert mean_over_samples(torch.tensor([[True, False]])).tolist() == [0.5]
    assert mean_over_samples(torch.tensor([[1j, 3 + 1j]])).tolist() == [1.5 + 1j]


def test_a_dict_batch_reaches_the_model_without_its_target():
    seen = []

    class Model(nn.Module):
        def forward(self, data):
            seen.append(sorted(data))
            return data["x"] + torch.rand(len(data["x"]), 1)

    items = [{"x": torch.ones(2), "label": 1, "mask": torch.ones(1)}] * 3
    predictor = Predictor(Model(), TrainingArgs(workers=0, use_cuda=False, sampling="loop"))
    assert predictor.predict_on_dataset(items, 4, verbose=False).shape == (3, 2, 4)
    assert set(map(tuple, seen)) == {("mask", "x")}
