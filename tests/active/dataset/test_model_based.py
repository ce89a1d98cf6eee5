"""Any sequence of calls against a plain dict of steps, kept beside it."""

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
from baal.exceptions import BaalError

N = 12
FORMS = (list, tuple, np.array, torch.tensor)


class AgainstADict(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.dataset = ActiveLearningDataset(list(range(N)), random_state=0)
        self.steps = {}  # dataset index -> step
        self.counter = 0
        self.saved = None
        self.older = self.dataset.pool

    def unlabelled(self):
        return [index for index in range(N) if index not in self.steps]

    def record(self, dataset_indices):
        if dataset_indices:
            self.counter += 1
            self.steps.update(dict.fromkeys(dataset_indices, self.counter))

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
        new = [i for i in self.dataset.get_indices_for_active_step() if i not in before]
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

    @rule()
    def reset(self):
        self.dataset.reset_labelled()
        self.steps, self.counter = {}, 0

    @rule()
    def save(self):
        self.saved = self.dataset.state_dict(), dict(self.steps), self.counter

    @precondition(lambda self: self.saved)
    @rule(fresh=st.booleans())
    def load(self, fresh):
        state, steps, self.counter = self.saved
        self.steps = dict(steps)
        if fresh:
            self.dataset = ActiveLearningDataset(self.dataset._dataset)
        self.dataset.load_state_dict(state)

    @rule()
    def keep_the_pool(self):
        self.older = self.dataset.pool
        self.older_items = list(self.older)

    @rule(last=st.sampled_from([-1, 1, 2]))
    def show(self, last):
        self.dataset.last_active_steps = last
        shown = [
            index
            for index in sorted(self.steps)
            if last == -1 or self.steps[index] > self.counter - last
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
        assert list(self.dataset) == sorted(self.steps)
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


TestAgainstADict = AgainstADict.TestCase
# Examples may pause on a busy machine: time is no criterion here.
TestAgainstADict.settings = settings(deadline=None, max_examples=60)


@pytest.mark.soak
def test_against_a_dict_for_long():
    long = settings(deadline=None, max_examples=3000, stateful_step_count=80)
    run_state_machine_as_test(AgainstADict, settings=long)
