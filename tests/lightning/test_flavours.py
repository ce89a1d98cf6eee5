"""Whoever has imported one of Lightning's two names gets classes of that one."""

import pickle
import subprocess
import sys

import pytest

from baal.exceptions import MissingExtraError
from baal.lightning import flavours, standalone, unified
from tests.tiny_lightning import FRAMEWORKS, QUIET, framework

HOMES = {"lightning.pytorch": unified, "pytorch_lightning": standalone}


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("import pytorch_lightning", "pytorch_lightning"),
        ("import lightning.pytorch", "lightning.pytorch"),
        ("import pytorch_lightning, lightning.pytorch", "lightning.pytorch"),
        ("pass", "lightning.pytorch"),
        ("sys.modules['lightning'] = None", "pytorch_lightning"),
    ],
)
def test_the_name_that_was_imported_wins(before, expected):
    code = (
        f"import sys\n{before}\n"
        "from baal.lightning.flavours import framework_of\n"
        "from baal.utils.pytorch_lightning import ActiveLightningModule, BaalTrainer\n"
        "from baal.utils.ssl_module import SSLModule\n"
        "from baal.lightning import SSLModule as same\n"
        "assert same is SSLModule\n"
        "print(framework_of(ActiveLightningModule()), framework_of(SSLModule(None)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [expected, expected]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_each_home_has_classes_of_its_framework(name):
    pl, home = framework(name), HOMES[name]
    assert issubclass(home.ActiveLightningModule, pl.LightningModule)
    assert issubclass(home.SSLModule, pl.LightningModule)
    assert issubclass(home.BaaLDataModule, pl.LightningDataModule)
    assert issubclass(home.BaalTrainer, pl.Trainer)
    assert issubclass(home.ResetCallback, pl.Callback)
    for thing in (pl.Trainer(**QUIET), home.ResetCallback({}), home.ActiveLightningModule()):
        assert flavours.framework_of(thing) == name
    copy = pickle.loads(pickle.dumps(home.ResetCallback({"a": 1})))
    assert type(copy) is home.ResetCallback
    assert copy.weights == {"a": 1}
    assert flavours.FRAMEWORKS[name] == home.__name__


def test_nothing_is_installed(monkeypatch):
    for name in ("lightning", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "lightning.pytorch")
    assert flavours.framework_in_use() == "lightning.pytorch"
    from baal.lightning import building

    with pytest.raises(MissingExtraError, match=r"pip install '\.\[lightning\]'"):
        building.build("lightning.pytorch", "home")


def test_an_unknown_name():
    import baal.lightning

    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        baal.lightning.nope
    assert "BaalTrainer" in dir(baal.lightning)
