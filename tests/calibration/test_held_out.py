import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset, default_collate

from baal.calibration.held_out import Loading, check_held_out, read_held_out
from baal.calibration.maps import TemperatureMap
from baal.exceptions import InvalidArgumentError, InvalidTypeError

LOADING = Loading(batch_size=3, workers=0, collate_fn=default_collate)
Z = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
Y = torch.arange(8) % 3


def read(z=Z, y=Y, mode="logits", n_classes=None):
    def predict(data):
        return data[..., None].expand(*data.shape, 2)

    return read_held_out(predict, TensorDataset(z, y), LOADING, mode, "test_set", n_classes)


def test_all_items_in_their_order():
    found = read()
    assert torch.equal(found.logits, Z[..., None].expand(8, 3, 2))
    assert torch.equal(found.targets, Y)
    p = read(Z.softmax(1), mode="probabilities")
    torch.testing.assert_close(p.logits[..., 0].softmax(1), Z.softmax(1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"z": Z[:0], "y": Y[:0]}, "`test_set` to have items, but got an empty one"),
        ({"n_classes": 4}, r"\[B, 4, ...\], but got shape \[3, 3\]"),
        ({"n_classes": 2}, r"\[B, 2, ...\], but got shape \[3, 3\]"),
        ({"y": Y.clone().index_fill_(0, torch.tensor([7]), 3)}, "classes from 0 to 2 .*but got 3"),
        ({"y": Y - 1}, "classes from 0 to 2 as targets, or -100 .*but got -1"),
        ({"y": Y + 0.5}, "classes from 0 to 2 as targets, .*but got 0.5"),
        ({"y": torch.full((8,), -100)}, "targets that count, but got none"),
        ({"y": Y[:, None]}, r"targets of shape \[8\], .* but got \[8, 1\]"),
        ({"z": Z.clone().index_fill_(0, torch.tensor([2, 5]), torch.nan)}, "got 2 of 8 items"),
        ({"z": Z.clone().index_fill_(0, torch.tensor([2]), -torch.inf)}, "finite .*1 of 8 items"),
        ({"z": Z.softmax(1)}, "give logits for `test_set`, but got probabilities: pass mode="),
        ({"mode": "probabilities"}, "give probabilities .*, but got logits: pass mode='logits'"),
    ],
)
def test_what_cannot_be_fitted_to(change, message):
    with pytest.raises(InvalidArgumentError, match=message):
        read(**change)


def test_several_outputs():
    with pytest.raises(InvalidTypeError, match=r"one output, a tensor .*, but got dict"):
        read_held_out(lambda x: {"a": x}, TensorDataset(Z, Y), LOADING, "logits", "train_set")


def test_a_single_output_is_a_bernoulli_logit():
    found = check_held_out(Z[:, :1, None], (Y > 0).float()[:, None])
    assert torch.equal(found.targets, (Y > 0).long())
    two = found.with_two_columns()
    torch.testing.assert_close(two.logits.softmax(1)[:, 1], Z[:, :1].sigmoid())
    with pytest.raises(InvalidArgumentError, match="classes from 0 to 1"):
        check_held_out(Z[:, :1, None], Y)
    p = read(Z[:, :1].sigmoid(), (Y > 0).long(), mode="probabilities")
    torch.testing.assert_close(p.logits[..., 0], Z[:, :1])


def test_measures_by_hand():
    p = torch.tensor([[0.25, 0.75], [0.25, 0.75], [0.5, 0.5]])
    data = check_held_out(p.log()[..., None], torch.tensor([1, 0, -100]))
    found = data.measure(TemperatureMap(), batch_size=2)
    assert found["ece"] == pytest.approx(0.25, abs=1e-6)
    assert found["nll"] == pytest.approx(-np.log([0.75, 0.25]).mean(), rel=1e-6)


def test_batches_that_are_dicts():
    items = [{"z": z, "label": y} for z, y in zip(Z, Y, strict=True)]
    found = read_held_out(lambda data: data["z"][..., None], items, LOADING, "logits", "train_set")
    assert torch.equal(found.logits[..., 0], Z)
    assert torch.equal(found.targets, Y)


def test_batches_of_nothing_are_refused():
    with pytest.raises(InvalidArgumentError, match="`batch_size` to be at least 1, but got 0"):
        Loading(batch_size=0, workers=0, collate_fn=default_collate)
