"""Our reading of IDX files beside torchvision's own, over the same files."""

import numpy as np
import torch
from torchvision.datasets import FashionMNIST

from baal.experiments.datasets import fashion_mnist
from baal.experiments.datasets.idx import write_idx


def test_torchvision_reads_the_same_from_the_same_folder(tmp_path):
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, n in (("train", 50), ("t10k", 20)):
        images = rng.integers(256, size=(n, 28, 28), dtype=np.uint8)
        write_idx(raw / f"{part}-images-idx3-ubyte", images)
        write_idx(raw / f"{part}-labels-idx1-ubyte", rng.integers(10, size=n))
    task = fashion_mnist(tmp_path)
    pixels = FashionMNIST(str(tmp_path), train=True).data.double()
    for ours, train in ((task.pool, True), (task.test, False)):
        theirs = FashionMNIST(str(tmp_path), train=train)
        assert torch.equal(ours.tensors[1], theirs.targets)
        expected = (theirs.data.double() - pixels.mean()) / pixels.std(correction=0)
        torch.testing.assert_close(ours.tensors[0][:, 0], expected.float(), atol=1e-5, rtol=0)
