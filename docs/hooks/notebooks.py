"""Turns the notebooks of a site into pages, as they were executed.

A page is plain Markdown: code and printed text as code blocks, tables as HTML, pictures inside of
it. So notebooks look like the other pages, light and dark, and need no script, style or font from
elsewhere.
"""

import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

# Of several forms of an output the first of these is shown.
FORMS = ("image/png", "text/html", "text/markdown", "text/plain")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\((?P<page>[^):#\s]+)\.ipynb(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put a page in place of each notebook; links to notebooks lead to their pages."""
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        notebook = json.loads(Path(str(file.abs_src_path)).read_text(encoding="utf-8"))
        files.remove(file)
        uri = file.src_uri.removesuffix(".ipynb") + ".md"
        files.append(File.generated(config, uri, content=to_markdown(notebook)))
    return files


def to_markdown(notebook: dict[str, Any]) -> str:
    """The cells of a notebook one below the other, with their outputs."""
    parts: list[str] = []
    heading = "this page"
    for cell in notebook["cells"]:
        source = _joined(cell["source"])
        if cell["cell_type"] == "markdown":
            heading = [heading, *HEADING.findall(source)][-1]
            parts.append(LINK.sub(r"](\g<page>.md\g<anchor>)", source))
        elif cell["cell_type"] == "code":
            parts.append(_fenced(source, "python"))
            parts += [
                part for output in _merged(cell["outputs"]) for part in _shown(output, heading)
            ]
    return "\n\n".join(parts) + "\n"


def _merged(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a cell printed in one piece, however often the kernel handed it over."""
    merged: list[dict[str, Any]] = []
    for output in outputs:
        if merged and output["output_type"] == merged[-1]["output_type"] == "stream":
            text = _joined(merged[-1]["text"]) + _joined(output["text"])
            merged[-1] = {**merged[-1], "text": text}
        else:
            merged.append(output)
    return merged


def _shown(output: dict[str, Any], heading: str) -> Iterator[str]:
    if output["output_type"] == "stream":
        yield _fenced(_joined(output["text"]), "text", "output", "no-copy")
    data = output.get("data", {})
    form = next((form for form in FORMS if form in data), None)
    if form == "image/png":
        source = _joined(data[form]).replace("\n", "")
        alt = escape(f"Drawn by the code above: {heading}", quote=True)
        start = f'<img class="output" alt="{alt}" src="data:image/png;base64,'
        yield f'{start}{source}">'
    elif form == "text/html":
        # An empty line would end the block of HTML.
        table = re.sub(r"<style.*?</style>|\n\s*(?=\n)", "", _joined(data[form]), flags=re.DOTALL)
        yield f'<div class="output">\n{table}\n</div>'
    elif form == "text/markdown":
        yield _joined(data[form])
    elif form == "text/plain":
        yield _fenced(_joined(data[form]), "text", "output", "no-copy")


def _fenced(text: str, language: str, *styles: str) -> str:
    fence = "`" * max([3, *(len(ticks) + 1 for ticks in re.findall("`+", text))])
    classes = " ".join(f".{name}" for name in (language, *styles))
    return f"{fence}{{ {classes} }}\n{text.rstrip()}\n{fence}"


def _joined(text: str | list[str]) -> str:
    """A text, which notebooks keep as one string or as its lines."""
    return text if isinstance(text, str) else "".join(text)
