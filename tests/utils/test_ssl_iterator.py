"""Batches of two loaders in one pass, and of the labelled items and the pool."""

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from baal.active.dataset import ActiveLearningDataset, ActiveNumpyArray
from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.utils.ssl_iterator import AlternateIterator, SemiSupervisedIterator


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(3))


class Dicts(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return {"x": index, "y": 10 * index}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def labelled_first(n_items, n_labelled):
    return ActiveLearningDataset(
        TensorDataset(torch.arange(n_items)),
        labelled=[i < n_labelled for i in range(n_items)],
        random_state=0,
    )


def rows(iterator):
    """Each batch as its items, and whether they are labelled."""
    read = SemiSupervisedIterator
    return [(read.get_batch(b)[0].tolist(), read.is_labeled(b)) for b in iterator]


# --- two loaders


def test_in_turn_draws_nothing():
    state = torch.get_rng_state()
    list(AlternateIterator([1], [2], num_steps=9))
    assert torch.equal(torch.get_rng_state(), state)


def test_as_many_steps_as_both_have():
    data = DataLoader(range(10), batch_size=4), DataLoader(range(4), batch_size=2)
    iterator = AlternateIterator(*data)
    assert len(iterator) == 5
    read = [(batch.tolist(), which) for batch, which in iterator]
    assert read == [([0, 1, 2, 3], 0), ([0, 1], 1), ([4, 5, 6, 7], 0), ([2, 3], 1), ([8, 9], 0)]
    assert [(batch.tolist(), which) for batch, which in iterator] == read


def test_the_length_is_that_of_the_time():
    items = [1, 2]
    iterator = AlternateIterator(items, [3])
    items.append(4)
    assert len(iterator) == 4
    assert len(list(iterator)) == 4


def test_a_loader_shuffles_anew_whenever_it_begins():
    loader = DataLoader(range(50), batch_size=50, shuffle=True, generator=seeded())
    iterator = AlternateIterator(loader, [], num_steps=3, p=1)
    orders = [tuple(batch.tolist()) for _ in range(2) for batch, _ in iterator]
    assert len(set(orders)) == 6
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(50))}


def test_a_loader_whose_turn_never_comes_is_never_started():
    class Broken:
        def __iter__(self):
            raise AssertionError

    assert list(AlternateIterator(Broken(), [7], num_steps=2, p=0)) == [(7, 1), (7, 1)]


def test_two_passes_at_once():
    iterator = AlternateIterator([1, 2], [3, 4])
    pairs = list(zip(iterator, iterator, strict=True))
    assert [a for a, _ in pairs] == [b for _, b in pairs] == [(1, 0), (3, 1), (2, 0), (4, 1)]


@pytest.mark.parametrize(("loaders", "number"), [(([], [1]), 1), (([1], []), 2)])
def test_an_empty_loader_is_an_error_before_the_first_batch(loaders, number):
    with pytest.raises(StateError, match=f"loader {number} of 2 .* but got none"):
        next(iter(AlternateIterator(*loaders, num_steps=40, p=0.5)))


def test_an_empty_loader_that_is_not_needed():
    assert list(AlternateIterator([], [1, 2], num_steps=2, p=0)) == [(1, 1), (2, 1)]
    assert list(AlternateIterator([1], [], p=1)) == [(1, 0)]
    assert list(AlternateIterator([], [])) == []


def test_an_empty_stream_is_an_error_when_its_turn_comes():
    class Dry:
        def __iter__(self):
            return iter(())

    pairs = iter(AlternateIterator([1], Dry(), num_steps=2))
    assert next(pairs) == (1, 0)
    with pytest.raises(StateError, match="loader 2 of 2"):
        next(pairs)


def test_streams_need_a_number_of_steps():
    stream = DataLoader(Stream(), batch_size=2)
    with pytest.raises(InvalidTypeError, match="`num_steps` to be given, since `dl_2`"):
        AlternateIterator([1], stream)
    batches = [batch for batch, which in AlternateIterator([1], stream, num_steps=6) if which]
    assert [batch.tolist() for batch in batches] == [[0, 1], [2], [0, 1]]


