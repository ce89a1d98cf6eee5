"""Networks of torchvision with weights from ImageNet, for data sets of one's own."""

from typing import Any

from torch import nn

from baal.exceptions import InvalidArgumentError
from baal.utils.extras import require_extra

__all__ = ["pretrained_vgg16"]


def pretrained_vgg16(n_classes: int, *, pretrained: bool = True) -> nn.Module:
    """VGG-16 of torchvision with a new last layer; its head has dropout.

    Simonyan & Zisserman 2015, https://arxiv.org/abs/1409.1556. The convolutions come before the
    first dropout, so that posterior samples share them.

    Args:
        n_classes: Number of classes `C`.
        pretrained: Take the weights that torchvision has for ImageNet, which it downloads the
            first time; otherwise they are drawn at random.

    Returns:
        A module `[B, 3, H, W] -> [B, C]` that gives logits. It takes any size from 32 pixels on,
        and was trained on 224; images are normalised as `PhotoTransform` does.

    Raises:
        InvalidArgumentError: `n_classes` is below 1.
        MissingExtraError: torchvision is not installed.

    Example:
        >>> model = pretrained_vgg16(3, pretrained=False)
        >>> model.classifier[-1]
        Linear(in_features=4096, out_features=3, bias=True)
    """
    if n_classes < 1:
        raise InvalidArgumentError(f"Expected `n_classes` to be at least 1, but got {n_classes}.")
    models = require_extra("torchvision.models", "vision")
    weights = models.VGG16_Weights.IMAGENET1K_V1 if pretrained else None
    model: Any = models.vgg16(weights=weights)
    last = model.classifier[-1]
    model.classifier[-1] = nn.Linear(last.in_features, n_classes)
    return model  # type: ignore[no-any-return]
