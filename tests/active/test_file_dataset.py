"""Files that are opened when they are read, labels that arrive later, randomness by item."""

import errno
import pickle
import random
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

import baal.active
from baal.active.active_loop import ActiveLearningLoop
from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
from baal.active.file_dataset import FileDataset, default_image_load_fn
from baal.active.heuristics import Margin
from baal.exceptions import (
    InvalidArgumentError,
    InvalidIndexError,
    InvalidTypeError,
    MissingExtraError,
    UnreadableFileError,
)
from baal.utils.random_states import RandomStates
from baal.utils.transforms import BaaLCompose, BaaLTransform, GetCanvas


def to_tensor(image):
    return torch.from_numpy(np.array(image)).float()


def noise(_):
    """One number of each source."""
    return torch.rand(()).item(), np.random.rand(), random.random()


def noisy_tensor(image):
    return to_tensor(image) + torch.rand(())


class Ask(BaaLTransform):
    def __init__(self, name):
        self.name = name

    def __call__(self, x, **asked):
        return asked[self.name]

    def get_requires(self):
        return [self.name]


@pytest.fixture
def files(tmp_path):
    """Ten pictures, three pixels high and five wide, of the grey value 10 * i."""
    paths = []
    for i in range(10):
        paths.append(tmp_path / f"{i}.png")
        Image.new("L", (5, 3), 10 * i).save(paths[-1])
    return paths


def test_public_name():
    assert baal.active.FileDataset is FileDataset


@pytest.mark.parametrize("kind", [str, Path])
def test_items_are_images_and_labels(files, kind):
    dataset = FileDataset([kind(file) for file in files], lbls=list(range(10)))
    assert len(dataset) == 10
    image, label = dataset[3]
    assert image.mode == "RGB"
    assert image.size == (5, 3)
    assert image.getpixel((0, 0)) == (30, 30, 30)
    assert label == 3
    assert dataset[-1][1] == 9
    assert [label for _, label in dataset] == list(range(10))
    assert dataset.item_ids == [str(file) for file in files]


def test_files_are_opened_when_they_are_read():
    opened = []
    dataset = FileDataset(["a", "b", "c"], image_load_fn=lambda file: opened.append(file) or file)
    assert not opened
    assert dataset[1] == ("b", -1)
    assert opened == ["b"]


def test_the_loader_closes_the_file(files):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        image = default_image_load_fn(files[0])
    files[0].unlink()
    assert image.getpixel((4, 2)) == (0, 0, 0)


def test_pillow_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.delitem(sys.modules, "PIL.Image")
    with pytest.raises(MissingExtraError, match=r"the extra `vision`"):
        FileDataset(["a.png"])[0]


MASK = np.array([[-1, -1]])


@pytest.mark.parametrize("label", [0, 7, "cat", "-1", MASK, torch.tensor([1]), {"box": 1}, [-1]])
def test_labels_of_any_type(label):
    dataset = FileDataset(["a", "b"], image_load_fn=len)
    dataset.label(1, label)
    assert dataset[1][1] is label
    assert dataset[0] == (1, -1)
    with pytest.warns(UserWarning, match=r"'b' \(dataset index 1\) was labelled already"):
        dataset.label(1, "new")
    assert dataset[1][1] == "new"


@pytest.mark.parametrize("label", [None, -1, -1.0, np.int64(-1), torch.tensor(-1), np.array(-1)])
def test_unknown_labels(label):
    dataset = FileDataset(["a"], [label], image_load_fn=len)
    assert dataset[0] == (1, -1)
    assert type(dataset[0][1]) is int
    dataset.label(0, 4)
    assert dataset[0] == (1, 4)
    with pytest.warns(UserWarning, match="labelled already"):
        dataset.label(0, label)
    assert dataset[0] == (1, -1)


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_the_callers_labels_stay_as_they_are(kind):
    labels = kind([-1, 2, -1])
    files = ["a", "b", "c"]
    dataset = FileDataset(files, labels, image_load_fn=len)
    dataset.label(0, 5)
    assert list(labels) == [-1, 2, -1]
    assert [int(label) for _, label in dataset] == [5, 2, -1]
    files.append("d")
    assert len(dataset) == 3