@pytest.mark.parametrize("build", [
    lambda **options: AlternateIterator([1], [2], **options),
    lambda **options: SemiSupervisedIterator(labelled_first(3, 1), 2, **options),
])  # fmt: skip
def test_bad_arguments(build):
    with pytest.raises(InvalidArgumentError, match="`num_steps` to be at least 0, but got -1"):
        build(num_steps=-1)
    with pytest.raises(InvalidTypeError, match=r"`num_steps` to be a whole number, but got 2\.0"):
        build(num_steps=2.0)
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(InvalidArgumentError, match="`p` to be None or from 0 to 1"):
            build(p=p)


# --- labelled items and the pool


def test_both_sides_in_turn():
    iterator = SemiSupervisedIterator(labelled_first(7, 2), batch_size=2)
    assert len(iterator) == 4
    assert rows(iterator) == [([0, 1], True), ([2, 3], False), ([0, 1], True), ([4, 5], False)]


def test_every_item_is_on_its_side():
    dataset = labelled_first(40, 11)
    iterator = SemiSupervisedIterator(
        dataset, 3, num_steps=60, p=0.4, shuffle=True, generator=seeded()
    )
    read = rows(iterator)
    assert len(read) == 60
    for items, is_labelled in read:
        assert all((item < 11) is is_labelled for item in items)
    assert {item for items, _ in read for item in items} == set(range(40))


def test_labels_given_later_are_seen_by_the_next_pass():
    dataset = labelled_first(6, 2)
    iterator = SemiSupervisedIterator(dataset, batch_size=1, num_steps=40)
    running = iter(iterator)
    next(running)
    dataset.label([0, 1])  # dataset indices 2 and 3
    list(running)  # goes on, with the items of its beginning
    assert {item for items, known in rows(iterator) if known for item in items} == {0, 1, 2, 3}
    assert {item for items, known in rows(iterator) if not known for item in items} == {4, 5}
    iterator.num_steps = None
    assert len(iterator) == 6


def test_shuffling_is_another_in_each_round_and_follows_the_seed():
    def read(seed):
        iterator = SemiSupervisedIterator(
            labelled_first(60, 30), 30, num_steps=6, shuffle=True, generator=seeded(seed)
        )
        return [tuple(items) for _ in range(2) for items, _ in rows(iterator)]

    orders = read(0)
    assert len(set(orders)) == 12
    assert read(0) == orders
    assert read(1) != orders


def test_torchs_global_generator_by_default():
    def read():
        torch.manual_seed(5)
        return rows(SemiSupervisedIterator(labelled_first(20, 9), 2, p=0.5, shuffle=True))

    assert read() == read()


@pytest.mark.parametrize(("n_labelled", "known"), [(0, False), (5, True)])
@pytest.mark.parametrize("p", [None, 0, 0.5, 1])
def test_an_empty_side_leaves_all_steps_to_the_other(n_labelled, known, p):
    iterator = SemiSupervisedIterator(labelled_first(5, n_labelled), 2, p=p, shuffle=True)
    read = rows(iterator)
    assert len(iterator) == len(read) == 3
    assert [is_labelled for _, is_labelled in read] == [known] * 3
    assert sorted(item for items, _ in read for item in items) == list(range(5))


def test_short_batches_are_kept_or_dropped():
    dataset = labelled_first(8, 3)
    kept = SemiSupervisedIterator(dataset, 2)
    assert [len(items) for items, _ in rows(kept)] == [2, 2, 1, 2, 2]
    dropped = SemiSupervisedIterator(dataset, 2, drop_last=True)
    assert len(dropped) == 3
    assert [len(items) for items, _ in rows(dropped)] == [2, 2, 2]
    # A side of less than one batch is an empty side.
    assert [known for _, known in rows(SemiSupervisedIterator(dataset, 4, drop_last=True))] == [
        False
    ]


