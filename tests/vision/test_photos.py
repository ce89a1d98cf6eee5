"""`PhotoTransform` beside torchvision's own transforms."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from baal.experiments.datasets.photos import MEAN, STD, PhotoTransform

IMAGE = Image.fromarray(np.random.default_rng(0).integers(256, size=(30, 41, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", [16, 30, 64])
def test_the_same_as_resize_to_tensor_and_normalize(size):
    theirs = transforms.Compose(
        [transforms.Resize((size, size)), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    )
    torch.testing.assert_close(PhotoTransform(size)(IMAGE), theirs(IMAGE))


@pytest.mark.parametrize(("turn", "angle"), [(0.0, -20.0), (0.75, 10.0), (1.0, 20.0)])
@pytest.mark.parametrize("flip", [0.1, 0.9])
def test_the_same_as_flip_and_rotate(monkeypatch, flip, turn, angle):
    monkeypatch.setattr(torch, "rand", lambda n: torch.tensor([flip, turn], dtype=torch.float64))
    ours = PhotoTransform(32, augment=True, degrees=20)(IMAGE)
    image = IMAGE.resize((32, 32), Image.Resampling.BILINEAR)
    if flip < 0.5:
        image = transforms.functional.hflip(image)
    image = transforms.functional.rotate(
        image, angle, transforms.InterpolationMode.BILINEAR, fill=(124, 116, 104)
    )
    theirs = transforms.Normalize(MEAN, STD)(transforms.functional.to_tensor(image))
    torch.testing.assert_close(ours, theirs)


def test_the_constants_are_those_of_the_pretrained_weights():
    from torchvision.models import VGG16_Weights

    preset = VGG16_Weights.IMAGENET1K_V1.transforms()
    assert (preset.mean, preset.std) == (list(MEAN), list(STD))
