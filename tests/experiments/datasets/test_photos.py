"""Pixels worked out by NumPy; `tests/vision` compares with torchvision's transforms as well."""

import numpy as np
import pytest
import torch
from PIL import Image

from baal.exceptions import InvalidArgumentError
from baal.experiments.datasets.photos import MEAN, STD, PhotoTransform

PIXELS = np.random.default_rng(0).integers(256, size=(8, 8, 3), dtype=np.uint8)
IMAGE = Image.fromarray(PIXELS)


def normalised(pixels):
    values = (pixels / 255 - np.array(MEAN)) / np.array(STD)
    return torch.from_numpy(np.moveaxis(values, -1, 0).copy()).float()


def with_draws(monkeypatch, flip, turn):
    monkeypatch.setattr(torch, "rand", lambda n: torch.tensor([flip, turn], dtype=torch.float64))


def test_an_image_of_the_right_size_is_only_normalised():
    tensor = PhotoTransform(8)(IMAGE)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    torch.testing.assert_close(tensor, normalised(PIXELS))


def test_other_modes_become_colour():
    grey = Image.fromarray(PIXELS[..., 0])
    torch.testing.assert_close(PhotoTransform(8)(grey), normalised(PIXELS[..., [0, 0, 0]]))
    transparent = Image.fromarray(np.dstack([PIXELS, PIXELS[..., 0]]))
    torch.testing.assert_close(PhotoTransform(8)(transparent), normalised(PIXELS))


def test_resized_without_keeping_proportions():
    image = Image.new("RGB", (30, 20), (200, 100, 50))
    image.paste((0, 0, 0), (0, 0, 15, 20))  # the left half
    tensor = PhotoTransform(10)(image)
    assert tensor.shape == (3, 10, 10)
    torch.testing.assert_close(tensor[:, :, 9], normalised(np.full((10, 3), [200, 100, 50])))
    torch.testing.assert_close(tensor[:, :, 0], normalised(np.zeros((10, 3))))


@pytest.mark.parametrize(
    ("flip", "turn", "expected"),
    [
        (0.9, 0.5, PIXELS),
        (0.5, 0.5, PIXELS),
        (0.1, 0.5, PIXELS[:, ::-1]),
        (0.9, 1.0, np.rot90(PIXELS)),
        (0.9, 0.0, np.rot90(PIXELS, -1)),
        (0.1, 1.0, np.rot90(PIXELS[:, ::-1])),
    ],
)
def test_mirrored_first_and_then_rotated(monkeypatch, flip, turn, expected):
    with_draws(monkeypatch, flip, turn)
    tensor = PhotoTransform(8, augment=True, degrees=90)(IMAGE)
    torch.testing.assert_close(tensor, normalised(expected))


def test_corners_take_the_mean_colour(monkeypatch):
    with_draws(monkeypatch, 0.9, 1.0)
    tensor = PhotoTransform(32, augment=True, degrees=45)(Image.new("RGB", (32, 32)))
    corners = tensor[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.abs().max() < 0.5 / 255 / min(STD) + 1e-6
    torch.testing.assert_close(tensor[:, 16, 16], normalised(np.zeros((1, 3)))[:, 0])


def test_half_of_them_are_mirrored_and_the_seed_decides_which():
    transform = PhotoTransform(8, augment=True, degrees=0)
    plain, mirrored = normalised(PIXELS), normalised(PIXELS[:, ::-1])
    runs = []
    for _ in range(2):
        torch.manual_seed(5)
        images = [transform(IMAGE) for _ in range(400)]
        runs.append([torch.allclose(image, plain, atol=1e-5) for image in images])
        assert all(
            torch.allclose(i, plain if is_plain else mirrored, atol=1e-5)
            for i, is_plain in zip(images, runs[-1], strict=True)
        )
    assert runs[0] == runs[1]
    assert abs(sum(runs[0]) - 200) < 5 * 10  # five standard deviations


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_size": 0}, "Expected `image_size` to be at least 1, but got 0"),
        ({"image_size": 8, "degrees": -1}, "Expected `degrees` to be from 0 to 180, but got -1"),
        ({"image_size": 8, "degrees": 181}, "Expected `degrees` to be from 0 to 180, but got 181"),
    ],
)
def test_out_of_range(arguments, message):
    with pytest.raises(InvalidArgumentError, match=message):
        PhotoTransform(**arguments)
