"""Any sequence of calls against a plain dict of steps, kept beside it."""

import copy
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from baal.active.dataset.pool import pool_indices_of
from baal.active.dataset.pytorch_dataset import ActiveLearningDataset
from baal.active.label_store import LabelStore
from baal.exceptions import BaalError

N = 12
FORMS = (list, tuple, np.array, torch.tensor)


IDS = [f"{index}.png" for index in range(N)]
VALUES = st.sampled_from(["cat", "dog"])


class Labels(list):
    """Items that are their own index; stores the labels they are given."""

    def __init__(self):
        super().__init__(range(N))
        self.values = {}

    def label(self, index, value):
        self.values[index] = value


class AgainstADict(RuleBasedStateMachine):
    """Without values: each item has its label already."""

    share = 0

    def __init__(self):
        super().__init__()
        self.items = Labels()
        self.dataset = self.make()
        self.steps = {}  # dataset index -> step
        self.sides = {}  # dataset index -> whether set aside, of all that were ever labelled
        self.events = []
        self.counter = 0
        self.saved = None
        self.older = self.dataset.pool
        self.folder = tempfile.TemporaryDirectory()

    def teardown(self):
        self.folder.cleanup()

    def make(self):
        dataset = ActiveLearningDataset(
            self.items, random_state=0, item_ids=IDS, validation_split=self.share
        )
        dataset.can_label = False
        return dataset

    def shown(self):
        return [index for index in sorted(self.steps) if not self.sides[index]]

    def unlabelled(self):
        return [index for index in range(N) if index not in self.steps]

    def record(self, dataset_indices):
        if not dataset_indices:
            return
        self.counter += 1
        self.steps.update(dict.fromkeys(dataset_indices, self.counter))
        self.events.append((self.counter, "label", sorted(dataset_indices)))
        # Which items are set aside is random: how many, and that they stay so, is not.
        aside = set(self.dataset.validation_indices.tolist())
        for index in dataset_indices:
            assert self.sides.setdefault(index, index in aside) == (index in aside)
        assert abs(sum(self.sides.values()) - self.share * len(self.sides)) < 1

    def draw_from(self, data, items):
        return data.draw(st.lists(st.sampled_from(items), unique=True) if items else st.just([]))

    @rule(data=st.data(), form=st.sampled_from(FORMS))
    def label(self, data, form):
        pool = self.unlabelled()
        chosen = self.draw_from(data, pool)
        self.dataset.label(form([pool.index(index) for index in chosen]))
        self.record(chosen)

    @rule(data=st.data())
    def label_by_mask(self, data):
        pool = self.unlabelled()
        chosen = self.draw_from(data, pool)
        self.dataset.label(np.isin(pool, chosen))
        self.record(chosen)

    @rule(data=st.data())
    def label_by_dataset_index(self, data):
        chosen = self.draw_from(data, self.unlabelled())
        self.dataset.label_dataset_indices(chosen)
        self.record(chosen)

    @rule(n=st.integers(0, 3))
    def label_randomly(self, n):
        before = set(self.steps)
        self.dataset.label_randomly(n)
        new = [i for i in np.flatnonzero(self.dataset.labelled).tolist() if i not in before]
        assert len(new) == min(n, N - len(before))
        self.record(new)

    @rule(data=st.data(), bad=st.sampled_from([-1, N, 0.5, "a"]))
    def label_badly(self, data, bad):
        pool_indices = self.draw_from(data, list(range(len(self.unlabelled()))))
        with pytest.raises(BaalError):
            self.dataset.label([*pool_indices, bad])

    @precondition(lambda self: self.unlabelled())
    @rule(data=st.data())
    def label_twice(self, data):
        index = data.draw(st.integers(0, len(self.unlabelled()) - 1))
        with pytest.raises(BaalError, match="more than once"):
            self.dataset.label([index, index])

    @rule(data=st.data())
    def label_by_id(self, data):
        chosen = self.draw_from(data, list(range(N)))
        self.dataset.label_items([IDS[index] for index in chosen * 2])
        self.record([index for index in chosen if index not in self.steps])

    @rule(data=st.data(), by_id=st.booleans())
    def unlabel(self, data, by_id):
        chosen = self.draw_from(data, sorted(self.steps))
        if by_id:
            self.dataset.unlabel_items([IDS[index] for index in chosen])
        else:
            self.dataset.unlabel_dataset_indices(chosen)
        for index in chosen:
            del self.steps[index]
        if chosen:
            self.events.append((self.counter, "unlabel", sorted(chosen)))

    @rule(data=st.data(), index=st.integers(-2, N + 2))
    def unlabel_badly(self, data, index):
        chosen = self.draw_from(data, sorted(self.steps))
        bad = index in self.steps and index not in chosen
        with pytest.raises(BaalError):
            self.dataset.unlabel_dataset_indices([*chosen, index, *([index] if bad else [])])

    @rule()
    def reset(self):
        self.dataset.reset_labelled()
        self.steps, self.sides, self.events, self.counter = {}, {}, [], 0

    def facts(self):
        return copy.deepcopy((self.steps, self.sides, self.events, self.counter))

    @rule()
    def save(self):
        self.dataset.save(Path(self.folder.name, "snapshot"))
        self.saved = self.dataset.state_dict(), self.facts()

    @precondition(lambda self: self.saved)
    @rule(fresh=st.booleans(), by_file=st.booleans())
    def load(self, fresh, by_file):
        state, facts = copy.deepcopy(self.saved)
        if fresh:
            self.dataset = self.make()
        if by_file:
            self.dataset.load(Path(self.folder.name, "snapshot"))
        else:
            self.dataset.load_state_dict(state)
        self.steps, self.sides, self.events, self.counter = facts

    @rule()
    def keep_the_pool(self):
        self.older = self.dataset.pool
        self.older_items = list(self.older)

    @rule(last=st.sampled_from([-1, 1, 2]))
    def show(self, last):
        self.dataset.last_active_steps = last
        shown = [
            index for index in self.shown() if last == -1 or self.steps[index] > self.counter - last
        ]
        assert list(self.dataset) == shown == [self.dataset[i] for i in range(len(shown))]
        self.dataset.last_active_steps = -1

    @invariant()
    def both_are_equal(self):
        pool = self.unlabelled()
        assert self.dataset.labelled_map.tolist() == [self.steps.get(i, 0) for i in range(N)]
        assert self.dataset.labelled.tolist() == [i in self.steps for i in range(N)]
        assert self.dataset.current_al_step == self.counter
        assert (self.dataset.n_labelled, self.dataset.n_unlabelled) == (len(self.steps), len(pool))
        assert list(self.dataset) == self.shown()
        assert len(self.dataset) == len(self.shown())
        aside = [index for index in sorted(self.steps) if self.sides[index]]
        assert list(self.dataset.validation) == aside == self.dataset.validation_indices.tolist()
        assert self.dataset.n_validation == len(aside)
        assert self.dataset.pool.item_ids == [IDS[index] for index in pool]
        assert self.dataset.history == self.events
        assert list(self.dataset.pool) == pool == self.dataset.pool.dataset_indices.tolist()
        assert self.dataset.dataset_to_pool_index(pool) == list(range(len(pool)))
        assert [self.dataset.is_labelled(i) for i in range(N)] == [
            i in self.steps for i in range(N)
        ]

    @invariant()
    def an_older_pool_stays_and_maps_onto_this_one(self):
        items = self.older.dataset_indices.tolist()
        assert list(self.older) == items
        pool = self.dataset.pool
        if set(items) <= set(self.unlabelled()):
            assert [pool[i] for i in pool_indices_of(self.older, pool)] == items
        else:
            with pytest.raises(BaalError, match="labelled already"):
                pool_indices_of(self.older, pool)


