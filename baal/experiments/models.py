"""Small reference architectures, with dropout in the places where people put it."""

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["TextLSTM", "TextTransformer", "UNet", "resnet18", "small_cnn", "vgg16"]


def small_cnn(
    n_classes: int = 10, width: int = 128, dropout: float = 0.5, feature_dropout: float = 0.0
) -> nn.Sequential:
    """Two strided convolutions and a hidden layer, for grey images of 28x28 pixels.

    Args:
        n_classes: Number of classes `C`.
        width: Width of the hidden layer.
        dropout: Probability of dropout behind the hidden layer.
        feature_dropout: Probability of dropout before it; 0 leaves the layer out, and posterior
            samples then share all but the last layer.

    Returns:
        A module `[B, 1, 28, 28] -> [B, C]` that gives logits.

    Example:
        >>> small_cnn().eval()(torch.zeros(1, 1, 28, 28)).shape
        torch.Size([1, 10])
    """
    layers: list[nn.Module] = [nn.Conv2d(1, 16, kernel_size=5, stride=2), nn.ReLU()]
    layers += [nn.Conv2d(16, 32, kernel_size=3, stride=2), nn.ReLU(), nn.Flatten()]
    if feature_dropout > 0:
        layers.append(nn.Dropout(feature_dropout))
    layers += [nn.Linear(32 * 5 * 5, width), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(width, n_classes))


def vgg16(n_classes: int = 10, dropout: float = 0.5) -> nn.Sequential:
    """VGG-16 for images of 32x32 pixels, with dropout in its head only.

    Simonyan & Zisserman 2015, https://arxiv.org/abs/1409.1556, with a head of width 512 as is usual
    for CIFAR.

    Args:
        n_classes: Number of classes `C`.
        dropout: Probability of dropout.

    Returns:
        A module `[B, 3, 32, 32] -> [B, C]` that gives logits.

    Example:
        >>> vgg16().eval()(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 10])
    """
    layers: list[nn.Module] = []
    channels = 3
    for block in ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)):
        for width in block:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    head: list[nn.Module] = [nn.Flatten()]
    for _ in range(2):
        head += [nn.Dropout(dropout), nn.Linear(512, 512), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, *head, nn.Linear(512, n_classes))


class _BasicBlock(nn.Module):
    """Two convolutions with dropout between them, around a residual connection."""

    def __init__(self, channels: int, width: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.dropout(F.relu(self.norm1(self.conv1(x))))
        out = self.norm2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out)


def resnet18(n_classes: int = 10, width: int = 64, dropout: float = 0.3) -> nn.Sequential:
    """ResNet-18 for small images, with dropout in every block.

    He et al. 2016, https://arxiv.org/abs/1512.03385; dropout between the convolutions of a block
    as in Wide ResNets, https://arxiv.org/abs/1605.07146.

    Args:
        n_classes: Number of classes `C`.
        width: Channels of the first blocks.
        dropout: Probability of dropout.

    Returns:
        A module `[B, 3, H, W] -> [B, C]` that gives logits.

    Example:
        >>> resnet18(width=8).eval()(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 10])
    """
    stem = [nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    blocks: list[nn.Module] = []
    channels = width
    for stage in range(4):
        for block in range(2):
            stride = 2 if stage > 0 and block == 0 else 1
            blocks.append(_BasicBlock(channels, width * 2**stage, stride, dropout))
            channels = width * 2**stage
    pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*stem, *blocks, *pool, nn.Linear(channels, n_classes))


