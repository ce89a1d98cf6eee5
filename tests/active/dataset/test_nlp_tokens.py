"""Texts as token ids, and which word begins where."""

import numpy as np
import pytest

from baal.active.dataset.nlp_tokens import Tokens, is_split, tokenize
from baal.exceptions import InvalidTypeError
from tests.active.dataset.texts import build_tokenizer

# "cats" is cat + ##s, between [CLS] = 2 and [SEP] = 3.


def test_texts():
    tokens = tokenize(build_tokenizer(), ["cats good", "emu", ""], 6)
    assert tokens.input_ids.tolist() == [
        [2, 4, 6, 7, 3, 0],
        [2, 1, 3, 0, 0, 0],
        [2, 3, 0, 0, 0, 0],
    ]
    assert tokens.attention_mask.tolist() == [
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
    ]
    assert tokens.positions.tolist() == [
        [-1, 0, 1, 2, -1, -1],
        [-1, 0, -1, -1, -1, -1],
        [-1, -1, -1, -1, -1, -1],
    ]
    assert len(tokens) == 3


def test_words_begin_with_their_first_piece():
    tokens = tokenize(build_tokenizer(), [["cats", "cat", "dogs"], ("good",)], 7)
    assert tokens.input_ids.tolist() == [[2, 4, 6, 4, 5, 6, 3], [2, 7, 3, 0, 0, 0, 0]]
    assert tokens.positions.tolist() == [[-1, 0, -1, 1, 2, -1, -1], [-1, 0, -1, -1, -1, -1, -1]]


def test_long_texts_are_cut():
    tokens = tokenize(build_tokenizer(), ["cat dog good"], 4)
    assert tokens.input_ids.tolist() == [[2, 4, 5, 3]]
    tokens = tokenize(build_tokenizer(), [["cats", "dogs"]], 5)
    assert tokens.positions.tolist() == [[-1, 0, -1, 1, -1]]


def test_padding_on_the_left():
    tokenizer = build_tokenizer(padding_side="left")
    assert tokenize(tokenizer, ["cats"], 5).positions.tolist() == [[-1, -1, 0, 1, -1]]
    assert tokenize(tokenizer, [["cats"]], 5).positions.tolist() == [[-1, -1, 0, -1, -1]]


def test_words_need_a_fast_tokenizer():
    class Slow:
        is_fast = False

    with pytest.raises(InvalidTypeError, match=r"fast tokenizer .* but got Slow"):
        tokenize(Slow(), [["cat"]], 4)


def test_parts_of_tokens():
    tokens = tokenize(build_tokenizer(), ["cat", "dog", "good"], 3)
    again = Tokens.join([tokens.take([2]), tokens.take((0, 1))])
    for name in ("input_ids", "attention_mask", "positions"):
        assert np.array_equal(getattr(again, name), getattr(tokens, name)[[2, 0, 1]])
        assert getattr(again, name).dtype == getattr(tokens, name).dtype


@pytest.mark.parametrize(("text", "split"), [("a b", False), (["a"], True), (("a",), True)])
def test_whether_a_text_is_split(text, split):
    assert is_split(text) is split
