"""Texts and their labels, over real Hugging Face datasets and lists of dicts."""

import datasets
import pytest
import torch
from torch.utils.data import DataLoader, Subset

from baal.active.dataset.nlp_datasets import HuggingFaceDatasets, active_huggingface_dataset
from baal.exceptions import InvalidArgumentError, InvalidIndexError, InvalidTypeError
from tests.active.dataset.texts import build_tokenizer

TEXTS = ["cat good", "dogs", "cats cat cat cat cat"]
NAMES = datasets.ClassLabel(names=["neg", "pos"])


class Counting:
    """A tokenizer that counts the calls and the texts."""

    is_fast = True

    def __init__(self):
        self.tokenizer = build_tokenizer()
        self.calls = []

    def __call__(self, texts, **given):
        self.calls.append(len(texts))
        return self.tokenizer(texts, **given)


def hugging_face(labels=(0, 1, 1), texts=TEXTS, feature=None):
    columns = {"label": list(labels), "sentence": list(texts)}
    dataset = datasets.Dataset.from_dict(columns)
    return dataset if feature is None else dataset.cast_column("label", feature)


def rows(labels=(0, 1, 1), texts=TEXTS):
    return [{"label": x, "sentence": y} for x, y in zip(labels, texts, strict=True)]


BOTH = pytest.mark.parametrize("make", [hugging_face, rows])
EAGERNESS = pytest.mark.parametrize("lazy", [True, False])


@BOTH
@EAGERNESS
def test_items(make, lazy):
    dataset = HuggingFaceDatasets(
        make(), build_tokenizer(), max_seq_len=5, lazy=lazy, verbose=False
    )
    assert len(dataset) == 3
    item = dataset[0]
    assert list(item) == ["input_ids", "attention_mask", "inputs", "label"]
    assert item["input_ids"].dtype == item["attention_mask"].dtype == torch.int64
    assert item["label"].dtype == torch.int64
    assert item["input_ids"].tolist() == [2, 4, 7, 3, 0]
    assert item["attention_mask"].tolist() == [1, 1, 1, 1, 0]
    assert item["inputs"] == "cat good"
    assert item["label"].item() == 0
    assert dataset[-1]["input_ids"].tolist() == [2, 4, 6, 4, 3]
    assert [one["label"].item() for one in dataset] == [0, 1, 1]
    assert dataset.num_classes == 2


@BOTH
def test_other_columns(make):
    source = [{"x": "cat", "y": 4, "z": None}]
    source = datasets.Dataset.from_list(source) if make is hugging_face else source
    dataset = HuggingFaceDatasets(source, None, "y", "x")
    assert dataset[0] == {"inputs": "cat", "label": torch.tensor(4)}
    assert dataset.num_classes == 5


@BOTH
def test_without_a_tokenizer_items_can_be_collated(make):
    batch = next(iter(DataLoader(HuggingFaceDatasets(make()), 3)))
    assert batch["inputs"] == TEXTS
    assert batch["label"].tolist() == [0, 1, 1]
    assert set(batch) == {"inputs", "label"}


def test_a_batch_is_tokenised_in_one_call():
    tokenizer = Counting()
    dataset = HuggingFaceDatasets(hugging_face(), tokenizer, max_seq_len=5)
    assert tokenizer.calls == []
    batch = next(iter(DataLoader(dataset, 3)))
    assert tokenizer.calls == [3]
    single = [dataset[i]["input_ids"].tolist() for i in range(3)]
    assert batch["input_ids"].tolist() == single
    assert tokenizer.calls == [3, 1, 1, 1]
    next(iter(DataLoader(Subset(dataset, [2, 0]), 2)))
    assert tokenizer.calls[4:] == [2]
    assert dataset.__getitems__([]) == []