class UNet(nn.Module):
    """A U-Net of depth 3 with channel dropout at its bottom and on its way up.

    Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597

    Args:
        n_classes: Number of classes `C`.
        width: Channels of the first level.
        dropout: Probability of dropout.

    Example:
        >>> UNet(n_classes=3, width=4).eval()(torch.zeros(1, 3, 16, 16)).shape
        torch.Size([1, 3, 16, 16])
    """

    def __init__(self, n_classes: int = 2, width: int = 16, dropout: float = 0.3) -> None:
        super().__init__()
        self.down1 = _double_conv(3, width)
        self.down2 = _double_conv(width, 2 * width)
        self.bottom = _double_conv(2 * width, 4 * width)
        self.dropout = nn.Dropout2d(dropout)
        self.up2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2)
        self.merge2 = _double_conv(4 * width, 2 * width)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.merge1 = _double_conv(2 * width, width)
        self.out = nn.Conv2d(width, n_classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Classify each pixel.

        Args:
            x: Images `[B, 3, H, W]`, `H` and `W` multiples of 4.

        Returns:
            Logits `[B, C, H, W]`.
        """
        first = self.down1(x)
        second = self.down2(F.max_pool2d(first, 2))
        bottom = self.dropout(self.bottom(F.max_pool2d(second, 2)))
        up = self.dropout(self.merge2(torch.cat([self.up2(bottom), second], dim=1)))
        up = self.merge1(torch.cat([self.up1(up), first], dim=1))
        logits: torch.Tensor = self.out(up)
        return logits


def _double_conv(channels: int, width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_in in (channels, width):
        layers += [nn.Conv2d(n_in, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers)


class TextTransformer(nn.Module):
    """A small Transformer encoder over tokens, with a linear classifier on the mean of its outputs.

    Args:
        n_classes: Number of classes `C`.
        width: Width of the embeddings.
        n_layers: Number of encoder layers.
        dropout: Probability of dropout, in attention and outside of it.
        vocabulary: Number of different tokens.
        batch_first: As in torch: how the encoder's own tensors are laid out.

    Example:
        >>> TextTransformer(width=8).eval()(torch.zeros(2, 5, dtype=torch.long)).shape
        torch.Size([2, 4])
    """

    def __init__(
        self,
        n_classes: int = 4,
        width: int = 128,
        n_layers: int = 2,
        dropout: float = 0.1,
        vocabulary: int = 1000,
        batch_first: bool = True,
    ) -> None:
        super().__init__()
        self.batch_first = batch_first
        self.embedding = nn.Embedding(vocabulary, width)
        layer = nn.TransformerEncoderLayer(
            width, 4, 4 * width, dropout=dropout, batch_first=batch_first
        )
        self.encoder = nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=batch_first)
        self.out = nn.Linear(width, n_classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Classify each sequence.

        Args:
            tokens: Token numbers `[B, L]`.

        Returns:
            Logits `[B, C]`.
        """
        embedded = self.embedding(tokens)
        if self.batch_first:
            mean = self.encoder(embedded).mean(dim=1)
        else:
            mean = self.encoder(embedded.transpose(0, 1)).mean(dim=0)
        logits: torch.Tensor = self.out(mean)
        return logits


class TextLSTM(nn.Module):
    """An LSTM classifier over tokens, with dropout before, between and after its layers.

    Args:
        n_classes: Number of classes `C`.
        width: Width of embeddings and states.
        n_layers: Number of LSTM layers.
        before: Probability of dropout on the embeddings.
        between: Probability of dropout between the layers of the LSTM.
        after: Probability of dropout on its last output.
        vocabulary: Number of different tokens.

    Example:
        >>> TextLSTM(width=8).eval()(torch.zeros(2, 5, dtype=torch.long)).shape
        torch.Size([2, 4])
    """

    def __init__(
        self,
        n_classes: int = 4,
        width: int = 128,
        n_layers: int = 1,
        before: float = 0.3,
        between: float = 0.0,
        after: float = 0.0,
        vocabulary: int = 1000,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.before = nn.Dropout(before)
        self.lstm = nn.LSTM(width, width, n_layers, dropout=between, batch_first=True)
        self.after = nn.Dropout(after)
        self.out = nn.Linear(width, n_classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Classify each sequence.

        Args:
            tokens: Token numbers `[B, L]`.

        Returns:
            Logits `[B, C]`.
        """
        outputs, _ = self.lstm(self.before(self.embedding(tokens)))
        logits: torch.Tensor = self.out(self.after(outputs[:, -1]))
        return logits
