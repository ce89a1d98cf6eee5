"""CIFAR-10 and CIFAR-100 in little: generated images in exactly the published layouts."""

import pickle

import numpy as np
import torchvision.datasets

N_PER_BATCH = 20  # of CIFAR-10, which has five training batches and one for testing
N_TRAIN, N_TEST = 400, 200  # of CIFAR-100
NAMES10 = [f"kind {i}" for i in range(10)]
NAMES100 = [f"class {i:02}" for i in range(100)]


def rows(n, seed):
    """Images as CIFAR has them, `[n, 3072]`: 1024 red values, then green, then blue."""
    return np.random.default_rng(seed).integers(256, size=(n, 3072), dtype=np.uint8)


def batch10(number):
    """`data_batch_<number>`, or `test_batch` for 6; classes come in turn."""
    classes = [(number + i) % 10 for i in range(N_PER_BATCH)]
    return {"data": rows(N_PER_BATCH, number), "labels": classes}


def part100(n, seed):
    classes = [i % 100 for i in range(n)]
    return {
        "data": rows(n, seed),
        "fine_labels": classes,
        "coarse_labels": [c // 5 for c in classes],
    }


def write(root):
    """Both folders, below `root`."""
    ten, hundred = root / "cifar-10-batches-py", root / "cifar-100-python"
    for folder in (ten, hundred):
        folder.mkdir()
    for number in range(1, 6):
        dump(ten / f"data_batch_{number}", batch10(number))
    dump(ten / "test_batch", batch10(6))
    dump(ten / "batches.meta", {"label_names": NAMES10, "num_cases_per_batch": N_PER_BATCH})
    dump(hundred / "train", part100(N_TRAIN, 7))
    dump(hundred / "test", part100(N_TEST, 8))
    dump(hundred / "meta", {"fine_label_names": NAMES100, "coarse_label_names": []})


def dump(path, content):
    path.write_bytes(pickle.dumps(content, protocol=2))


def without_checksums(cls):
    """The same files without the MD5 sums of the published ones."""
    return {
        "train_list": [[name, None] for name, _ in cls.train_list],
        "test_list": [[name, None] for name, _ in cls.test_list],
        "meta": {**cls.meta, "md5": None},
    }


class SmallCIFAR10(torchvision.datasets.CIFAR10):
    vars().update(without_checksums(torchvision.datasets.CIFAR10))


class SmallCIFAR100(torchvision.datasets.CIFAR100):
    vars().update(without_checksums(torchvision.datasets.CIFAR100))


def accept(monkeypatch):
    """Have `torchvision.datasets` give the classes that take the generated files."""
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", SmallCIFAR10)
    monkeypatch.setattr(torchvision.datasets, "CIFAR100", SmallCIFAR100)