def test_up_front_texts_are_tokenised_once_in_blocks(capsys):
    tokenizer = Counting()
    many = hugging_face([0] * 2500, ["cat"] * 2499 + ["dog"])
    dataset = HuggingFaceDatasets(many, tokenizer, max_seq_len=3, lazy=False)
    assert tokenizer.calls == [1000, 1000, 500]
    assert "Tokenising" in capsys.readouterr().err
    assert dataset[2499]["input_ids"].tolist() == [2, 5, 3]
    assert dataset[2498]["input_ids"].tolist() == [2, 4, 3]
    assert len(tokenizer.calls) == 3


# Labels


def test_labels_are_kept_beside_columns_that_cannot_change():
    source = hugging_face([0, -1, None], feature=NAMES)
    before = source.to_dict()
    dataset = HuggingFaceDatasets(source)
    assert [item["label"].item() for item in dataset] == [0, -100, -100]
    dataset.label(1, "pos")
    dataset.label(2, 0)
    assert [item["label"].item() for item in dataset] == [0, 1, 0]
    dataset.label(2, 1)
    assert dataset[2]["label"].item() == 1
    dataset.label(0, None)
    assert dataset[0]["label"].item() == -100
    assert source.to_dict() == before
    assert dataset.num_classes == 2


@pytest.mark.parametrize("form", ["torch", "numpy"])
def test_columns_in_another_format(form):
    dataset = HuggingFaceDatasets(hugging_face().with_format(form), build_tokenizer())
    assert [item["label"].item() for item in dataset] == [0, 1, 1]
    assert [item["inputs"] for item in dataset] == TEXTS
    assert dataset.num_classes == 2
    dataset = HuggingFaceDatasets(tagged().with_format(form), build_tokenizer(), max_seq_len=5)
    assert dataset[0]["label"].tolist() == [-100, 0, -100, 1, -100]


@BOTH
def test_names_in_the_column(make):
    dataset = HuggingFaceDatasets(make(["b", None, "a"]))
    assert [item["label"].item() for item in dataset] == [1, -100, 0]
    dataset.label(1, "b")
    assert dataset[1]["label"].item() == 1
    with pytest.raises(InvalidArgumentError, match=r"classes \['a', 'b'\] or its index"):
        dataset.label(1, "c")
    assert dataset[1]["label"].item() == 1


def test_classes_that_nobody_has_seen_yet():
    dataset = HuggingFaceDatasets(rows([None, None, "y"]), classes=["x", "y", "z"])
    assert dataset.num_classes == 3
    assert dataset[2]["label"].item() == 1


def test_without_names_the_number_of_classes_follows_the_labels():
    dataset = HuggingFaceDatasets(rows([None, None, None]))
    assert dataset.num_classes == 0
    dataset.label(0, 3)
    dataset.label(1, None)
    assert dataset.num_classes == 4


@pytest.mark.parametrize("index", [3, -1, 0.5, "0"])
def test_labelling_what_is_not_there(index):
    dataset = HuggingFaceDatasets(rows())
    with pytest.raises((InvalidIndexError, InvalidTypeError), match="index"):
        dataset.label(index, 1)
    assert [item["label"].item() for item in dataset] == [0, 1, 1]


# Labels of tokens

WORDS = [["cats", "dog"], ["good"], ["cat", "cats", "cat"]]
TAGS = [["O", "B"], ["B"], ["O", "O", "B"]]


def tagged(labels=TAGS):
    features = {
        "label": datasets.List(datasets.ClassLabel(names=["O", "B"])),
        "sentence": datasets.List(datasets.Value("string")),
    }
    return datasets.Dataset.from_dict(
        {"label": labels, "sentence": WORDS}, features=datasets.Features(features)
    )