def test_no_batch_on_either_side():
    dataset = labelled_first(4, 2)
    assert list(SemiSupervisedIterator(dataset, 3, drop_last=True)) == []
    with pytest.raises(StateError, match="`al_dataset` to have at least one batch"):
        next(iter(SemiSupervisedIterator(dataset, 3, num_steps=1, drop_last=True)))


def test_dicts_get_a_key_and_lose_it_again():
    dataset = ActiveLearningDataset(Dicts(), labelled=[1, 1, 0, 0, 0, 0])
    first, second, *_ = SemiSupervisedIterator(dataset, 2)
    assert first["is_labelled"] is True
    assert second["is_labelled"] is False
    assert SemiSupervisedIterator.is_labeled(first)
    assert not SemiSupervisedIterator.is_labeled(second)
    plain = SemiSupervisedIterator.get_batch(second)
    assert plain.keys() == {"x", "y"}
    assert plain["y"].tolist() == [20, 30]
    assert "is_labelled" in second


def test_a_key_of_their_own_is_refused():
    dataset = ActiveLearningDataset([{"is_labelled": 1}] * 2, labelled=[1, 0])
    with pytest.raises(InvalidArgumentError, match="no key 'is_labelled' of their own"):
        next(iter(SemiSupervisedIterator(dataset, 1)))


def test_pairs_that_became_lists_on_their_way_to_a_device():
    assert SemiSupervisedIterator.is_labeled([torch.ones(2), True])
    assert SemiSupervisedIterator.get_batch([7, False]) == 7


@pytest.mark.parametrize("batch", [torch.ones(2, 3), {"x": 1}, (1, 2), (1, True, 2), None])
def test_batches_of_others(batch):
    for read in (SemiSupervisedIterator.is_labeled, SemiSupervisedIterator.get_batch):
        with pytest.raises(InvalidTypeError, match="`batch` to be a dict with the key"):
            read(batch)


def test_a_collate_function():
    iterator = SemiSupervisedIterator(
        ActiveLearningDataset(["a", "b", "c"], labelled=[1, 0, 0]), 2, collate_fn="".join
    )
    assert list(iterator) == [("a", True), ("bc", False)]


def test_the_pool_can_do_without_labels():
    dataset = ActiveLearningDataset(
        TensorDataset(torch.arange(4), torch.arange(4)),
        labelled=[1, 1, 0, 0],
        make_unlabelled=lambda item: item[0],
    )
    (known, _), (unknown, _) = SemiSupervisedIterator(dataset, 2)
    assert [part.tolist() for part in known] == [[0, 1], [0, 1]]
    assert unknown.tolist() == [2, 3]


@pytest.mark.parametrize("dataset", [
    ActiveNumpyArray((torch.ones(3, 2).numpy(), torch.ones(3).numpy()), labelled=[1, 0, 0]),
    TensorDataset(torch.ones(3)),
])  # fmt: skip
def test_what_has_no_pool_to_load_from(dataset):
    with pytest.raises(InvalidTypeError, match="`al_dataset` to have a dataset as `pool`"):
        SemiSupervisedIterator(dataset, 2)


@pytest.mark.parametrize(("size", "error"), [(0, InvalidArgumentError), (1.5, InvalidTypeError)])
def test_a_bad_batch_size(size, error):
    with pytest.raises(error, match="Expected `batch_size` to be"):
        SemiSupervisedIterator(labelled_first(3, 1), size)


@pytest.mark.slow
def test_workers_outlive_a_short_side_and_labels_given_meanwhile():
    dataset = labelled_first(12, 2)
    iterator = SemiSupervisedIterator(
        dataset, 2, num_steps=12, shuffle=True, num_workers=1, generator=seeded()
    )
    running = iter(iterator)
    read = rows([next(running)])
    dataset.label([0, 1, 2])
    read += rows(running)
    for items, known in read:
        assert all((item < 2) is known for item in items)
