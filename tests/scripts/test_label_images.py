"""Labelling a folder of pictures as a person does it: call, fill in the sheet, call again."""

import csv
import importlib.util
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

SCRIPT = Path(__file__).parents[2] / "experiments" / "label_images.py"
CLASSES = ["zero", "one", "two"]
FAST = ["--size", "8", "--epochs", "3", "--iterations", "5", "--threads", "1"]

spec = importlib.util.spec_from_file_location("label_images", SCRIPT)
label_images = importlib.util.module_from_spec(spec)
spec.loader.exec_module(label_images)


@pytest.fixture
def place(tmp_path):
    """A folder of digits, where the labels go, and the truth by image."""
    digits = load_digits(n_class=3)
    truth = {}
    for number, (image, target) in enumerate(zip(digits.images, digits.target, strict=True)):
        if number == 60:
            break
        path = tmp_path / "pictures" / CLASSES[number % 2] / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15).astype(np.uint8)).save(path)
        truth[path.relative_to(tmp_path / "pictures").as_posix()] = CLASSES[target]
    return tmp_path / "pictures", tmp_path / "out", truth


def command(place, *more):
    folder, out, _ = place
    named = ["--classes", *CLASSES, "--out", out, *FAST, *more]
    return [str(part) for part in (folder, *named)]


def export(place, path):
    """Without the classes, and from a folder that need not be there."""
    return label_images.main(["nowhere", "--out", str(place[1]), "--export", str(path)])


def sheet_of(place):
    with (place[1] / "to_label.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def fill_in(place, answers, delimiter=",", encoding="utf-8"):
    rows = sheet_of(place)
    with (place[1] / "to_label.csv").open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, rows[0].keys(), delimiter=delimiter)
        writer.writeheader()
        writer.writerows({**row, "value": answers.get(row["item_id"], "")} for row in rows)


def test_round_after_round_no_image_is_asked_for_twice(place, capsys):
    truth, asked = place[2], []
    for n in range(4):
        assert label_images.main(command(place, "--query-size", 20)) == 0
        said = capsys.readouterr().out
        if n == 3:
            assert "all images were asked for" in said
            assert sheet_of(place) == []
            break
        names = [row["item_id"] for row in sheet_of(place)]
        assert len(names) == 20
        # What is drawn at random has no score.
        assert [row["score"] == "" for row in sheet_of(place)] == [n == 0] * 20
        assert f"{20 * n} images labelled" in said
        assert ("accuracy on" in said) == (n > 0)
        asked += names
        fill_in(place, truth)
    assert sorted(asked) == sorted(truth)
    out = place[1] / "all.jsonl"
    assert export(place, out) == 0
    exported = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["item_id"]: row["value"] for row in exported} == truth


def test_answers_in_part_and_images_that_cannot_be_labelled(place, capsys):
    label_images.main(command(place, "--query-size", 6))
    first = [row["item_id"] for row in sheet_of(place)]
    answers = {first[0]: "?", first[1]: place[2][first[1]], first[2]: f" {place[2][first[2]]} "}
    # As a spreadsheet in another country saves it.
    fill_in(place, answers, delimiter=";", encoding="utf-8-sig")
    label_images.main(command(place, "--query-size", 6))
    assert "2 images labelled, 1 cannot be, 51 not asked for yet" in capsys.readouterr().out
    second = [row["item_id"] for row in sheet_of(place)]
    assert len(second) == 6
    assert set(first[3:]) <= set(second)
    assert not set(first[:3]) & set(second)
    # Called again without an answer, it asks for the same.
    label_images.main(command(place, "--query-size", 6))
    assert {row["item_id"] for row in sheet_of(place)} == set(second)


def test_what_is_no_answer_is_refused_and_nothing_is_taken(place, capsys):
    label_images.main(command(place, "--query-size", 4))
    names = [row["item_id"] for row in sheet_of(place)]
    fill_in(place, {names[0]: "zero", names[1]: "zro"})
    assert label_images.main(command(place)) == 2
    assert "among ['zero', 'one', 'two'], or '?'" in capsys.readouterr().err
    fill_in(place, {names[0]: "zero"})
    assert label_images.main(command(place, "--query-size", 4)) == 0
    # Another answer for the same image, in an old copy of the sheet.
    (place[1] / "to_label.csv").write_text(f"item_id,value\n{names[0]},one\n")
    assert label_images.main(command(place)) == 2
    assert "relabel" in capsys.readouterr().err
    assert label_images.main(command(place, "--query-size", 4, "--relabel")) == 0
    assert "1 images labelled" in capsys.readouterr().out
    (place[1] / "to_label.csv").write_text("picture,label\n")
    assert label_images.main(command(place)) == 2
    assert "columns item_id and value" in capsys.readouterr().err