@EAGERNESS
@pytest.mark.parametrize("make", [tagged, lambda: rows(TAGS, WORDS)])
def test_words_take_their_labels_along(make, lazy):
    source = make()
    classes = None if isinstance(source, datasets.Dataset) else ["O", "B"]
    dataset = HuggingFaceDatasets(
        source, build_tokenizer(), max_seq_len=5, classes=classes, lazy=lazy, verbose=False
    )
    batch = next(iter(DataLoader(dataset, 3)))
    assert batch["inputs"] == ["cats dog", "good", "cat cats cat"]
    assert batch["input_ids"].tolist() == [[2, 4, 6, 5, 3], [2, 7, 3, 0, 0], [2, 4, 4, 6, 3]]
    assert batch["label"].tolist() == [
        [-100, 0, -100, 1, -100],
        [-100, 1, -100, -100, -100],
        [-100, 0, 0, -100, -100],
    ]
    assert dataset.num_classes == 2
    dataset.label(1, ["O"])
    assert dataset[1]["label"].tolist() == [-100, 0, -100, -100, -100]


def test_words_without_labels():
    dataset = HuggingFaceDatasets(tagged([None, ["O"], None]), build_tokenizer(), max_seq_len=5)
    assert dataset[0]["label"].tolist() == [-100] * 5
    dataset.label(2, [-1, 1, "O"])
    assert dataset[2]["label"].tolist() == [-100, -100, 1, -100, -100]


def test_tagging_from_scratch():
    active = active_huggingface_dataset(
        rows([None] * 3, WORDS), build_tokenizer(), max_seq_len=5, classes=["O", "B"],
        token_level=True,
    )  # fmt: skip
    assert active.pool[0]["label"].tolist() == [-100] * 5
    active.label(1, [["B"]])
    assert active[0]["label"].tolist() == [-100, 1, -100, -100, -100]


def test_words_without_a_tokenizer():
    dataset = HuggingFaceDatasets(tagged(), max_seq_len=2)
    batch = next(iter(DataLoader(dataset, 3)))
    assert batch["label"].tolist() == [[0, 1], [1, -100], [0, 0]]
    assert HuggingFaceDatasets(rows([[0, 1]], ["ab"]), max_seq_len=3)[0]["label"].tolist() == [
        0,
        1,
        -100,
    ]


@pytest.mark.parametrize("tokenizer", [None, "fast"])
@pytest.mark.parametrize("value", [["O"], ["O", "B", "O"], []])
def test_a_wrong_number_of_labels_is_refused_when_it_is_given(tokenizer, value):
    dataset = HuggingFaceDatasets(tagged(), tokenizer and build_tokenizer())
    message = f"one label for each of the 2 words or tokens of the item 0, but got {len(value)}"
    with pytest.raises(InvalidArgumentError, match=message):
        dataset.label(0, value)
    assert dataset[0]["label"].max().item() == 1


def test_texts_that_are_not_split_have_a_label_for_each_token():
    dataset = HuggingFaceDatasets(rows([[0, 1], [1, 1], [0] * 6]), build_tokenizer(), max_seq_len=6)
    assert dataset[0]["label"].tolist() == [-100, 0, 1, -100, -100, -100]
    assert dataset[1]["label"].tolist() == [-100, 1, 1, -100, -100, -100]
    assert dataset[2]["label"].tolist() == [-100, 0, 0, 0, 0, -100]  # cut, and so are the labels
    for wrong in ([0], [0, 0, 0]):
        with pytest.raises(InvalidArgumentError, match="each of the 2 words or tokens"):
            dataset.label(0, wrong)
    with pytest.raises(InvalidArgumentError, match="each of the 4 words or tokens"):
        dataset.label(2, [0, 0, 0])


# Arguments


@BOTH
@pytest.mark.parametrize("key", ["target_key", "input_key"])
def test_a_column_that_is_not_there(make, key):
    message = rf"`{key}` to be one of the columns \['label', 'sentence'\], but got 'text'"
    with pytest.raises(InvalidArgumentError, match=message):
        HuggingFaceDatasets(make(), **{key: "text"})


def test_a_stream_has_no_items_to_label():
    with pytest.raises(InvalidTypeError, match=r"map-style.*but got IterableDataset"):
        HuggingFaceDatasets(hugging_face().to_iterable_dataset())