@pytest.mark.parametrize("index", [2, -1, 1.5, "0", None])
def test_labelling_what_is_not_there_changes_nothing(index):
    dataset = FileDataset(["a", "b"], image_load_fn=len)
    with pytest.raises((InvalidIndexError, InvalidTypeError), match="index"):
        dataset.label(index, 1)
    assert dataset.lbls == [None, None]


def test_reading_what_is_not_there():
    with pytest.raises(IndexError, match="between -1 and 0, but got 1"):
        FileDataset(["a"], image_load_fn=len)[1]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([],), InvalidArgumentError, "at least one file.* got 0 files and 0 labels"),
        ((["a"], [1, 2]), InvalidArgumentError, "got 1 files and 2 labels"),
        (("a.png",), InvalidTypeError, "a sequence of paths, but got 'a.png'"),
        ((Path("a.png"),), InvalidTypeError, "a sequence of paths"),
        (({"a.png", "b.png"},), InvalidTypeError, "a sequence of paths"),
        ((["a.png"], {"a.png": 1}), InvalidTypeError, "one for each file, but got \"{'a.png': 1}"),
        ((["a.png"], "c"), InvalidTypeError, "`lbls` to be a sequence of labels"),
        ((["a.png"], {1}), InvalidTypeError, "of type set"),
        ((["a"], None, None, None, None, -1), InvalidArgumentError, "`seed` to be 0 or more"),
        ((["a"], None, None, None, None, True), InvalidTypeError, "`seed` to be an integer"),
        ((["a"], None, None, None, None, 0.5), InvalidTypeError, "`seed` to be an integer"),
    ],
)
def test_arguments_are_checked(arguments, error, message):
    with pytest.raises(error, match=message):
        FileDataset(*arguments)


# Files that cannot be read


def test_a_missing_file_is_named(files):
    dataset = FileDataset(files)
    files[4].unlink()
    with pytest.raises(UnreadableFileError) as caught:
        dataset[4]
    assert repr(str(files[4])) in str(caught.value)
    assert "(dataset index 4): FileNotFoundError: " in str(caught.value)
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert isinstance(caught.value, OSError)
    assert dataset[5][0].size == (5, 3)


def break_file(path, kind):
    if kind == "text":
        path.write_text("this is no picture")
    elif kind == "empty":
        path.write_bytes(b"")
    else:  # cut in the middle of the pixels
        Image.fromarray(np.random.RandomState(0).randint(0, 255, (50, 50)).astype(np.uint8)).save(
            path
        )
        path.write_bytes(path.read_bytes()[:800])


@pytest.mark.parametrize("kind", ["text", "empty", "cut"])
def test_a_broken_file_is_named(files, kind):
    break_file(files[2], kind)
    with pytest.raises(UnreadableFileError, match=r"2\.png' \(dataset index 2\): \w+: \w+"):
        FileDataset(files)[2]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_file_is_named_through_a_data_loader(files, workers):
    break_file(files[2], "cut")
    loader = DataLoader(FileDataset(files, transform=to_tensor), 4, num_workers=workers)
    with pytest.raises(UnreadableFileError, match=r"2\.png' \(dataset index 2\): OSError: "):
        list(loader)


def test_errors_that_are_not_the_files_pass_through():
    def load(file):
        raise MemoryError

    with pytest.raises(MemoryError):
        FileDataset(["a"], image_load_fn=load)[0]


def test_broken_files_are_left_out_when_asked(files, capsys):
    break_file(files[2], "cut")
    break_file(files[0], "text")
    files[7].unlink()
    with pytest.warns(UserWarning, match=r"3 of 10 files cannot be read.*0\.png") as caught:
        dataset = FileDataset(files, lbls=list(range(10)), skip_broken=True, verbose=False)
    assert caught[0].filename == __file__
    assert list(dataset.skipped) == [files[0], files[2], files[7]]
    assert dataset.skipped[files[7]].startswith("FileNotFoundError: ")
    assert [label for _, label in dataset] == [1, 3, 4, 5, 6, 8, 9]
    assert dataset.item_ids == [str(files[i]) for i in (1, 3, 4, 5, 6, 8, 9)]
    assert capsys.readouterr().err == ""


