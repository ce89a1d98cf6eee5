import sys
from types import ModuleType

import pytest

from baal.exceptions import MissingExtraError
from baal.experiments.tensorboard import TensorBoard

RECORD = {
    "round": 1, "n_labelled": 20, "dataset_size": 18, "test_loss": 0.5, "test_acc": None, "n": 3,
    "collapsed": False, "chosen": [1], "by_class": [0.5], "seconds": {"train": 1.5},
}  # fmt: skip


def test_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingExtraError, match="extra `tensorboard`"):
        TensorBoard(tmp_path)


def test_numbers_are_written_over_labels(monkeypatch, tmp_path):
    written = []

    class SummaryWriter:
        def __init__(self, folder):
            self.folder = folder

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

        def flush(self):
            written.append("flushed")

    fake = ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "tensorboard", ModuleType("tensorboard"))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    callback = TensorBoard(tmp_path)
    assert callback.writer.folder == str(tmp_path)
    callback(RECORD)
    assert written == [
        ("test_loss", 0.5, 20), ("n", 3.0, 20), ("seconds/train", 1.5, 20), "flushed",
    ]  # fmt: skip
