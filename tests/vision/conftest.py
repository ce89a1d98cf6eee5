"""torchvision beside a torch for the CPU alone, and the CIFAR sets in little."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
KEPT = []  # a library takes its definitions along when it goes


def define_missing_operators():
    """Define what torchvision describes at import, where its compiled part cannot be loaded.

    The one on PyPI links CUDA. Datasets, transforms and models are pure Python and never call it.
    """
    torchvision = find_spec("torchvision")
    if torchvision is None:
        return
    compiled = next(Path(torchvision.origin).parent.glob("_C.*"))
    try:
        torch.ops.load_library(str(compiled))
    except OSError:
        library = torch.library.Library("torchvision", "DEF")
        for schema in SCHEMAS:
            library.define(schema)
        KEPT.append(library)


define_missing_operators()


@pytest.fixture
def small_cifar(tmp_path, monkeypatch):
    """A folder with CIFAR-10 and CIFAR-100 in the published layouts, which torchvision accepts."""
    from tests.vision.small_cifar import accept, write

    write(tmp_path)
    accept(monkeypatch)
    return tmp_path
