"""Labels as CSV and JSONL, out of a store and into a dataset.

A CSV cell holds JSON in the store's own form, but for a string that is plain text and could be
nothing else: `cat` rather than `"cat"`. So people can fill in a column of values by hand, and what
was exported comes back exactly. An empty or blank cell is no answer yet. Of JSONL, each line is an
object with the same names; `null` is no answer yet.
"""

import base64
import csv
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baal.active.label_store.codec import decode_value, strict_json
from baal.active.label_store.store import LabelStore
from baal.exceptions import InvalidArgumentError
from baal.utils.files import replacing

__all__ = ["Answer", "export_labels", "read_labels"]


@dataclass(frozen=True)
class Answer:
    """A label from a file.

    Attributes:
        item_id: Its id, if the file has ids.
        dataset_index: Its dataset index, if the file has them.
        value: The value.
        source: Who or what gave it, if the file says so.

    Example:
        >>> Answer("a.png", None, "cat", "ada").value
        'cat'
    """

    item_id: Any
    dataset_index: int | None
    value: Any
    source: str | None


def export_labels(store: LabelStore, path: str | os.PathLike[str], table: str = "labels") -> int:
    """Write labels into a CSV or JSONL file, whole or not at all.

    Args:
        store: Where they are.
        path: The file, which ends in `.csv` or `.jsonl`; an old one is replaced.
        table: `labels`: what is labelled now; `events`: everything that happened; `waiting`: what
            was proposed and not answered, with an empty column `value` to fill in.

    Returns:
        Number of rows.

    Raises:
        InvalidArgumentError: `path` ends in something else, or there is no such table.
        OSError: The file cannot be written.

    Example:
        >>> import tempfile
        >>> from baal.active.dataset import ActiveLearningDataset
        >>> folder = tempfile.TemporaryDirectory()
        >>> store = LabelStore(Path(folder.name, "labels.db"))
        >>> dataset = ActiveLearningDataset(["a", "b"], item_ids=["a.txt", "b.txt"], store=store)
        >>> dataset.propose(1)
        >>> export_labels(store, Path(folder.name, "ask.csv"), "waiting")
        1
        >>> print(Path(folder.name, "ask.csv").read_text().splitlines()[0])
        dataset_index,item_id,state,time,source,score,value
        >>> store.close(); folder.cleanup()
    """
    is_csv = _is_csv(path)
    n = 0
    with store.reading(), replacing(path) as file:
        names, rows = store.select(table)
        if is_csv:
            file.write(_csv_line([*names, "value"] if table == "waiting" else names))
        for row in rows:
            record = dict(zip(names, row, strict=True))
            if table == "waiting":  # to be filled in, by somebody else
                record.update(source=None, value=None)
            file.write(_csv_record(record) if is_csv else _jsonl_record(record))
            n += 1
    return n


def read_labels(path: str | os.PathLike[str]) -> list[Answer]:
    r"""Read answers from a CSV or JSONL file.

    Args:
        path: The file, which ends in `.csv` or `.jsonl`, in UTF-8. Each answer has a `value`, and
            an `item_id` or a `dataset_index`; `blob` and `source` are optional, the rest is not
            looked at.

    Returns:
        The answers, without those rows that have no value yet.

    Raises:
        InvalidArgumentError: `path` ends in something else, or a line is not as described.
        OSError: The file cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "filled.csv")
        ...     _ = path.write_text("item_id,value\na.png,cat\nb.png,\nc.png,7\n")
        ...     [(answer.item_id, answer.value) for answer in read_labels(path)]
        [('a.png', 'cat'), ('c.png', 7)]
    """
    records = _read_csv(Path(path)) if _is_csv(path) else _read_jsonl(Path(path))
    return [answer for line, record in records for answer in _to_answer(record, f"{path}:{line}")]


def _to_answer(record: dict[str, Any], place: str) -> list[Answer]:
    """None where there is no value yet."""
    try:
        if record["value"] is None:
            return []
        item_id, index = record.get("item_id"), record.get("dataset_index")
        if item_id is None:
            index = record["dataset_index"]
        blob = record.get("blob")
        value = decode_value(record["value"], None if blob is None else base64.b64decode(blob))
    except (LookupError, TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"Expected {place} to have a `value`, and an `item_id` or a `dataset_index`, "
            f"but got {str(record)[:80]}"
        ) from error
    return [Answer(item_id, index, value, record.get("source"))]