def test_options_that_cannot_be_met(place, tmp_path, capsys):
    for wrong in (["--query-size", "0"], ["--size", "7"], ["--classes", "cat", "cat"]):
        with pytest.raises(SystemExit):
            label_images.main(command(place, *wrong))
    (tmp_path / "empty").mkdir()
    arguments = [str(tmp_path / "empty"), "--classes", "a", "b", "--out", str(tmp_path / "other")]
    assert label_images.main(arguments) == 2
    assert "Expected images" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        label_images.main([str(place[0]), "--out", str(tmp_path / "third")])
    assert "--classes must be two or more" in capsys.readouterr().err
    assert export((None, tmp_path / "third"), tmp_path / "all.csv") == 2
    assert "labels.db" in capsys.readouterr().err
    assert not (tmp_path / "third").exists()


def test_killed_at_any_moment_it_goes_on(place):
    """As a process, killed again and again: no answer is lost, and no image asked for twice."""
    truth, answered = place[2], {}
    process = [sys.executable, str(SCRIPT), *command(place, "--query-size", "15")]
    rng = np.random.default_rng(0)
    for _ in range(4):
        with subprocess.Popen(process, stdout=subprocess.DEVNULL) as run:
            time.sleep(rng.uniform(1.0, 4.0))
            run.send_signal(signal.SIGKILL)
        if (place[1] / "to_label.csv").exists() and sheet_of(place):
            fill_in(place, truth)
            answered |= {row["item_id"]: truth[row["item_id"]] for row in sheet_of(place)}
    subprocess.run(process, check=True, stdout=subprocess.DEVNULL)
    waiting = {row["item_id"] for row in sheet_of(place)}
    assert not waiting & set(answered)
    out = place[1] / "all.csv"
    assert export(place, out) == 0
    with out.open(newline="") as file:
        exported = {row["item_id"]: row["value"] for row in csv.DictReader(file)}
    assert exported == answered


def test_what_is_filled_in_while_it_trains_is_taken_too(place, capsys, monkeypatch):
    """The sheet is replaced at the end, minutes after it was read."""
    label_images.main(command(place, "--query-size", 6))
    names = [row["item_id"] for row in sheet_of(place)]
    fill_in(place, {names[0]: "one"})
    ask = label_images.ask

    def ask_meanwhile(*args):
        ask(*args)
        fill_in(place, {names[0]: "one", names[1]: "two", names[2]: "?"})

    monkeypatch.setattr(label_images, "ask", ask_meanwhile)
    assert label_images.main(command(place, "--query-size", 6)) == 0
    assert "2 images labelled, 1 cannot be" in capsys.readouterr().out
    assert not set(names[:3]) & {row["item_id"] for row in sheet_of(place)}
    # What is no answer is an error then as well, and the sheet stays for it to be mended.
    rest = [row["item_id"] for row in sheet_of(place)]
    fill_in(place, {rest[0]: "one"})
    monkeypatch.setattr(
        label_images, "ask", lambda *args: (ask(*args), fill_in(place, {rest[1]: "tw"}))
    )
    assert label_images.main(command(place, "--query-size", 6)) == 2
    assert "['tw']" in capsys.readouterr().err
    assert {row["item_id"]: row["value"] for row in sheet_of(place)}[rest[1]] == "tw"


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ("001,one\n001,two\n", "one answer for"),  # the rows of two people in one sheet
        ("001,one,two\n", "one answer for"),
        ("nobody,one\n", "ids of items"),
        ("nobody,?\n", "ids of items"),
        ("001,z\xe9ro\n", "UTF-8"),
        ("000,?\n001,?\n", "'\\?' for images without a label"),
    ],
)
def test_a_sheet_that_is_not_clear_changes_nothing(place, capsys, rows, match):
    label_images.main(command(place, "--query-size", 4))
    place_of = {"000": "zero/000.png", "001": "one/001.png"}
    sheet = place[1] / "to_label.csv"
    sheet.write_text("item_id,value\nzero/000.png,zero\n")
    assert label_images.main(command(place, "--query-size", 4)) == 0
    for short, name in place_of.items():
        rows = rows.replace(short, name)
    content = f"item_id,value\none/003.png,one\n{rows}".encode("latin-1")
    sheet.write_bytes(content)
    capsys.readouterr()
    assert label_images.main(command(place)) == 2
    assert re.search(match, capsys.readouterr().err)
    assert sheet.read_bytes() == content
    sheet.unlink()
    assert label_images.main(command(place, "--query-size", 4)) == 0
    assert "1 images labelled, 0 cannot be" in capsys.readouterr().out