def test_no_items_at_all():
    assert len(HuggingFaceDatasets([], build_tokenizer(), lazy=False)) == 0


def test_a_length_that_cannot_be():
    with pytest.raises(InvalidArgumentError, match="`max_seq_len` to be positive, but got 0"):
        HuggingFaceDatasets(rows(), max_seq_len=0)


def test_reading_what_is_not_there():
    with pytest.raises(InvalidIndexError, match="between -3 and 2, but got 3"):
        HuggingFaceDatasets(rows())[3]


# The active dataset


@BOTH
def test_the_pool_shows_no_labels(make):
    active = active_huggingface_dataset(make(), build_tokenizer(), max_seq_len=5, random_state=1)
    assert [item["label"].item() for item in active.pool] == [-100] * 3
    active.label([2, 0], [0, 1])
    assert [item["label"].item() for item in active] == [1, 0]
    assert [item["inputs"] for item in active.pool] == ["dogs"]
    assert active.random_state.randint(100) == 37  # the keyword arrived


def test_the_pool_shows_no_labels_of_tokens():
    active = active_huggingface_dataset(tagged(), build_tokenizer(), max_seq_len=5)
    assert active.pool[0]["label"].tolist() == [-100] * 5
    active.label(0, [["B", "B"]])
    assert active[0]["label"].tolist() == [-100, 1, -100, 1, -100]


def test_where_all_labels_are_known():
    active = active_huggingface_dataset(hugging_face(feature=NAMES), random_state=0)
    active.can_label = False
    active.label_randomly(2)
    assert len(active) == 2
    assert all(item["label"].item() >= 0 for item in active)


def test_arguments_arrive():
    active = active_huggingface_dataset(
        [{"x": "cat", "y": "b"}], None, "y", "x", 7, classes=["a", "b"], make_unlabelled=dict,
        labelled=[0],
    )  # fmt: skip
    assert active.pool[0] == {"inputs": "cat", "label": torch.tensor(1)}


@pytest.mark.parametrize(("workers", "method"), [(0, None), (2, "fork"), (2, "spawn")])
@EAGERNESS
def test_data_loader(workers, method, lazy, monkeypatch):
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    active = active_huggingface_dataset(
        hugging_face(), build_tokenizer(), max_seq_len=5, lazy=lazy, verbose=False
    )
    active.label([0, 2], [1, 0])
    for side, texts, labels in (
        (active, [TEXTS[0], TEXTS[2]], [1, 0]),
        (active.pool, [TEXTS[1]], [-100]),
    ):
        loader = DataLoader(side, 1, num_workers=workers, multiprocessing_context=method)
        batches = list(loader)
        assert [batch["inputs"][0] for batch in batches] == texts
        assert torch.cat([batch["label"] for batch in batches]).tolist() == labels


def test_several_splits_and_items_that_are_no_dicts():
    with pytest.raises(InvalidTypeError, match=r"one split, such as dataset\['train'\]"):
        HuggingFaceDatasets(datasets.DatasetDict(train=hugging_face()))
    with pytest.raises(InvalidTypeError, match="items of `dataset` to be dicts, but got tuple"):
        HuggingFaceDatasets([("cat", 1)])
    with pytest.raises(InvalidTypeError, match="a tokenizer of transformers, but got 'bert'"):
        HuggingFaceDatasets(rows(), "bert")


def test_the_pool_is_tokenised_in_batches():
    tokenizer = Counting()
    active = active_huggingface_dataset(rows(), tokenizer, max_seq_len=5, labelled=[1, 0, 0])
    pool = active.pool
    tokenizer.calls.clear()  # the look for augmentation
    (batch,) = DataLoader(pool, batch_size=2)
    assert tokenizer.calls == [2]
    assert batch["inputs"] == ["dogs", TEXTS[2]]
    assert (batch["label"] == -100).all()
