"""The README and the documentation: what they show runs, what they point at exists."""

import json
import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OTHER_PYTHON = re.compile(
    r"^(?!```python\n)[ \t]*(?:`{3,}|~{3,})[ \t{.]*(?i:py|python|pycon|python3|py3)\b.*",
    re.MULTILINE,
)
LINK = re.compile(r"\]\((?P<page>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?[^)]*\)")
FENCED = re.compile(r"^(`{3,})(?!`).*?^\1$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)
# Strict builds of the site check the links of its pages, but not those of files outside of docs.
LINKED = [
    *PAGES,
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*/*.md")),
    *sorted((ROOT / "docs").glob("*/*.ipynb")),
]


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
        # What Lightning does with this torch, and what it says of the number of cores.
        warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
        warnings.filterwarnings("ignore", ".*does not have many workers")
        for block in blocks(path):
            exec(compile(block, str(path), "exec"), namespace)
    if path.name in {"README.md", "index.md"}:
        assert "60 labelled, 440 left in the pool" in capsys.readouterr().out


def test_there_are_blocks_to_run():
    # Contributing is the repository's own CONTRIBUTING.md, about commands and habits.
    assert all(list(blocks(path)) for path in PAGES if path.name != "contributing.md")


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_no_python_block_goes_by_another_name(path):
    # What opens with another word, or is indented, is not executed above.
    assert not OTHER_PYTHON.findall(path.read_text(encoding="utf-8"))


def test_other_names_of_python_are_found():
    named = "```py\n```Python\n  ```python\n~~~python\n``` python title\n```pycon\n"
    assert len(OTHER_PYTHON.findall(named)) == 6
    assert OTHER_PYTHON.findall("```python\nx\n```\n```\n```sql\n```pytest\n") == []


def prose(path):
    """The text of a page without its code; of a notebook, that of its Markdown cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return FENCED.sub("", text)


def anchors(path):
    """The headings of a page as Python-Markdown and code hosts name them."""
    titles = HEADING.findall(prose(path))
    kept = [re.sub(r"[^\w\s-]", "", title).strip().lower() for title in titles]
    return {re.sub(r"[-\s]+", "-", title) for title in kept}


def leads_somewhere(path, page, anchor):
    target = path.parent / page if page else path
    if path.suffix == ".ipynb" or path.parent.name == "tutorials":
        # A notebook is a page of the site.
        target = target if target.exists() else target.with_suffix(".ipynb")
    return target.exists() and (not anchor or anchor in anchors(target))


@pytest.mark.parametrize("path", LINKED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    links = [(m["page"], m["anchor"]) for m in LINK.finditer(prose(path))]
    missing = [link for link in links if "://" not in link[0] and not leads_somewhere(path, *link)]
    assert not missing


def test_links_that_lead_nowhere_are_found():
    readme, heuristics = ROOT / "README.md", "docs/heuristics.md"
    assert leads_somewhere(readme, heuristics, "which-one")
    assert leads_somewhere(readme, "", "in-one-screen")
    assert not leads_somewhere(readme, heuristics, "which-two")
    assert not leads_somewhere(readme, "docs/nowhere.md", None)
    assert sum(len(LINK.findall(prose(path))) for path in LINKED) > 100


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


def test_what_the_first_lines_say_of_the_main_job_is_in_its_table():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    row = re.compile(r"^\| +(\d+) \| +([\d.]+) ± .*?\| +([\d.]+) ± ", re.MULTILINE)
    errors = {int(labels): (float(bald), float(rand)) for labels, bald, rand in row.findall(text)}
    assert "With 90 labels chosen so, the model below errs less than with 160 random ones" in text
    assert errors[90][0] < errors[160][1]
