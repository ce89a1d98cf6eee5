"""What is labelled is in Lightning's checkpoints, and loads without pickle."""

import numpy as np
import pytest
import torch

from baal.active.dataset import ActiveLearningDataset
from baal.exceptions import InvalidArgumentError
from baal.lightning import standalone, unified
from baal.lightning.datamodule import from_tensors, to_tensors
from tests.tiny_lightning import FRAMEWORKS, active_blobs, blobs, framework, module, trainer

HOMES = {"lightning.pytorch": unified, "pytorch_lightning": standalone}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_checkpoint_brings_the_labels_back(name, tmp_path):
    pl, home = framework(name), HOMES[name]
    active = active_blobs()
    active.label([2, 5])
    net, used = module(pl), trainer(pl)
    used.fit(net, datamodule=home.BaaLDataModule(active, batch_size=4))
    path = tmp_path / "a.ckpt"
    used.save_checkpoint(path)
    content = torch.load(path, weights_only=True)  # which refuses all but plain values
    state = content["BaaLDataModule"]["active_dataset"]
    assert torch.equal(state["labelled"], torch.from_numpy(active.labelled_map.copy()))

    other = active_blobs(labelled=1, seed=3)
    resumed = trainer(pl, max_epochs=3)
    net.steps = 0
    resumed.fit(net, datamodule=home.BaaLDataModule(other, batch_size=4), ckpt_path=path)
    np.testing.assert_array_equal(other.labelled_map, active.labelled_map)
    assert other.current_al_step == active.current_al_step == 2
    assert net.steps == 2  # one epoch more, of the 8 labelled
    active.label_randomly(3), other.label_randomly(3)
    np.testing.assert_array_equal(other.labelled_map, active.labelled_map)


def test_a_checkpoint_of_ones_own():
    active = active_blobs()
    checkpoint = {"epoch": 1}
    unified.BaaLDataModule(active).on_save_checkpoint(checkpoint)
    assert set(checkpoint) == {"epoch", "active_dataset"}
    kept = active.labelled_map.copy()
    active.label_randomly(4)
    unified.BaaLDataModule(active).on_load_checkpoint(checkpoint)
    np.testing.assert_array_equal(active.labelled_map, kept)


def test_a_state_with_all_there_is(tmp_path):
    active = ActiveLearningDataset(blobs(20), random_state=1, validation_split=0.2)
    active.label_randomly(10)
    active.propose([int(np.flatnonzero(~active.labelled)[0])], [0.5])
    state = active.state_dict()
    torch.save(to_tensors(state), tmp_path / "state.pt")
    loaded = from_tensors(torch.load(tmp_path / "state.pt", weights_only=True))
    other = ActiveLearningDataset(blobs(20), random_state=2, validation_split=0.2)
    other.load_state_dict(loaded)
    assert str(other.state_dict()) == str(state)
    assert to_tensors((np.int64(3), [None])) == (3, [None])


def test_loaders():
    active = active_blobs()
    data = unified.BaaLDataModule(active, batch_size=5, collate_fn=list)
    labelled = {float(x[0]) for x, _ in active}
    drawn = [[float(x[0]) for batch in data.train_dataloader() for x, _ in batch] for _ in "123"]
    assert all(set(one) == labelled for one in drawn)
    assert len(set(map(tuple, drawn))) > 1
    pool = [float(x[0]) for batch in data.pool_dataloader() for x, _ in batch]
    assert pool == [float(x[0]) for x, _ in active.pool]
    active.label([0])
    assert len(list(data.predict_dataloader())) == 5  # of 23 items
    with pytest.raises(InvalidArgumentError, match="leave `shuffle` alone"):
        unified.BaaLDataModule(active, shuffle=True)
