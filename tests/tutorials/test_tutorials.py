"""Every tutorial runs, and is committed as executed. `make test-tutorials` runs this."""

import json
from pathlib import Path

import pytest

from tests.tutorials.notebooks import as_text, execute, problems, with_joined_streams

FOLDER = Path(__file__).parents[2] / "docs" / "tutorials"
TUTORIALS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_committed_as_executed(path):
    assert problems(json.loads(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_committed_in_the_form_of_the_next_execution(path):
    text = path.read_text(encoding="utf-8")
    assert as_text(with_joined_streams(json.loads(text))) == text


@pytest.mark.tutorials
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_runs(path):
    assert problems(execute(path)) == []


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_is_on_the_site(path):
    root = FOLDER.parents[1]
    assert f"tutorials/{path.stem}." in (root / "mkdocs.yml").read_text(encoding="utf-8")
    assert f"({path.stem}." in (FOLDER / "index.md").read_text(encoding="utf-8")
