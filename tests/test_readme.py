"""The README and the documentation: what they show runs, what they point at exists."""

import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def blocks(path):
    """Each Python block with as many empty lines before it as a traceback needs to be right."""
    text = path.read_text(encoding="utf-8")
    for match in PYTHON.finditer(text):
        yield "\n" * text.count("\n", 0, match.start(1)) + match[1]


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_python_blocks_run_one_after_the_other(path, capsys):
    namespace = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for block in blocks(path):
            exec(compile(block, str(path), "exec"), namespace)
    if path.name in {"README.md", "index.md"}:
        assert "60 labelled, 440 left in the pool" in capsys.readouterr().out


def test_there_are_blocks_to_run():
    # Contributing is the repository's own CONTRIBUTING.md, about commands and habits.
    assert all(list(blocks(path)) for path in PAGES if path.name != "contributing.md")


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_links_lead_somewhere(path):
    targets = LINK.findall(path.read_text(encoding="utf-8"))
    missing = [
        target for target in targets if "://" not in target and not (path.parent / target).exists()
    ]
    assert targets
    assert not missing


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_nobody_is_sent_to_the_other_project(path):
    # PyPI's package called baal is not this one.
    assert not re.search(r"pip install\s+['\"]?baal\b", path.read_text(encoding="utf-8"))


def test_the_result_of_the_main_job_is_marked_and_complete():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- demo:start -->\n(.*?)\n<!-- demo:end -->", text, re.DOTALL)[1]
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 15
    assert "bald" in rows[0]
    assert "random" in rows[0]
