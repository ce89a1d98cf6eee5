"""Photographs as a network wants them: one size, normalised, and augmented where they train."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from baal.exceptions import InvalidArgumentError
from baal.utils.extras import require_extra

__all__ = ["PhotoTransform"]

# Of ImageNet's training set, for red, green and blue: what pretrained weights expect.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class PhotoTransform:
    """A PIL image to a normalised tensor, `[3, image_size, image_size]` float32.

    The image is resized (bilinear, its proportions are not kept) unless it has the size already;
    then, with `augment`, mirrored with probability 1/2 and rotated by an angle uniform in
    `[-degrees, degrees]` around its centre, where the corners take ImageNet's mean colour; then
    normalised by ImageNet's mean and standard deviation. Random numbers come from torch's global
    random state, which an experiment owns and restores.

    Attributes:
        image_size: Height and width in pixels.
        augment: Whether to mirror and rotate at random.
        degrees: Largest angle, from 0 to 180.

    Raises:
        InvalidArgumentError: `image_size` or `degrees` is out of range.

    Example:
        >>> from PIL import Image
        >>> PhotoTransform(image_size=32)(Image.new("RGB", (64, 48))).shape
        torch.Size([3, 32, 32])
    """

    image_size: int
    augment: bool = False
    degrees: float = 10.0

    def __post_init__(self) -> None:
        if self.image_size < 1:
            raise InvalidArgumentError(
                f"Expected `image_size` to be at least 1, but got {self.image_size}."
            )
        if not 0 <= self.degrees <= 180:
            raise InvalidArgumentError(
                f"Expected `degrees` to be from 0 to 180, but got {self.degrees}."
            )

    def __call__(self, image: Any) -> torch.Tensor:
        """Transform one image.

        Args:
            image: A PIL image of any mode and size.

        Returns:
            The tensor, `[3, image_size, image_size]` float32.

        Raises:
            MissingExtraError: Pillow is not installed.
        """
        pil = require_extra("PIL.Image", "vision")
        image = image.convert("RGB")
        if image.size != (self.image_size, self.image_size):
            image = image.resize((self.image_size, self.image_size), pil.Resampling.BILINEAR)
        if self.augment:
            flip, turn = torch.rand(2).tolist()
            if flip < 0.5:
                image = image.transpose(pil.Transpose.FLIP_LEFT_RIGHT)
            fill = tuple(round(255 * value) for value in MEAN)
            angle = (2 * turn - 1) * self.degrees
            image = image.rotate(angle, pil.Resampling.BILINEAR, fillcolor=fill)
        mean, std = (np.array(values, dtype=np.float32) for values in (MEAN, STD))
        pixels = (np.array(image, dtype=np.float32) / 255 - mean) / std
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