def test_nothing_to_leave_out(files, capsys):
    dataset = FileDataset(files, skip_broken=True)
    assert len(dataset) == 10
    assert dataset.skipped == {}
    assert "Checking files" in capsys.readouterr().err


def test_not_one_file_can_be_read(tmp_path):
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    with pytest.raises(InvalidArgumentError, match=r"none among 2: the first is .*a\.png': FileN"):
        FileDataset(files, skip_broken=True, verbose=False)


def test_too_many_open_files_are_no_files_fault():
    def load(file):
        if file == "b":
            raise OSError(errno.EMFILE, "Too many open files")
        return file

    with pytest.raises(UnreadableFileError, match="Too many open files"):
        FileDataset(["a", "b"], image_load_fn=load, skip_broken=True, verbose=False)


# Randomness


def reseed(seed=1):
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def make(seed=None, **given):
    arguments = {"transform": noise, "target_transform": noise, **given}
    return FileDataset(["a", "b", "c"], image_load_fn=len, seed=seed, **arguments)


@pytest.mark.parametrize("seed", [None, 0, np.int64(1337)])
def test_input_and_target_share_their_randomness(seed):
    reseed()
    items = list(make(seed))
    assert all(x == y for x, y in items)
    numbers = [number for x, _ in items for number in x]
    assert len(set(numbers)) == 9


def test_with_a_seed_passes_repeat_in_any_order():
    dataset = make(1337)
    first = list(dataset)
    reseed(5)
    assert [dataset[i] for i in (2, 0, 1)] == [first[2], first[0], first[1]]
    assert list(make(1337, target_transform=None)) == [(x, -1) for x, _ in first]
    assert list(make(1338)) != first


def test_with_a_seed_the_global_states_stay_as_they_are():
    dataset = make(1337)
    states = RandomStates.current()
    list(dataset)
    assert not states.torch_changed()
    assert not states.host_changed()


def test_without_a_seed_passes_differ_and_the_global_seeds_decide():
    dataset = make()
    reseed()
    first, second = list(dataset), list(dataset)
    assert len({x for x, _ in first + second}) == 6
    reseed()
    assert list(dataset) == first


def test_samples_drawn_after_reading_an_item_differ():
    """BaaL 2.1 seeded the global states at each read: dropout masks came out the same."""
    for seed in (None, 1337):
        dataset = make(seed)
        masks = set()
        for _ in range(20):
            dataset[0]
            masks.add(torch.rand(()).item())
        assert len(masks) == 20


def test_after_an_error_in_a_transform_the_global_states_are_as_before():
    def fail(_):
        torch.rand(5)
        np.random.rand(5)
        random.random()
        raise RuntimeError("augmentation failed")

    for given in ({"transform": fail}, {"target_transform": fail}):
        states = RandomStates.current()
        with pytest.raises(RuntimeError, match="augmentation failed"):
            make(1337, **given)[0]
        assert not states.torch_changed()
        assert not states.host_changed()


@pytest.mark.parametrize("name", ["transform", "target_transform"])
def test_a_transform_that_shares_with_nobody_follows_the_global_seeds(name):
    dataset = make(**{"transform": None, "target_transform": None, name: noise})
    reseed()
    first = list(dataset)
    assert len({str(item) for item in first + list(dataset)}) == 6
    reseed()
    assert list(dataset) == first


def test_without_transforms_nothing_is_drawn():
    states = RandomStates.current()
    list(make(transform=None, target_transform=None))
    assert not states.torch_changed()
    assert not states.host_changed()


@pytest.mark.parametrize("seed", [None, 3])
def test_augmentation_in_the_pool_is_noticed_unless_it_repeats(files, seed):
    dataset = FileDataset(files, transform=noisy_tensor, seed=seed)
    active = ActiveLearningDataset(dataset, random_state=0)
    if seed is None:
        with pytest.warns(UserWarning, match="augmentation is not switched off"):
            pool = active.pool
    else:
        pool = active.pool
    assert (torch.equal(pool[0][0], pool[0][0])) is (seed is not None)
    active = ActiveLearningDataset(dataset, pool_specifics={"transform": to_tensor})
    assert torch.equal(active.pool[1][0], torch.full((3, 5, 3), 10.0))


