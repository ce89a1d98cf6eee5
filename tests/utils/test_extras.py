import sys

import pytest

from baal.exceptions import BaalError, MissingExtraError
from baal.utils.extras import require_extra


def test_gives_the_submodule_itself():
    import os.path

    assert require_extra("os.path", "plot") is os.path


def test_missing_module_names_the_extra():
    with pytest.raises(MissingExtraError, match=r"`no_such_thing\.sub`.*extra `plot`") as caught:
        require_extra("no_such_thing.sub", "plot")
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, BaalError)
    assert "pip install '.[plot]'" in str(caught.value)


def test_a_module_that_lacks_its_own_dependency_says_so_itself(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import not_there_either\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="not_there_either") as caught:
        require_extra("half_installed", "plot")
    assert not isinstance(caught.value, MissingExtraError)
    assert "half_installed" not in sys.modules
