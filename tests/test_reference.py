"""The reference in the docs leaves out no public name."""

import ast
import importlib
import re
from pathlib import Path

import pytest
import yaml

from tests.test_public_surface import SURFACE

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ENTRY = re.compile(r"^::: (?P<name>\S+)\n(?:    options: (?P<options>\{.*\}))?", re.MULTILINE)
BLOCK = re.compile(r"^```py(?:thon)?\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def entries():
    """What the reference shows: names of modules and of what is in them, with their options."""
    for page in sorted((ROOT / "docs" / "reference").glob("*.md")):
        for match in ENTRY.finditer(page.read_text(encoding="utf-8")):
            yield match["name"], yaml.safe_load(match["options"] or "{}")


SHOWN = dict(entries())


def load(name):
    """A module, or what is in one."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, member = name.rpartition(".")
        return getattr(importlib.import_module(module), member)


def shows(entry, name):
    """Whether the entry of a module shows a member of that name."""
    members = SHOWN[entry].get("members", True)
    if isinstance(members, list):
        return name in members
    hidden = [pattern[1:] for pattern in SHOWN[entry].get("filters", []) if pattern[0] == "!"]
    return members is not False and not any(re.search(pattern, name) for pattern in hidden)


def is_shown(thing, name):
    """Whether something has an entry of its own, or is among the members of one."""
    for entry in SHOWN:
        loaded = load(entry)
        if entry.rpartition(".")[2] == name and loaded is thing:
            return True
        if getattr(loaded, name, None) is thing and shows(entry, name):
            return True
    return False


def missing(module, names):
    loaded = importlib.import_module(module)
    return [name for name in names if not is_shown(getattr(loaded, name), name)]


@pytest.mark.parametrize("module", SURFACE)
def test_no_public_name_is_missing(module):
    names = [name for name in SURFACE[module] if not name.startswith("__")]
    assert not missing(module, names), "give them a line in docs/reference"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_that_the_pages_import_is_missing(page):
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        for node in ast.walk(ast.parse(block["code"])):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("baal"):
                names = [alias.name for alias in node.names]
                modules = [name for name in names if f"{node.module}.{name}" in SHOWN]
                names = [name for name in names if name not in {*modules, "functional"}]
                assert not missing(node.module, names), "give them a line in docs/reference"