class WithValidation(AgainstADict):
    share = 0.3


class WithValues(AgainstADict):
    """With values, which come by id, some of them twice, and change.

    The items stay, with the values they were given last: they are not part of the state.
    """

    share = 0.3

    def __init__(self):
        super().__init__()
        self.values = {}  # what each labelled item is known to have

    def facts(self):
        return (*super().facts(), dict(self.values))

    @precondition(lambda self: self.saved)
    @rule(fresh=st.booleans(), by_file=st.booleans())
    def load(self, fresh, by_file):
        *facts, self.values = copy.deepcopy(self.saved[1])
        self.saved, whole = (self.saved[0], facts), self.saved
        super().load(fresh, by_file)
        self.saved = whole

    @rule(data=st.data(), relabel=st.booleans())
    def answer(self, data, relabel):
        self.values = {index: v for index, v in self.values.items() if index in self.steps}
        answers = data.draw(st.dictionaries(st.integers(0, N - 1), VALUES))
        other = [i for i in answers if i in self.steps and self.values.get(i) != answers[i]]
        self.dataset.can_label = True
        ids = [IDS[index] for index in answers]
        if other and not relabel:
            with pytest.raises(BaalError, match="that labelled items have already"):
                self.dataset.label_items(ids * 2, list(answers.values()) * 2)
        else:
            self.dataset.label_items(ids * 2, list(answers.values()) * 2, relabel=relabel)
            self.values.update(answers)
            new = [index for index in answers if index not in self.steps]
            self.record(new)
            if other:
                self.events.append((self.counter, "relabel", sorted(other)))
            assert all(self.items.values[index] == answers[index] for index in new + other)
        self.dataset.can_label = False

    @rule()
    def reset(self):
        super().reset()
        self.values = {}

    @rule(data=st.data(), by_id=st.booleans())
    def unlabel(self, data, by_id):
        super().unlabel(data, by_id)
        self.values = {index: v for index, v in self.values.items() if index in self.steps}


