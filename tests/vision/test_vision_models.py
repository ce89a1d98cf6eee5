import pytest
import torch
import torchvision
from torch import nn

from baal.exceptions import InvalidArgumentError
from baal.experiments.vision_models import pretrained_vgg16

# Of VGG-16 without its last layer; with 1,000 classes it is known to have 138,357,544.
N_PARAMETERS = 138_357_544 - (4096 + 1) * 1000


def test_the_last_layer_is_replaced_and_the_head_has_dropout():
    model = pretrained_vgg16(7, pretrained=False).eval()
    assert sum(p.numel() for p in model.parameters()) == N_PARAMETERS + (4096 + 1) * 7
    places = [name for name, m in model.named_modules() if isinstance(m, nn.Dropout)]
    assert places == ["classifier.2", "classifier.5"]
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


def test_the_other_layers_have_the_weights_of_imagenet(monkeypatch):
    with torch.device("meta"):
        shapes = torchvision.models.vgg16().state_dict()
    published = {name: torch.full(t.shape, 0.25) for name, t in shapes.items()}
    asked = []

    def fetch(url, *args, **kwargs):
        asked.append(url.rpartition("/")[2])
        return published

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fetch)
    model = pretrained_vgg16(3)
    assert asked == ["vgg16-397923af.pth"]
    for name, tensor in model.state_dict().items():
        if name.startswith("classifier.6"):
            assert not (tensor == 0.25).any()
        else:
            assert (tensor == 0.25).all()


def test_no_classes():
    with pytest.raises(InvalidArgumentError, match=r"Expected `n_classes` to be at least 1"):
        pretrained_vgg16(0)
