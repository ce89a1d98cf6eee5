"""Transforms that ask for keywords, and masks as class indices."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from baal.exceptions import InvalidArgumentError, InvalidTypeError
from baal.utils.transforms import (
    BaaLCompose,
    BaaLTransform,
    GetCanvas,
    PILToLongTensor,
    apply_transform,
    image_shape,
)

COLOURS = [[0, 0, 0], [128, 0, 0], [0, 128, 0]]


class Asking(BaaLTransform):
    def __init__(self, *names):
        self.names = list(names)

    def __call__(self, x, **asked):
        return [*x, asked]

    def get_requires(self):
        return self.names


class Offer(dict):
    """Fails the test where something is looked up that nobody asked for."""

    def __getitem__(self, name):
        assert name != "costly"
        return super().__getitem__(name)


def test_a_transform_asks_for_nothing_by_default():
    class Double(BaaLTransform):
        def __call__(self, x):
            return 2 * x

    assert Double().get_requires() == []
    assert apply_transform(Double(), 3, Offer(costly=1)) == 6


def test_each_transform_gets_what_it_asks_for_and_nothing_else():
    compose = BaaLCompose([Asking("b", "a"), tuple, Asking(), Asking("a")])
    assert compose.get_requires() == ["b", "a"]
    result = apply_transform(compose, [], Offer(a=1, b=2, c=3, costly=4))
    assert result == [{"b": 2, "a": 1}, {}, {"a": 1}]


def test_composing_composes():
    nested = BaaLCompose([BaaLCompose([Asking("a")]), Asking("b")])
    assert nested.get_requires() == ["a", "b"]
    assert nested([], a=1, b=2) == [{"a": 1}, {"b": 2}]
    assert repr(BaaLCompose([len])) == "BaaLCompose([<built-in function len>])"


def test_anything_with_get_requires_asks():
    class Duck:
        def __call__(self, x, idx):
            return x + idx

        def get_requires(self):
            return ["idx"]

    assert apply_transform(Duck(), 1, {"idx": 5}) == 6


def test_asking_for_what_is_not_on_offer():
    with pytest.raises(InvalidArgumentError) as caught:
        apply_transform(Asking("idx", "weather"), [], {"idx": 0, "file": "a.png"})
    assert str(caught.value) == (
        "Expected `get_requires` of Asking to name some of ['file', 'idx'], but got ['weather']"
    )


@given(st.integers(1, 9), st.integers(1, 9))
def test_a_canvas_is_not_transposed(height, width):
    image = Image.new("RGB", (width, height))
    same, canvas = GetCanvas()(image)
    assert same is image
    assert canvas.shape == (height, width) == np.asarray(image).shape[:2]
    assert canvas.dtype == np.float32
    assert not canvas.any()


def test_a_canvas_for_arrays_and_tensors():
    array = np.ones((2, 3, 4), dtype=np.uint8)
    same, canvas = GetCanvas()(array)
    assert same is array
    assert canvas.shape == (2, 3, 4)
    assert canvas.dtype == np.float32
    tensor = torch.ones(3, 4, dtype=torch.uint8)
    same, canvas = GetCanvas()(tensor)
    assert same is tensor
    assert torch.equal(canvas, torch.zeros(3, 4))
    assert GetCanvas().get_requires() == []


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (5, 3)),
        np.zeros((3, 5)),
        np.zeros((3, 5, 4)),
        torch.zeros(3, 5),
        torch.zeros(2, 3, 5),
    ],
)
def test_shape_of_an_image(image):
    assert image_shape(image) == (3, 5)


@pytest.mark.parametrize("image", ["a.png", np.zeros(3), torch.zeros(3), None])
def test_what_is_no_image_has_no_shape(image):
    with pytest.raises(InvalidTypeError, match=r"Expected `image` to be a PIL image.* but got "):
        image_shape(image)


def test_a_mask_of_class_indices():
    array = np.array([[0, 1, 2], [3, 255, 7]], dtype=np.uint8)
    mask = PILToLongTensor()(Image.fromarray(array))
    assert mask.dtype == torch.int64
    assert mask.tolist() == array.tolist()
    palette = Image.fromarray(array % 4).convert("P")
    palette.putdata((array % 4).ravel().tolist())
    palette.putpalette([value for colour in [*COLOURS, [9, 9, 9]] for value in colour])
    assert PILToLongTensor()(palette).tolist() == (array % 4).tolist()


def test_several_bands_come_first():
    array = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    mask = PILToLongTensor()(Image.fromarray(array))
    assert mask.is_contiguous()
    assert torch.equal(mask, torch.from_numpy(array).permute(2, 0, 1).long())


@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=4))
def test_colours_come_back_as_their_classes(classes):
    picture = Image.fromarray(np.array(COLOURS, dtype=np.uint8)[np.array(classes)])
    assert PILToLongTensor(COLOURS)(picture).tolist() == classes


def test_a_palette_is_looked_up_where_classes_are_colours():
    picture = Image.new("P", (2, 1))
    picture.putpalette([0, 128, 0, 128, 0, 0])
    picture.putdata([0, 1])
    assert PILToLongTensor(COLOURS)(picture).tolist() == [[2, 1]]


def test_grey_values_as_classes():
    grey = Image.fromarray(np.array([[0, 200], [100, 7]], dtype=np.uint8))
    assert PILToLongTensor([0, 100, 200])(grey).tolist() == [[0, 2], [1, 0]]
    assert PILToLongTensor([0, 100, 200], other=-100)(grey).tolist() == [[0, 2], [1, -100]]


def test_encoding_leaves_the_mask_alone():
    mask = np.array([[[128, 0, 0], [1, 1, 1]]])
    kept = mask.copy()
    encoded = PILToLongTensor(COLOURS, other=9).encode_segmap(mask)
    assert encoded.tolist() == [[1, 9]]
    assert np.array_equal(mask, kept)


@pytest.mark.parametrize("classes", [3, [[1, 2]], [[[0, 0, 0]]]])
def test_classes_of_another_shape(classes):
    with pytest.raises(InvalidArgumentError, match=r"`classes` to be colours \[C, 3\]"):
        PILToLongTensor(classes)


@pytest.mark.parametrize(
    ("classes", "mask"), [(COLOURS, (2, 2)), ([0, 1], (2, 2, 3)), (None, (2, 2)), (COLOURS, (2,))]
)
def test_a_mask_that_does_not_fit_the_classes(classes, mask):
    with pytest.raises(InvalidArgumentError, match=r"Expected `mask` to be \[H, W, 3\]"):
        PILToLongTensor(classes).encode_segmap(np.zeros(mask))
