"""The studies on photographs: generated folders in the published layouts, models from scratch."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from baal.experiments.datasets.miotcd import CLASS_NAMES
from baal.experiments.studies import data, protocol
from baal.experiments.vision_models import pretrained_vgg16
from tests.scripts.test_studies import records, script, tables

SMALL = (
    "--from-scratch --image-size 32 --workers 0 --seeds 0 --epochs 1 --iterations 2 "
    "--batch-size 8 --initial-labels 8 --query-size 4 --label-counts 12"
)


@pytest.fixture(autouse=True)
def read_anew():
    """Folders are remembered by their path: here each test has its own."""
    protocol._load.cache_clear()


def main(name, folder, *arguments):
    out = folder / "out"
    argv = ["--data", str(folder), "--out", str(out), *SMALL.split(), *arguments]
    assert script(name).main(argv) == 0
    return out


def narrow(n_classes, *, pretrained):
    """In place of VGG-16, whose head alone has 120 million weights."""
    assert not pretrained
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Dropout(0.5), nn.Linear(16, n_classes),
    )  # fmt: skip


def narrow_vgg16(n_classes, *, pretrained):
    """VGG-16 with 64 units in place of 4096: gigabytes less for checkpoints to write."""
    model = pretrained_vgg16(n_classes, pretrained=pretrained)
    places = [i for i, layer in enumerate(model.classifier) if isinstance(layer, nn.Linear)]
    sizes = [model.classifier[0].in_features, 64, 64, n_classes]
    for place, n_in, n_out in zip(places, sizes[:-1], sizes[1:], strict=True):
        model.classifier[place] = nn.Linear(n_in, n_out)
    return model


def test_the_plain_run_with_vgg16(small_cifar, capsys, monkeypatch):
    monkeypatch.setattr(data, "pretrained_vgg16", narrow_vgg16)
    out = main("vgg_mcdropout_cifar10", small_cifar, "--heuristics", "bald")
    rows = records(out)
    assert [(r["heuristic"], r["n_labelled"]) for r in rows] == [
        ("bald", 8), ("bald", 12), ("random", 8), ("random", 12),
    ]  # fmt: skip
    assert rows[0]["test_loss"] == pytest.approx(np.log(10), rel=0.5)
    assert rows[0]["test_loss"] == rows[2]["test_loss"]  # the same weights, augmentation and labels
    assert len(rows[0]["test_f1"]) == 10
    outcome, _gain, by_labels, _summary = tables(capsys.readouterr().out)
    assert outcome[0][:2] == ["variant", "heuristic"]
    assert by_labels[0][:3] == ["labels", "bald error %", "random error %"]


def test_imbalance_on_cifar100(small_cifar, capsys, monkeypatch):
    monkeypatch.setattr(data, "pretrained_vgg16", narrow)
    out = main("imbalance", small_cifar, "--heuristics", "entropy")
    outcome, _ = tables(capsys.readouterr().out)
    assert [row[:2] for row in outcome[1]] == [
        [f"rare={n}", name] for n in (0, 20, 50) for name in ("entropy", "random")
    ]
    pools = {
        n: len(protocol.task_of(protocol.protocol_for(
            "cifar100", data=str(small_cifar), image_size=32, rare_classes=n)).pool)
        for n in (0, 20, 50)
    }  # fmt: skip
    assert pools == {0: 400, 20: 340, 50: 250}  # a rare class has one image in place of four
    for row in records(out):
        assert max(row["chosen"], default=0) < pools[int(row["variant"].split("=")[1])]


def test_images_are_loaded_by_other_processes(small_cifar, capsys, monkeypatch):
    monkeypatch.setattr(data, "pretrained_vgg16", narrow)
    out = main("annotation_error", small_cifar, "--heuristics", "entropy", "--errors", "0.1",
               "--workers", "1")  # fmt: skip
    assert [r["n_labelled"] for r in records(out)] == [8, 12] * 2


@pytest.fixture
def small_miotcd(tmp_path):
    """Each class in its own shade; pedestrians are the rarest."""
    counts = dict.fromkeys(CLASS_NAMES, 6) | {"car": 40, "pedestrian": 3}
    lines = []
    for shade, (name, count) in enumerate(counts.items()):
        folder = tmp_path / "train" / name
        folder.mkdir(parents=True)
        for i in range(count):
            image_id = f"{shade:02}{i:06}"
            Image.new("RGB", (40, 30), (20 * shade, 128, 255 - i)).save(folder / f"{image_id}.jpg")
            lines.append(f"{image_id},{name}\n")
    (tmp_path / "gt_train.csv").write_text("".join(lines))
    return tmp_path


def test_miotcd_shows_the_classes_of_the_paper(small_miotcd, capsys, monkeypatch):
    monkeypatch.setattr(data, "pretrained_vgg16", narrow)
    out = main("miotcd", small_miotcd, "--heuristics", "bald")
    found = tables(capsys.readouterr().out)
    assert [header[2] for header, _ in found[::2]] == [
        "error % at 12", "f1 of single unit truck % at 12", "f1 of bicycle % at 12",
        "f1 of car % at 12",
    ]  # fmt: skip
    last = records(out)[1]
    assert len(last["test_f1"]) == 11
    car = last["test_f1"][CLASS_NAMES.index("car")]
    assert found[6][1][0] == ["miotcd", "bald", f"{100 * car:.1f}"]
    assert (out / "f1.png").read_bytes()[:4] == b"\x89PNG"


def test_miotcd_shows_other_classes(small_miotcd, capsys, monkeypatch):
    monkeypatch.setattr(data, "pretrained_vgg16", narrow)
    main("miotcd", small_miotcd, "--heuristics", "bald", "--classes", "bus")
    found = tables(capsys.readouterr().out)
    assert [header[2] for header, _ in found] == [
        "error % at 12", "gain in error % at 12", "f1 of bus % at 12", "gain in f1 of bus % at 12",
    ]  # fmt: skip
    argv = ["--data", str(small_miotcd), "--out", str(small_miotcd / "new"), *SMALL.split()]
    assert script("miotcd").main([*argv, "--classes", "tractor"]) == 2
    assert "--classes to be of articulated_truck, background, " in capsys.readouterr().err
    assert not (small_miotcd / "new").exists()


def test_files_that_are_missing_are_said_without_a_trace(tmp_path, capsys, monkeypatch):
    from torchvision.datasets import CIFAR10

    def offline(self):
        raise OSError("no network")

    monkeypatch.setattr(CIFAR10, "download", offline)
    argv = ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "out"), *SMALL.split()]
    for name in ("vgg_mcdropout_cifar10", "annotation_error"):
        assert script(name).main(argv) == 2
        assert capsys.readouterr().err == "error: no network\n"
    assert not (tmp_path / "out").exists()
    assert torch.get_num_threads() == 1
