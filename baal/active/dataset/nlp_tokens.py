"""Texts as token ids of one length, and which word each token begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baal.exceptions import InvalidTypeError

__all__ = ["Tokens", "is_split", "tokenize"]


@dataclass(frozen=True, eq=False)
class Tokens:
    """Texts as tokens, padded to `L`.

    Attributes:
        input_ids: `[B, L]`, int32.
        attention_mask: `[B, L]`, int8; 0 for padding.
        positions: `[B, L]`, int32: which word begins with this token; -1 for further pieces of a
            word, special tokens and padding. A text that is not split into words has its tokens
            for words.

    Example:
        >>> array = np.zeros((2, 3), dtype=np.int32)
        >>> len(Tokens(array, array, array))
        2
    """

    input_ids: NDArray[np.int32]
    attention_mask: NDArray[np.int8]
    positions: NDArray[np.int32]

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.input_ids)

    def take(self, indices: Sequence[int]) -> "Tokens":
        """Some of the texts.

        Args:
            indices: Which of them, `k` in number.

        Returns:
            Tokens `[k, L]`, copied.
        """
        at = list(indices)
        return Tokens(self.input_ids[at], self.attention_mask[at], self.positions[at])

    @classmethod
    def join(cls, parts: Sequence["Tokens"]) -> "Tokens":
        """Tokens of one length, one after the other.

        Args:
            parts: At least one.

        Returns:
            All of them.
        """
        return cls(
            np.concatenate([part.input_ids for part in parts]),
            np.concatenate([part.attention_mask for part in parts]),
            np.concatenate([part.positions for part in parts]),
        )


def is_split(text: Any) -> bool:
    """Whether a text comes as a sequence of words.

    Args:
        text: A string or a sequence of strings.

    Returns:
        False for a string.

    Example:
        >>> is_split(["a", "b"]), is_split("a b")
        (True, False)
    """
    return isinstance(text, Sequence) and not isinstance(text, str)


def tokenize(tokenizer: Any, texts: Sequence[Any], max_seq_len: int) -> Tokens:
    """Tokenise texts in one call, padded and truncated to one length.

    Args:
        tokenizer: A tokenizer of transformers.
        texts: `B` strings, or `B` lists of words.
        max_seq_len: The length `L` in tokens.

    Returns:
        Their tokens.

    Raises:
        InvalidTypeError: The texts are lists of words, and the tokenizer is none of the fast ones,
            which know what word a token comes from.

    Example:
        >>> from tokenizers import Tokenizer, models, pre_tokenizers
        >>> from transformers import PreTrainedTokenizerFast
        >>> words = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1, "cat": 2}, "[UNK]"))
        >>> words.pre_tokenizer = pre_tokenizers.Whitespace()
        >>> fast = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]")
        >>> tokens = tokenize(fast, ["a cat"], 4)
        >>> tokens.input_ids.tolist(), tokens.positions.tolist()
        ([[1, 2, 0, 0]], [[0, 1, -1, -1]])
    """
    split = is_split(texts[0])
    if split and not getattr(tokenizer, "is_fast", False):
        raise InvalidTypeError(
            "Expected `tokenizer` to be a fast tokenizer for texts that are lists of words, but "
            f"got {type(tokenizer).__name__}"
        )
    encoded = tokenizer(
        [list(text) if split else text for text in texts],
        is_split_into_words=split,
        padding="max_length",
        truncation=True,
        max_length=max_seq_len,
        return_attention_mask=True,
        return_special_tokens_mask=True,
    )
    mask = np.asarray(encoded["attention_mask"], dtype=np.int8)
    if split:
        words = [encoded.word_ids(index) for index in range(len(texts))]
        positions = np.array([_first_pieces(ids) for ids in words], dtype=np.int32)
    else:
        special = np.asarray(encoded["special_tokens_mask"]).astype(bool)
        is_token = (mask == 1) & ~special
        positions = np.where(is_token, np.cumsum(is_token, axis=1) - 1, -1).astype(np.int32)
    return Tokens(np.asarray(encoded["input_ids"], dtype=np.int32), mask, positions)


def _first_pieces(words: Sequence[int | None]) -> list[int]:
    """The word of each token, -1 where the token goes on with the word before it."""
    return [
        -1 if word is None or (at > 0 and words[at - 1] == word) else word
        for at, word in enumerate(words)
    ]