def _read_csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    # A spreadsheet writes a byte order mark.
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for row in reader:
                _check_width(row, f"{path}:{reader.line_num}")
                yield reader.line_num, _from_cells(row)
        except (csv.Error, UnicodeDecodeError) as error:
            raise InvalidArgumentError(
                f"Expected {str(path)!r} to be CSV in UTF-8, but got {error} after line "
                f"{reader.line_num}"
            ) from error


def _check_width(row: dict[Any, Any], place: str) -> None:
    """Refuse an answer with a comma that nobody quoted: half of it would be taken for the whole."""
    if any(cell.strip() for cell in row.get(None) or ()):
        raise InvalidArgumentError(
            f"Expected {place} to have no more cells than the first line, but got {row[None]} "
            "beyond them: a cell with a comma in it goes into double quotes"
        )


def _from_cells(row: dict[str, str | None]) -> dict[str, Any]:
    """A row of CSV as one of JSONL, with the value as JSON; blanks around that do not count."""
    record: dict[str, Any] = {name: cell or None for name, cell in row.items() if name}
    for name in {"item_id", "dataset_index", "value"} & record.keys():
        record[name] = (record[name] or "").strip() or None
    for name in ("item_id", "dataset_index"):
        if record.get(name) is not None:
            record[name] = json.loads(_json_of_cell(record[name]))
    if record.get("value") is not None:
        record["value"] = _json_of_cell(record["value"])
    return record


def _read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            yield number, _from_json_line(line, f"{path}:{number}")


def _from_json_line(line: str, place: str) -> dict[str, Any]:
    """A line with its value as JSON of its own."""
    try:
        record: dict[str, Any] = strict_json(line)
        value = record["value"]
        return {**record, "value": None if value is None else json.dumps(value)}
    except (LookupError, TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"Expected {place} to be an object with a `value`, in JSON, "
            f"but got {line.strip()[:80]!r}"
        ) from error


def _csv_record(record: dict[str, Any]) -> bytes:
    return _csv_line([_to_cell(name, content) for name, content in record.items()])


def _jsonl_record(record: dict[str, Any]) -> bytes:
    plain = {name: _base64(content) for name, content in record.items()}
    plain["value"] = None if record["value"] is None else json.loads(record["value"])
    return (json.dumps(plain, ensure_ascii=False) + "\n").encode()


def _base64(content: Any) -> Any:
    """Bytes as text; anything else as it is."""
    return base64.b64encode(content).decode() if isinstance(content, bytes) else content


def _to_cell(name: str, content: Any) -> str:
    """A cell from which the same content comes back."""
    if content is None:
        return ""
    content = _base64(content)
    if name == "value":
        parsed = json.loads(content)
        return _text_cell(parsed) if isinstance(parsed, str) else str(content)
    return _text_cell(content) if name == "item_id" and isinstance(content, str) else str(content)


def _text_cell(text: str) -> str:
    """Text as it is where that is nothing else, else as JSON."""
    plain = text.isprintable() and text.strip() == text != "" and json.loads(_json_of_cell(text))
    return text if plain == text else json.dumps(text)


def _json_of_cell(cell: str) -> str:
    """The JSON that a cell holds; text that is none is a string."""
    try:
        strict_json(cell)
    except ValueError:
        return json.dumps(cell)
    return cell


def _csv_line(cells: list[str]) -> bytes:
    quoted = (
        '"' + cell.replace('"', '""') + '"' if set(cell) & set('",\r\n') else cell for cell in cells
    )
    return (",".join(quoted) + "\r\n").encode()


def _is_csv(path: str | os.PathLike[str]) -> bool:
    suffix = Path(path).suffix.lower()
    if suffix not in {".csv", ".jsonl"}:
        raise InvalidArgumentError(
            f"Expected `path` to end in '.csv' or '.jsonl', but got {str(path)!r}"
        )
    return suffix == ".csv"
