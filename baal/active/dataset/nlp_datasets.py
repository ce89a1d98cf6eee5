"""Texts for classification or tagging, from Hugging Face `datasets` or any list of dicts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from tqdm import tqdm

from baal.active.dataset.indices import to_position
from baal.active.dataset.nlp_labels import IGNORED, LabelKind, align, describe_labels
from baal.active.dataset.nlp_tokens import Tokens, is_split, tokenize
from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
from baal.exceptions import InvalidArgumentError, InvalidTypeError

__all__ = ["HuggingFaceDatasets", "active_huggingface_dataset", "hide_label"]

Item = dict[str, Any]

_BLOCK = 1000  # texts tokenised in one call


class HuggingFaceDatasets(Dataset[Item]):
    """Texts with labels that may not be known yet, as dicts that can be collated.

    An item has these keys:

    - `inputs`: the text; words are joined by a space.
    - `input_ids`, `attention_mask`: int64 `[max_seq_len]`. Not there without a tokenizer.
    - `label`: int64, the class index, -100 while it is unknown: cross-entropy leaves it out. Of
      token-level labels `[max_seq_len]`, where the first token of a word has the word's label and
      everything else -100. Without a tokenizer the words count as tokens.

    The columns of the dataset are never changed: labels that are given to `label` are kept beside
    them.

    Args:
        dataset: A `datasets.Dataset`, or anything with `__len__` and `__getitem__` whose items
            are dicts.
        tokenizer: A tokenizer of transformers; None: the texts are not tokenised.
        target_key: Column of the labels: class indices, class names, or for each item a sequence
            of one of them; None or -1 is unknown.
        input_key: Column of the texts: strings, or lists of words (needs a fast tokenizer).
        max_seq_len: Length in tokens that texts are padded and truncated to.
        classes: The class names, in the order of their indices. By default those of the
            dataset's `ClassLabel`, or of a column of strings, in alphabetical order.
        token_level: Whether an item has one label for each word. By default the column tells,
            which it cannot where it holds nothing but None.
        lazy: Tokenise texts when they are read; those of a batch together, where the batch is
            read by `__getitems__`, as a DataLoader does. False: all of them now, kept in memory.
        verbose: Show progress while all are tokenised.

    Attributes:
        dataset: As given.
        tokenizer: As given.
        target_key: As given.
        input_key: As given.
        max_seq_len: As given.

    Raises:
        InvalidArgumentError: There is no such column, `max_seq_len` is not positive, a name comes
            twice in `classes`, or the labels mix names and indices.
        InvalidTypeError: `dataset` is not map-style or has other items than dicts, `tokenizer`
            cannot be called, the labels are neither names nor indices, or lists of words meet a
            tokenizer that is not fast.

    Example:
        >>> rows = [{"sentence": "so good", "label": "pos"}, {"sentence": "meh", "label": None}]
        >>> dataset = HuggingFaceDatasets(rows, classes=["neg", "pos"])
        >>> dataset.label(1, "neg")
        >>> dataset[1], dataset.num_classes
        ({'inputs': 'meh', 'label': tensor(0)}, 2)
    """

    def __init__(
        self,
        dataset: Any,
        tokenizer: Any = None,
        target_key: str = "label",
        input_key: str = "sentence",
        max_seq_len: int = 128,
        *,
        classes: Sequence[str] | None = None,
        token_level: bool | None = None,
        lazy: bool = True,
        verbose: bool = True,
    ) -> None:
        _check_columns(dataset, target_key=target_key, input_key=input_key)
        if max_seq_len < 1:
            raise InvalidArgumentError(
                f"Expected `max_seq_len` to be positive, but got {max_seq_len}"
            )
        if tokenizer is not None and not callable(tokenizer):
            raise InvalidTypeError(
                f"Expected `tokenizer` to be a tokenizer of transformers, but got {tokenizer!r}"
            )
        self.dataset = dataset
        self.tokenizer = tokenizer
        self.target_key = target_key
        self.input_key = input_key
        self.max_seq_len = max_seq_len
        self._kind: LabelKind = describe_labels(dataset, target_key, classes, token_level)
        self._given: dict[int, Any] = {}  # labels by dataset index, encoded
        self._tokens: Tokens | None = None
        if tokenizer is not None and not lazy and len(dataset):
            self._tokens = self._tokenize_all(verbose)

    @property
    def num_classes(self) -> int:
        """Number of classes; where they have no names, one more than the highest index so far."""
        if self._kind.names is not None:
            return len(self._kind.names)
        given = [code for code in self._given.values() if code is not None]
        highest = max((int(np.max(code, initial=-1)) for code in given), default=-1)
        return max(self._kind.n_classes, highest + 1)

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.dataset)

    def __iter__(self) -> Iterator[Item]:
        # Not by IndexError, which could come from the dataset and end the iteration silently.
        return (self[index] for index in range(len(self)))

    def __getitem__(self, idx: int) -> Item:
        """An item.

        Args:
            idx: Dataset index; negative: from the end.

        Returns:
            The dict described above.

        Raises:
            InvalidTypeError: `idx` is not an integer.
            InvalidIndexError: There is no such item.
            InvalidArgumentError: It does not have one label for each word or token.
        """
        return self.__getitems__([idx])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """Items, their texts tokenised in one call."""
        n_items = len(self.dataset)
        indices = [to_position(index, n_items, "dataset") for index in indices]
        rows = self._rows(indices)
        tokens = None if not rows or self.tokenizer is None else self._tokens_of(indices, rows)
        return [
            self._item(index, row, tokens, at)
            for at, (index, row) in enumerate(zip(indices, rows, strict=True))
        ]

    def label(self, idx: int, value: Any) -> None:
        """Store a label, beside the dataset's own columns.

        Args:
            idx: Dataset index.
            value: A class index or name; for token-level labels one for each word. None or -1:
                unknown again.

        Raises:
            InvalidTypeError: `idx` is not an integer, or `value` is neither name nor index.
            InvalidIndexError: There is no such item.
            InvalidArgumentError: There is no such class, or there are more or fewer labels than
                words.
        """
        index = to_position(idx, len(self.dataset), "dataset", from_end=False)
        code = self._kind.encode(value)
        if isinstance(code, list):
            # A wrong number of labels is found now, not in the middle of a training.
            (row,) = self._rows([index])
            tokens = None if self.tokenizer is None else self._tokens_of([index], [row])
            self._aligned(index, code, row[0], tokens, 0)
        self._given[index] = code

    def _rows(self, indices: Sequence[int]) -> list[tuple[Any, Any]]:
        """Text and label, as they are in the columns, of the items."""
        if hasattr(self.dataset, "column_names"):
            columns = self.dataset[list(indices)]
            pairs = list(zip(columns[self.input_key], columns[self.target_key], strict=True))
        else:
            found = (self.dataset[index] for index in indices)
            pairs = [(row[self.input_key], row[self.target_key]) for row in found]
        # Columns in NumPy's format hold arrays of words.
        return [(x.tolist() if hasattr(x, "tolist") else x, y) for x, y in pairs]

    def _tokens_of(self, indices: Sequence[int], rows: Sequence[tuple[Any, Any]]) -> Tokens:
        """The tokens of these items alone."""
        if self._tokens is not None:
            return self._tokens.take(indices)
        return tokenize(self.tokenizer, [text for text, _ in rows], self.max_seq_len)

    def _tokenize_all(self, verbose: bool) -> Tokens:
        n_items = len(self.dataset)
        starts = range(0, n_items, _BLOCK)
        return Tokens.join(
            [
                self._tokens_of((), self._rows(range(start, min(start + _BLOCK, n_items))))
                for start in tqdm(starts, "Tokenising", disable=not verbose)
            ]
        )

    def _item(self, index: int, row: tuple[Any, Any], tokens: Tokens | None, at: int) -> Item:
        text = row[0]
        item: Item = {}
        if tokens is not None:
            item["input_ids"] = torch.from_numpy(tokens.input_ids[at].astype(np.int64))
            item["attention_mask"] = torch.from_numpy(tokens.attention_mask[at].astype(np.int64))
        item["inputs"] = " ".join(text) if is_split(text) else text
        code = self._given[index] if index in self._given else self._kind.encode(row[1])
        if not self._kind.token_level:
            item["label"] = torch.tensor(IGNORED if code is None else code)
        elif code is None:
            item["label"] = torch.full((self.max_seq_len,), IGNORED)
        else:
            item["label"] = torch.from_numpy(self._aligned(index, code, text, tokens, at))
        return item

    def _aligned(self, index: int, code: Any, text: Any, tokens: Tokens | None, at: int) -> Any:
        """Token-level labels `[L]` of an item, once their number is known to be right."""
        if tokens is None:
            n_words = len(text) if is_split(text) else len(code)
            positions = np.arange(self.max_seq_len)
            positions[n_words:] = -1
        else:
            positions = tokens.positions[at]
            # A text that fills all of `L` may have lost tokens that have labels.
            is_cut = bool(tokens.attention_mask[at].all())
            n_tokens = int(positions.max()) + 1
            n_words = len(text) if is_split(text) else max(n_tokens, len(code) * is_cut)
        if len(code) != n_words:
            raise InvalidArgumentError(
                f"Expected one label for each of the {n_words} words or tokens of the item "
                f"{index}, but got {len(code)}"
            )
        return align(code, positions)


def active_huggingface_dataset(
    dataset: Any,
    tokenizer: Any = None,
    target_key: str = "label",
    input_key: str = "sentence",
    max_seq_len: int = 128,
    *,
    classes: Sequence[str] | None = None,
    token_level: bool | None = None,
    lazy: bool = True,
    verbose: bool = True,
    **kwargs: Any,
) -> ActiveLearningDataset:
    """An active dataset of texts, whose pool shows no labels.

    Args:
        dataset: As in `HuggingFaceDatasets`, and so are the next ones.
        tokenizer: Likewise.
        target_key: Likewise.
        input_key: Likewise.
        max_seq_len: Likewise.
        classes: Likewise.
        token_level: Likewise.
        lazy: Likewise.
        verbose: Likewise.
        **kwargs: Of `ActiveLearningDataset`. By default `make_unlabelled` is `hide_label`.

    Returns:
        The active dataset. Where all labels are known already, set its `can_label` to False, so
        that `label` and `label_randomly` need no values.

    Raises:
        InvalidArgumentError: As `HuggingFaceDatasets` and `ActiveLearningDataset`.
        InvalidTypeError: Likewise.

    Example:
        >>> rows = [{"sentence": "so good", "label": 1}, {"sentence": "meh", "label": 0}]
        >>> active = active_huggingface_dataset(rows, labelled=[1, 0])
        >>> active[0]["label"], active.pool[0]["label"]
        (tensor(1), tensor(-100))
    """
    texts = HuggingFaceDatasets(
        dataset,
        tokenizer,
        target_key,
        input_key,
        max_seq_len,
        classes=classes,
        token_level=token_level,
        lazy=lazy,
        verbose=verbose,
    )
    return ActiveLearningDataset(texts, **{"make_unlabelled": hide_label, **kwargs})


def hide_label(item: Item) -> Item:
    """An item as if nobody had labelled it.

    Args:
        item: An item of `HuggingFaceDatasets`.

    Returns:
        A new dict, `label` full of -100.

    Example:
        >>> hide_label({"inputs": "meh", "label": torch.tensor(1)})
        {'inputs': 'meh', 'label': tensor(-100)}
    """
    return {**item, "label": torch.full_like(item["label"], IGNORED)}


def _check_columns(dataset: Any, **keys: str) -> None:
    """Refuse a column that is not there, and a dataset that is streamed or in several splits."""
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise InvalidTypeError(
            "Expected `dataset` to be map-style, with `__len__` and `__getitem__`, "
            f"but got {type(dataset).__name__}"
        )
    columns = getattr(dataset, "column_names", None)
    if isinstance(columns, Mapping):
        raise InvalidTypeError(
            f"Expected `dataset` to be one split, such as dataset[{next(iter(columns), 'train')!r}]"
            f", but got {type(dataset).__name__} with the splits {list(columns)}"
        )
    if columns is None:
        first = dataset[0] if len(dataset) else dict.fromkeys(keys.values())
        if not isinstance(first, Mapping):
            raise InvalidTypeError(
                f"Expected the items of `dataset` to be dicts, but got {type(first).__name__}"
            )
        columns = list(first)
    for argument, key in keys.items():
        if key not in columns:
            raise InvalidArgumentError(
                f"Expected `{argument}` to be one of the columns {sorted(columns)}, but got {key!r}"
            )
