"""Utilities and semi-supervised batches in the idiom of BaaL 2.1, unchanged."""

import logging
from collections import namedtuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from baal.active.dataset import ActiveLearningDataset
from baal.utils.array_utils import stack_in_memory, to_prob
from baal.utils.cuda_utils import to_cuda
from baal.utils.equality import assert_not_none, deep_check
from baal.utils.iterutils import map_on_tensor
from baal.utils.log_configuration import set_logger_config
from baal.utils.plot_utils import make_animation_from_data
from baal.utils.ssl_iterator import AlternateIterator, SemiSupervisedIterator
from baal.utils.transforms import BaaLCompose, BaaLTransform, GetCanvas, PILToLongTensor

Pair = namedtuple("Pair", ["image", "name"])  # noqa: PYI024 - as old scripts have them


def test_alternating_loaders():
    dl_1 = DataLoader(TensorDataset(torch.arange(10)), batch_size=5, shuffle=True)
    dl_2 = DataLoader(TensorDataset(torch.arange(100, 130)), batch_size=5, shuffle=True)
    iterator = AlternateIterator(dl_1, dl_2, num_steps=None, p=None)
    assert len(iterator) == 8
    for step, (batch, which) in enumerate(iterator):
        assert which == step % 2
        assert bool((batch[0] >= 100).all()) is bool(which)
    assert {which for _, which in AlternateIterator(dl_1, dl_2, 10, 0)} == {1}
    assert {which for _, which in AlternateIterator(dl_1, dl_2, num_steps=10, p=1)} == {0}


class Numbers:
    def __len__(self):
        return 40

    def __getitem__(self, index):
        return {"x": torch.tensor([float(index)]), "label": int(index >= 20)}


def test_semi_supervised_training():
    torch.manual_seed(0)
    al_dataset = ActiveLearningDataset(Numbers(), random_state=0)
    al_dataset.label_randomly(10)
    loader = SemiSupervisedIterator(
        al_dataset, 4, num_steps=20, p=0.5, shuffle=True, num_workers=0, drop_last=False
    )
    assert len(loader) == 20
    model = nn.Sequential(nn.Linear(1, 2), nn.Dropout(0.5))
    optimizer = torch.optim.SGD(model.parameters(), 1e-4)
    seen = {True: 0, False: 0}
    for batch in loader:
        labelled = SemiSupervisedIterator.is_labeled(batch)
        assert batch["is_labelled"] == labelled
        data = SemiSupervisedIterator.get_batch(batch)
        optimizer.zero_grad()
        output = model(data["x"])
        if labelled:
            loss = nn.functional.cross_entropy(output, data["label"])
        else:
            loss = nn.functional.mse_loss(output, model(data["x"]))
        loss.backward()
        optimizer.step()
        seen[labelled] += 1
    assert min(seen.values()) > 0
    assert sum(seen.values()) == 20


def test_small_helpers():
    assert to_prob(np.array([[10.0, -10.0]]))[0, 0] > 0.99
    assert stack_in_memory(torch.ones(2, 3), iterations=4).shape == (8, 3)
    assert stack_in_memory([torch.ones(2, 3), {"x": torch.ones(2)}], 4)[1]["x"].shape == (8,)
    batch = Pair(torch.ones(2), "a")
    assert to_cuda("a") == "a"
    assert map_on_tensor(lambda x: x + 1, batch).image.tolist() == [2, 2]
    assert deep_check([batch, {"y": np.ones(2)}], [Pair(torch.ones(2), "a"), {"y": np.ones(2)}])
    assert not deep_check([1, 2, 3], [1, 2])
    assert assert_not_none(batch) is batch
    with pytest.raises(ValueError):
        assert_not_none(None)


def test_transforms():
    class Add(BaaLTransform):
        def __call__(self, x, idx):
            return x + idx

        def get_requires(self):
            return ["idx"]

    assert BaaLCompose([Add()])(1, idx=2) == 3
    image, canvas = GetCanvas()(np.ones((2, 3)))
    assert canvas.shape == (2, 3)
    assert PILToLongTensor(classes=None)(image).dtype == torch.int64
    assert PILToLongTensor([0, 7]).encode_segmap(np.array([[7, 0]])).tolist() == [[1, 0]]


def test_an_animation():
    al_dataset = ActiveLearningDataset(list(range(12)), random_state=0)
    for _ in range(3):
        al_dataset.label_randomly(2)
    features = np.random.RandomState(0).randn(12, 2)
    labels = np.arange(12) % 3
    frames = make_animation_from_data(
        features, labels, al_dataset.labelled_map, classes=["cat", "dog", "bird"]
    )
    assert len(frames) == 3
    assert all(frame.dtype == np.uint8 and frame.shape[2] == 3 for frame in frames)


def test_logging(capsys):
    logger = logging.getLogger("baal")
    kept = logger.level, list(logger.handlers), logger.propagate
    logger.handlers.clear()
    try:
        set_logger_config()
        logger.info("shown")
        assert "shown" in capsys.readouterr().err
    finally:
        logger.setLevel(kept[0])
        logger.handlers[:], logger.propagate = kept[1:]
