"""Files and Hugging Face datasets in the idiom of BaaL 2.1, unchanged."""

import random
import warnings

import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from baal.active import ActiveLearningLoop
from baal.active.dataset import ActiveLearningDataset
from baal.active.dataset.nlp_datasets import HuggingFaceDatasets, active_huggingface_dataset
from baal.active.file_dataset import FileDataset, default_image_load_fn
from baal.active.heuristics import BALD
from baal.bayesian.dropout import patch_module
from baal.modelwrapper import ModelWrapper, TrainingArgs
from baal.utils.transforms import BaaLCompose, BaaLTransform, GetCanvas, PILToLongTensor
from tests.active.dataset.texts import build_tokenizer


def to_tensor(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


@pytest.fixture
def files(tmp_path):
    """Dark pictures are of class 0, bright ones of class 1."""
    paths = []
    for i in range(20):
        pixels = np.random.RandomState(i).randint(0, 100, (4, 6, 3)) + 150 * (i % 2)
        paths.append(str(tmp_path / f"{i}.png"))
        Image.fromarray(pixels.astype(np.uint8)).save(paths[-1])
    return paths


def test_labelling_files_in_a_loop(files):
    torch.manual_seed(0)
    dataset = FileDataset(files, [-1] * 20, to_tensor, None, seed=1337)
    active = ActiveLearningDataset(dataset, pool_specifics={"transform": to_tensor})
    assert active.can_label
    active.label([0, 1, 2, 3], [0, 1, 0, 1])
    with pytest.warns(UserWarning, match="labelled"):
        dataset.label(0, 0)

    model = patch_module(
        nn.Sequential(nn.Flatten(), nn.Linear(72, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))
    )
    args = TrainingArgs(
        optimizer=torch.optim.Adam(model.parameters(), 0.01), criterion=nn.CrossEntropyLoss(),
        epoch=10, batch_size=4, workers=0, use_cuda=False,
    )  # fmt: skip
    wrapper = ModelWrapper(model, args)
    loop = ActiveLearningLoop(
        active, wrapper.predict_on_dataset, BALD(), query_size=4, iterations=5, verbose=False
    )
    active.can_label = False  # the labels are in `dataset` from here on
    for index in range(4, 20):
        dataset.label(index, index % 2)
    while loop.step():
        wrapper.train_on_dataset(active)
    assert len(active) == 20
    assert [label for _, label in active] == [0, 1] * 10


def test_transforms_of_one_item_share_their_randomness(files):
    class Crop:
        def __call__(self, image):
            x = random.randint(0, 3)
            y = int(torch.randint(3, ()))
            return to_tensor(image)[:, y : y + 2, x : x + 3]

    masks = [default_image_load_fn(file) for file in files]
    dataset = FileDataset(files, masks, Crop(), Crop(), default_image_load_fn, 1337)
    first, second = list(dataset), list(dataset)
    assert all(torch.equal(x, y) for x, y in first)
    assert all(torch.equal(x, again) for (x, _), (again, _) in zip(first, second, strict=True))
    assert len({tuple(x.flatten().tolist()) for x, _ in first}) == 20


def test_transforms_that_ask(files):
    class Canvas(BaaLTransform):
        def __call__(self, label, image_shape):
            return np.zeros(image_shape, np.uint8) if isinstance(label, int) else label

        def get_requires(self):
            return ["image_shape"]

    target_transform = BaaLCompose([Canvas(), Image.fromarray, PILToLongTensor()])
    dataset = FileDataset(files, transform=to_tensor, target_transform=target_transform)
    dataset.label(3, np.ones((4, 6), np.uint8))
    x, y = next(iter(DataLoader(dataset, 5)))
    assert x.shape == (5, 3, 4, 6)
    assert y.dtype == torch.int64
    assert y.sum((1, 2)).tolist() == [0, 0, 0, 24, 0]
    _, canvas = GetCanvas()(default_image_load_fn(files[0]))
    assert canvas.shape == (4, 6)
    assert canvas.dtype == np.float32
    assert PILToLongTensor([[0, 0, 0], [1, 1, 1]]).encode_segmap(np.ones((1, 1, 3))).item() == 1


def test_hugging_face():
    raw = datasets.Dataset.from_dict(
        {"sentence": ["good cat", "dogs", "cat", "dog"], "label": [1, 0, 1, 0]}
    )
    dataset = HuggingFaceDatasets(raw, build_tokenizer(), max_seq_len=6)
    assert dataset.num_classes == 2
    assert set(dataset[0]) == {"input_ids", "inputs", "attention_mask", "label"}
    dataset.label(0, 0)
    assert dataset[0]["label"] == 0

    active = active_huggingface_dataset(
        raw, build_tokenizer(), target_key="label", input_key="sentence", max_seq_len=6,
        random_state=1337,
    )  # fmt: skip
    active.can_label = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        active.label_randomly(2)
    batch = next(iter(DataLoader(active, 2)))
    assert batch["input_ids"].shape == (2, 6)
    assert set(batch["label"].tolist()) <= {0, 1}
    assert len(active.pool) == 2