# Keywords


def test_keywords_on_offer(files):
    dataset = FileDataset(files, transform=Ask("image_shape"), target_transform=Ask("idx"), seed=0)
    assert dataset[4] == ((3, 5), 4)
    dataset = FileDataset(files, transform=Ask("file"), target_transform=BaaLCompose([Ask("idx")]))
    assert dataset[-1] == (files[9], 9)


@pytest.mark.parametrize("name", ["generator", "rng"])
def test_generators_of_an_item_are_alike_for_input_and_target(name):
    def first_number(generator):
        if name == "rng":
            return generator.random()
        return torch.rand((), generator=generator).item()

    transform = BaaLCompose([Ask(name), first_number])
    dataset = make(9, transform=transform, target_transform=transform)
    items = list(dataset)
    assert all(x == y for x, y in items)
    assert len({x for x, _ in items}) == 3
    assert list(dataset) == items


def test_a_keyword_that_is_not_on_offer():
    message = r"\['file', 'generator', 'idx', 'image_shape', 'rng'\], but got \['weather'\]"
    with pytest.raises(InvalidArgumentError, match=message):
        make(transform=Ask("weather"))[0]


def test_the_shape_is_needed_only_where_it_is_asked_for():
    assert make(transform=Ask("idx"), target_transform=None)[1] == (1, -1)
    with pytest.raises(InvalidTypeError, match="Expected `image` to be a PIL image"):
        make(transform=Ask("image_shape"))[1]


def test_a_canvas_to_paint_on(files):
    image, canvas = FileDataset(files, transform=GetCanvas())[0][0]
    assert image.size == (5, 3)
    assert canvas.shape == (3, 5)


def test_the_target_transform_sees_unknown_labels(files):
    class Canvas(BaaLTransform):
        def __call__(self, label, image_shape):
            return np.zeros(image_shape) if isinstance(label, int) and label == -1 else label

        def get_requires(self):
            return ["image_shape"]

    dataset = FileDataset(files, target_transform=Canvas())
    assert dataset[0][1].shape == (3, 5)
    mask = np.ones((3, 5))
    dataset.label(0, mask)
    assert dataset[0][1] is mask


# As a dataset among others


@pytest.mark.parametrize(("workers", "method"), [(0, None), (2, "fork"), (2, "spawn")])
def test_data_loader(files, workers, method):
    dataset = FileDataset(files, transform=noisy_tensor, target_transform=float, seed=4)
    loader = DataLoader(dataset, 4, num_workers=workers, multiprocessing_context=method)
    xs, ys = map(torch.cat, zip(*loader, strict=True))
    assert ys.tolist() == [-1.0] * 10
    assert torch.equal(xs, torch.stack([x for x, _ in dataset]))
    assert torch.equal(xs.mean((1, 2, 3)).round(decimals=-1), 10.0 * torch.arange(10))


def test_workers_draw_different_numbers(files):
    dataset = FileDataset(files, transform=noise)
    loader = DataLoader(dataset, 1, num_workers=2, multiprocessing_context="fork")
    numbers = torch.stack([torch.cat(x) for x, _ in loader])
    assert all(len(set(source.tolist())) == 10 for source in numbers.T)


def test_labels_travel(files):
    dataset = FileDataset(files, seed=1)
    dataset.label(2, "cat")
    assert pickle.loads(pickle.dumps(dataset))[2][1] == "cat"


def test_the_loop_over_files(files):
    def confidence(pool):
        return np.array([[x.mean() / 100, 1 - x.mean() / 100] for x, _ in pool])

    dataset = FileDataset(files, transform=to_tensor)
    active = ActiveLearningDataset(dataset, random_state=0)
    loop = ActiveLearningLoop(active, confidence, Margin(), query_size=3)
    while len(proposal := loop.query()):
        answers = [int(index) % 2 for index in proposal.dataset_indices]
        active.label_dataset_indices(proposal.dataset_indices, answers)
        if active.n_labelled == 3:  # closest to a half
            assert sorted(active.get_indices_for_active_step()) == [4, 5, 6]
    assert [label for _, label in active] == [0, 1] * 5
