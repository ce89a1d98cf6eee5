"""Reference architectures: shapes, sizes of the originals, dropout where it is said to be."""

import pytest
import torch
from torch import nn

from baal.bayesian.dropout import patch_module
from baal.bayesian.sampling import sample_posterior
from baal.experiments.models import (
    TextLSTM,
    TextTransformer,
    UNet,
    resnet18,
    small_cnn,
    vgg16,
)

IMAGES = torch.zeros(2, 3, 32, 32)
TOKENS = torch.zeros(2, 5, dtype=torch.long)


def n_parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())


def dropouts(net):
    return [m.p for m in net.modules() if isinstance(m, (nn.Dropout, nn.Dropout2d))]


@pytest.mark.parametrize("feature_dropout", [0.0, 0.25])
def test_small_cnn_is_the_one_of_its_description(feature_dropout):
    """5x5 and 3x3 convolutions with stride 2: 28 -> 12 -> 5 pixels, so 800 features."""
    net = small_cnn(7, width=64, dropout=0.4, feature_dropout=feature_dropout).eval()
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 7)
    convolutions = (25 + 1) * 16 + (16 * 9 + 1) * 32
    assert n_parameters(net) == convolutions + (32 * 5 * 5 + 1) * 64 + (64 + 1) * 7
    kinds = [type(m) for m in net]
    if feature_dropout:
        assert dropouts(net) == [0.25, 0.4]
        assert kinds[kinds.index(nn.Flatten) + 1] is nn.Dropout
    else:
        assert dropouts(net) == [0.4]
    assert kinds[-2:] == [nn.Dropout, nn.Linear]


def test_vgg16_is_the_one_with_thirteen_convolutions():
    """14,714,688 weights in its convolutions, as in the article's configuration D."""
    net = vgg16(7, dropout=0.2)
    assert net.eval()(IMAGES).shape == (2, 7)
    convolutions = [m for m in net if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 13
    assert sum(map(n_parameters, convolutions)) == 14_714_688
    kinds = [type(m) for m in net]
    assert dropouts(net) == [0.2, 0.2]
    assert kinds.index(nn.Dropout) > kinds.index(nn.Flatten)


def test_resnet18_is_the_one_for_small_images():
    """11,173,962 weights with ten classes, as in the usual implementation for CIFAR."""
    net = resnet18()
    assert n_parameters(net) == 11_173_962
    assert dropouts(net) == [0.3] * 8
    small = resnet18(4, width=2, dropout=0.1).eval()
    assert small(IMAGES).shape == (2, 4)
    assert small(torch.zeros(1, 3, 8, 12)).shape == (1, 4)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (4, 12)])
def test_unet_classifies_each_pixel(height, width):
    net = UNet(3, width=2, dropout=0.4).eval()
    assert net(torch.zeros(2, 3, height, width)).shape == (2, 3, height, width)
    assert dropouts(net) == [0.4]


def test_unet_has_the_layers_of_its_description():
    """Two convolutions with batch normalisation on each level, and one more where it goes up."""

    def double(n_in, n_out):
        return (9 * n_in + 1 + 2) * n_out + (9 * n_out + 1 + 2) * n_out

    ways_up = (4 * 8 + 1) * 4 + (4 * 4 + 1) * 2  # 2x2 transposed convolutions
    levels = double(3, 2) + double(2, 4) + double(4, 8) + double(8, 4) + double(4, 2)
    assert n_parameters(UNet(3, width=2)) == levels + ways_up + (2 + 1) * 3


def test_unet_has_a_posterior_for_each_pixel_and_drops_whole_channels():
    torch.manual_seed(0)
    net = patch_module(UNet(2, width=4)).eval()
    samples = sample_posterior(net, torch.randn(2, 3, 8, 8), iterations=5)
    assert samples.shape == (2, 2, 8, 8, 5)
    assert (samples.std(-1) > 0).all()
    seen = []
    net.dropout.register_forward_hook(lambda module, args, output: seen.append((*args, output)))
    net(torch.randn(1, 3, 8, 8))
    assert [list(given.shape) for given, _ in seen] == [[1, 16, 2, 2], [1, 8, 4, 4]]
    for given, left in seen:
        for before, after in zip(given[0], left[0], strict=True):
            assert torch.equal(after, torch.zeros_like(after)) or torch.allclose(
                after, before / (1 - 0.3)
            )


def test_unet_passes_details_around_its_bottom():
    """Without the bottom, a pixel still changes its own output through the skip connections."""
    torch.manual_seed(0)
    net = UNet(2, width=2).eval()
    for parameter in net.up2.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 3, 8, 8)
    other = x.clone()
    other[..., 5, 5] += 1
    with torch.no_grad():
        difference = (net(x) - net(other)).abs().amax(1)[0]
    assert float(difference[5, 5]) > 1e-3
    assert float(difference[0, 0]) < 1e-5


@pytest.mark.parametrize("batch_first", [True, False])
def test_text_transformer(batch_first):
    torch.manual_seed(0)
    net = TextTransformer(3, width=8, vocabulary=9, batch_first=batch_first, dropout=0.2).eval()
    assert net(TOKENS).shape == (2, 3)
    assert set(dropouts(net)) == {0.2}
    assert {m.dropout for m in net.modules() if isinstance(m, nn.MultiheadAttention)} == {0.2}
    tokens = torch.tensor([[1, 2, 3], [4, 5, 6]])
    with torch.no_grad():
        torch.testing.assert_close(net(tokens)[1:], net(tokens[1:]), rtol=1e-4, atol=1e-5)


def test_both_layouts_of_the_transformer_compute_the_same():
    torch.manual_seed(0)
    nets = [TextTransformer(width=8, vocabulary=9, batch_first=b).eval() for b in (True, False)]
    nets[1].load_state_dict(nets[0].state_dict())
    tokens = torch.tensor([[1, 2, 3], [4, 5, 6]])
    with torch.no_grad():
        torch.testing.assert_close(nets[0](tokens), nets[1](tokens), rtol=1e-4, atol=1e-5)


def test_text_lstm_has_dropout_before_between_and_after():
    net = TextLSTM(3, width=8, n_layers=2, before=0.1, between=0.2, after=0.3, vocabulary=9).eval()
    assert net(TOKENS).shape == (2, 3)
    assert (net.before.p, net.lstm.dropout, net.after.p) == (0.1, 0.2, 0.3)
    with torch.no_grad():
        hidden = net.lstm(net.embedding(TOKENS))[1][0][-1]
        torch.testing.assert_close(net(TOKENS), net.out(hidden))
