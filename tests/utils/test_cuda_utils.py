from typing import NamedTuple

import pytest
import torch

from baal.utils.cuda_utils import to_cuda, to_device


class Pair(NamedTuple):
    image: torch.Tensor
    name: str


def test_to_device_moves_every_tensor():
    moved = to_device({"x": torch.ones(2), "y": [torch.ones(1)], "id": "a"}, "meta")
    assert moved["x"].device.type == moved["y"][0].device.type == "meta"
    assert moved["id"] == "a"


def test_to_device_copies_nothing_in_vain():
    x = torch.ones(2)
    assert to_device([x], "cpu")[0] is x


@pytest.mark.parametrize("thing", ["text", 3, None, {"a": ["b"]}])
def test_to_cuda_leaves_what_is_no_tensor(thing):
    assert to_cuda(thing) == thing


@pytest.fixture
def meta_for_cuda(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "cuda", lambda self: self.to("meta"))
    monkeypatch.setattr(torch.nn.Module, "cuda", lambda self: self.to("meta"))


@pytest.mark.usefixtures("meta_for_cuda")
def test_to_cuda_moves_tensors_and_modules():
    assert to_cuda((torch.ones(1),))[0].device.type == "meta"
    assert to_cuda(torch.nn.Linear(1, 1)).weight.device.type == "meta"


@pytest.mark.usefixtures("meta_for_cuda")
def test_to_cuda_keeps_the_structure():
    moved = to_cuda({"pair": Pair(torch.ones(1), "text"), "deep": [{"x": (torch.ones(1),)}, []]})
    assert isinstance(moved["pair"], Pair)
    assert moved["pair"].image.device.type == moved["deep"][0]["x"][0].device.type == "meta"
    assert moved["pair"].name == "text"
    assert moved["deep"][1] == []


@pytest.mark.parametrize(("device", "expected"), [("cpu", False), ("cuda:0", True)])
def test_only_copies_to_cuda_do_not_block(monkeypatch, device, expected):
    seen = []
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *a, **k: seen.append((a, k)))
    to_device(torch.ones(1), device)
    assert seen == [((device,), {"non_blocking": expected})]
