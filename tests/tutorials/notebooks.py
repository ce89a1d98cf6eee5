"""Notebooks: executed in a process of their own, and looked at for what a reader should not see.

`python tests/tutorials/notebooks.py FILE ...` executes each in place; `make tutorials` calls it.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

HANG = 600  # seconds for one cell: a guard against a hang, no measure of speed
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|work|tmp|Users|mnt|opt|usr|var)/\w")


def execute(path):
    """Execute a notebook in an empty folder; gives it as it is then, as plain JSON."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=HANG,
            kernel_name="python3",
            record_timing=False,  # committed notebooks change where their content does
            resources={"metadata": {"path": folder}},
        ).execute(env=environment())
    for cell in notebook.cells:
        cell.metadata.clear()
    return with_joined_streams(json.loads(nbformat.writes(notebook)))


def with_joined_streams(notebook):
    """The notebook, where one stream after the other of a name is one: how it came is chance."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = joined_streams(cell["outputs"])
    return notebook


def joined_streams(outputs):
    """Outputs, of which neighbouring streams of the same name are one."""
    together = []
    for output in outputs:
        name = output.get("name") if output["output_type"] == "stream" else None
        if name is not None and together and together[-1].get("name") == name:
            text = joined(together[-1]["text"]) + joined(output["text"])
            together[-1] = output | {"text": text.splitlines(keepends=True)}
        else:
            together.append(output)
    return together


def as_text(notebook):
    """A notebook as it is committed."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def environment():
    """The process's own, but for the backend: pictures belong into the notebook."""
    own = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    # Transformers imports tqdm's bars for notebooks, which warn where ipywidgets is missing.
    return own | {"PYTHONWARNINGS": "ignore:IProgress not found"}


def problems(notebook):
    """What is wrong with a notebook `{"cells": [...]}` as it is committed, in words."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    counts = [cell["execution_count"] for cell in cells]
    found = []
    if counts != list(range(1, len(cells) + 1)):
        found.append(f"execution counts are {counts}: execute it from top to bottom")
    if not any(cell["outputs"] for cell in cells):
        found.append("there are no outputs")
    for number, cell in enumerate(cells, start=1):
        found += [f"cell {number} {problem}" for problem in problems_of_outputs(cell["outputs"])]
    return found


def problems_of_outputs(outputs):
    """What is wrong with the outputs of one cell."""
    for output in outputs:
        if output["output_type"] == "error":
            yield f"ended with {output['ename']}: {output['evalue']}"
        if output.get("name") == "stderr":
            yield f"wrote to stderr: {joined(output['text'])[:200]!r}"
        for text in texts(output):
            if match := MACHINE_PATH.search(text):
                yield f"shows a path of a machine: {text[match.start() :][:60]!r}"


def texts(output):
    """All of an output that is read as text; pictures are not."""
    yield joined(output.get("text", ""))
    for kind, value in output.get("data", {}).items():
        if kind.startswith("text/"):
            yield joined(value)


def joined(text):
    """A text, which notebooks keep as one string or as its lines."""
    return text if isinstance(text, str) else "".join(text)


if __name__ == "__main__":
    for file in sys.argv[1:]:
        executed = execute(file)
        Path(file).write_text(as_text(executed), encoding="utf-8")
        print(file, *problems(executed), sep="\n  ")