class WithStore(WithValues):
    """All of it kept in a store as well, which brings it back after a crash, values included."""

    def __init__(self):
        self.stores = tempfile.TemporaryDirectory()
        self.pending, self.impossible, self.crashed = {}, set(), []
        super().__init__()

    def teardown(self):
        super().teardown()
        for dataset in [*self.crashed, self.dataset]:
            dataset.store.close()
        self.stores.cleanup()

    def make(self):
        dataset = ActiveLearningDataset(
            self.items,
            random_state=0,
            item_ids=IDS,
            validation_split=self.share,
            store=LabelStore(Path(self.stores.name, "labels.db")),
        )
        dataset.can_label = False
        return dataset

    def facts(self):
        return (*super().facts(), dict(self.pending), set(self.impossible))

    def record(self, dataset_indices):
        super().record(dataset_indices)
        for index in dataset_indices:
            self.pending.pop(index, None)
            self.impossible.discard(index)

    @rule()
    def crash(self):
        self.crashed.append(self.dataset)  # whose file nobody closes
        self.items = Labels()
        self.dataset = self.make()
        kept = {index: value for index, value in self.values.items() if index in self.steps}
        assert self.items.values == kept
        self.older = self.dataset.pool

    @precondition(lambda self: self.saved)
    @rule(by_file=st.booleans())
    def load(self, by_file):
        state, facts = self.saved
        # What a state holds: of the values their digests, and none of those that are not known.
        steps, sides, events, counter, values, *waiting = facts
        own_values = {i: v for i, v in self.values.items() if i in self.steps}
        values = {i: v for i, v in values.items() if i in steps}
        saved = steps, sides, events, counter, *waiting, values
        if saved == (*self.facts()[:4], *self.facts()[5:], own_values):
            self.load_from(state, by_file)
            return
        with pytest.raises(BaalError, match="which is the truth"):
            self.load_from(state, by_file)

    def load_from(self, state, by_file):
        if by_file:
            self.dataset.load(Path(self.folder.name, "snapshot"))
        else:
            self.dataset.load_state_dict(state)

    @rule(data=st.data(), then=st.sampled_from(["refresh", "pool index", "dataset index"]))
    def rival(self, data, then):
        chosen = self.draw_from(data, self.unlabelled())
        pool = self.unlabelled()
        other = self.make()
        other.label_dataset_indices(chosen)
        other.store.close()
        if then == "refresh":
            assert self.dataset.refresh() == bool(chosen)
        elif then == "pool index" and chosen:
            with pytest.raises(BaalError, match="another process"):
                self.dataset.label(pool.index(chosen[0]))
        else:
            self.dataset.unlabel_dataset_indices([])
        self.record(chosen)

    def askable(self):
        waiting = {*self.pending, *self.impossible}
        return [index for index in self.unlabelled() if index not in waiting]

    @rule(data=st.data())
    def propose(self, data):
        chosen = self.draw_from(data, self.askable())
        scores = [data.draw(st.floats(0, 1)) for _ in chosen]
        self.dataset.propose(chosen, scores)
        self.pending.update(zip(chosen, scores, strict=True))

    @rule(data=st.data())
    def cannot_label(self, data):
        chosen = self.draw_from(data, self.unlabelled())
        self.dataset.cannot_label(chosen)
        for index in chosen:
            self.pending.pop(index, None)
            self.impossible.add(index)

    @rule(data=st.data())
    def withdraw(self, data):
        chosen = self.draw_from(data, sorted({*self.pending, *self.impossible}))
        self.dataset.withdraw(chosen)
        for index in chosen:
            self.pending.pop(index, None)
            self.impossible.discard(index)

    @rule(data=st.data())
    def propose_badly(self, data):
        free = set(self.askable())
        bad = data.draw(st.sampled_from([*(i for i in range(N) if i not in free), -1]))
        with pytest.raises(BaalError):
            self.dataset.propose([*self.draw_from(data, sorted(free)), bad])

    @rule()
    def reset(self):
        super().reset()
        self.pending, self.impossible = {}, set()

    @invariant()
    def what_waits_is_equal(self):
        assert self.dataset.pending_indices.tolist() == sorted(self.pending)
        assert self.dataset.pending_scores.tolist() == [
            self.pending[i] for i in sorted(self.pending)
        ]
        assert self.dataset.impossible_indices.tolist() == sorted(self.impossible)
        pool = self.unlabelled()
        assert [pool[i] for i in self.dataset.askable] == self.askable()
        assert self.dataset.n_askable == len(self.askable())


MACHINES = [AgainstADict, WithValidation, WithValues, WithStore]


# Examples may pause on a busy machine: time is no criterion here.
@pytest.mark.parametrize("machine", MACHINES)
def test_against_a_dict(machine):
    run_state_machine_as_test(machine, settings=settings(deadline=None, max_examples=60))


@pytest.mark.soak
@pytest.mark.parametrize("machine", MACHINES)
def test_against_a_dict_for_long(machine):
    long = settings(deadline=None, max_examples=2000, stateful_step_count=80)
    run_state_machine_as_test(machine, settings=long)