def test_a_label_is_taken_away_and_the_classes_stay(place, capsys):
    label_images.main(command(place, "--query-size", 4))
    sheet = place[1] / "to_label.csv"
    # As some spreadsheets save it: every cell in quotes.
    sheet.write_text('"item_id";"value"\n"zero/000.png";"two"\n"one/001.png";"one"\n')
    assert label_images.main(command(place, "--query-size", 4)) == 0
    fewer = [part for part in command(place) if part != "two"]
    assert label_images.main(fewer) == 2
    assert "['two'] are missing" in capsys.readouterr().err
    sheet.write_text("item_id,value\nzero/000.png,?\n")
    assert label_images.main(command(place, "--query-size", 4, "--relabel")) == 0
    assert "1 images labelled, 1 cannot be" in capsys.readouterr().out
    assert "zero/000.png" not in {row["item_id"] for row in sheet_of(place)}


def break_image(place, name):
    """As a copy that was interrupted leaves it; gives what it was."""
    path = place[0] / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return content


def test_images_that_cannot_be_read_are_named_and_set_down(place, capsys):
    truth = place[2]
    content = break_image(place, "one/003.png")
    assert label_images.main(command(place, "--query-size", 40)) == 0
    said = capsys.readouterr().out
    line = "'one/003.png' cannot be read, and is set down as impossible to label: "
    assert said.count(line) == 1
    assert "0 images labelled, 1 cannot be, 19 not asked for yet" in said
    names = [row["item_id"] for row in sheet_of(place)]
    # One more breaks while it waits, and some that have a label: of these it stays.
    fill_in(place, {name: truth[name] for name in names[:30]})
    for name in [*names[:10], names[35]]:
        break_image(place, name)
    assert label_images.main(command(place, "--query-size", 20)) == 0
    said = capsys.readouterr().out
    assert said.count("cannot be read, and is left out of training: ") == 10
    assert "accuracy on 5 labels set aside" in said  # of 6
    assert f"{names[35]!r} cannot be read, and is set down as impossible to label: " in said
    assert "one/003.png" not in said
    assert "30 images labelled, 2 cannot be, 8 not asked for yet" in said
    assert len(sheet_of(place)) == 20
    with label_images.LabelStore(place[1] / "labels.db") as store:
        columns, rows = store.select("waiting")
        rows = [dict(zip(columns, row, strict=True)) for row in rows]
    sources = {row["item_id"]: row["source"] for row in rows if row["state"] != "pending"}
    assert sources == {"one/003.png": "label_images.py", names[35]: "label_images.py"}
    # Once it is mended, a row of one's own labels it.
    (place[0] / "one/003.png").write_bytes(content)
    (place[1] / "to_label.csv").write_text("item_id,value\none/003.png,one\n")
    assert label_images.main(command(place, "--query-size", 20)) == 0
    assert "31 images labelled, 1 cannot be" in capsys.readouterr().out


def test_a_folder_of_which_nothing_can_be_read_changes_nothing(place, capsys):
    assert label_images.main(command(place, "--query-size", 4)) == 0
    for name in place[2]:
        break_image(place, name)
    capsys.readouterr()
    assert label_images.main(command(place, "--query-size", 5)) == 2
    assert "a file that can be read, but got none among 60" in capsys.readouterr().err
    assert len(sheet_of(place)) == 4


def test_images_that_come_and_go_need_a_new_store(place, capsys, tmp_path):
    label_images.main(command(place, "--query-size", 6))
    names = [row["item_id"] for row in sheet_of(place)]
    given = {name: place[2][name] for name in names[:4]}
    fill_in(place, given)
    assert label_images.main(command(place, "--query-size", 6)) == 0
    (place[0] / names[0]).unlink()
    (place[0] / "new.png").write_bytes((place[0] / names[1]).read_bytes())
    (place[0] / "newer.png").write_bytes((place[0] / names[1]).read_bytes())
    capsys.readouterr()
    assert label_images.main(command(place)) == 2
    assert re.search("the 60 images that .* but got 61", capsys.readouterr().err)

    labels, new = tmp_path / "all.csv", (place[0], tmp_path / "out2", place[2])
    assert export(place, labels) == 0
    assert label_images.main(command(new, "--import", labels)) == 2
    assert f"ids of items of this dataset, but got [{names[0]!r}]" in capsys.readouterr().err
    lines = labels.read_text().splitlines(keepends=True)
    labels.write_text("".join(line for line in lines if names[0] not in line))
    fewer = [part for part in command(new, "--import", labels) if part != given[names[1]]]
    assert label_images.main(fewer) == 2
    assert f"['{given[names[1]]}'] are missing" in capsys.readouterr().err
    for _ in range(2):  # a second time nothing is new
        assert label_images.main(command(new, "--query-size", 3, "--import", labels)) == 0
        assert "3 images labelled, 0 cannot be, 55 not asked for yet" in capsys.readouterr().out
    assert export(new, tmp_path / "again.csv") == 0
    with (tmp_path / "again.csv").open(newline="") as file:
        exported = {row["item_id"]: row["value"] for row in csv.DictReader(file)}
    assert exported == {name: given[name] for name in names[1:4]}
