import pytest
from torch import nn

from baal.training.modes import eval_mode


@pytest.mark.parametrize("error", [None, KeyError])
def test_each_part_is_in_its_own_mode_again(error):
    model = nn.Sequential(nn.Sequential(nn.Dropout(), nn.Linear(1, 1)), nn.Dropout())
    model[0].eval()  # frozen by the user
    model[0][1].train()  # but for this part
    before = [part.training for part in model.modules()]
    assert set(before) == {True, False}

    def use():
        with eval_mode(model):
            assert not any(part.training for part in model.modules())
            if error:
                raise error

    if error:
        with pytest.raises(error):
            use()
    else:
        use()
    assert [part.training for part in model.modules()] == before
