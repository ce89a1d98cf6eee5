import numpy as np
import torch
from torch import nn

from baal.bayesian.dropout import patch_module
from baal.training.named_sampling import NamedSampling


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def forward(self, x, attention_mask=None):
        return {"logits": self.drop(x), "plain": x}


def sampling():
    made = NamedSampling()
    made.model = patch_module(Net())
    return made


def test_the_same_model_keeps_its_sampler():
    made = sampling()
    assert made.samples_are_joint is None
    first = made.sampled_model
    made.named_samples({"x": torch.ones(2, 3)}, 4)
    assert made.sampled_model is first
    assert made.samples_are_joint is False
    assert list(made.named_samples({"x": torch.ones(2, 3)}, 4, ["plain"])) == ["logits"]
    assert made.sampled_model is not first


def test_an_output_as_an_array():
    made, mask = sampling(), torch.tensor([[1, 0]])
    inputs = {"x": torch.ones(1, 2, 3), "attention_mask": mask}
    samples = made.named_samples(inputs, 4)
    array = made.as_array("logits", samples["logits"], inputs, half=True)
    assert array.shape == (1, 3, 2, 4)
    assert array.dtype == np.float16
    assert np.isnan(array[:, :, 1]).all()
    assert made.masks_padding
    assert set(array[:, :, 0].flatten()) == {0.0, 2.0}
    (part,) = made.as_array("states", (samples["plain"],), inputs, half=False)
    assert part.shape == (1, 2, 3, 4)
